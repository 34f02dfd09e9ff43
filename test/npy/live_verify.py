# Run by numpy-live.test.ts after it made files: standard input is {"folder", "made": [{file, from, order, form}]}. Prints
# what NumPy finds wrong with them, as a JSON list.

import io, json, sys, warnings
import numpy as np

warnings.simplefilter('ignore')
config = json.load(sys.stdin)
wrong = []


def raw(a):
    return a.view(f'V{a.dtype.itemsize}')


def same(x, y):
    """Equal as JavaScript's values can be: any NaN is a NaN, padding does not matter."""
    if x.dtype.names is not None: return all(same(x[n], y[n]) for n in x.dtype.names)
    if x.dtype.kind == 'c': return same(x.real, y.real) and same(x.imag, y.imag)
    if x.dtype.kind == 'f':
        nan = np.isnan(x) & np.isnan(y)
        return bool((nan | ((x == y) & (np.signbit(x) == np.signbit(y)))).all())
    return x.tobytes() == y.tobytes()


for made in config['made']:
    path = f"{config['folder']}/{made['file']}"
    want = np.load(f"{config['folder']}/{made['from']}")
    with open(path, 'rb') as f: data = f.read()
    got = np.load(io.BytesIO(data))
    # by way of plain bytes: np.empty makes another dtype of >M8
    plain = np.empty(want.shape, f'V{want.dtype.itemsize}', order=made['order'])
    plain[...] = raw(want)
    ordered = plain.view(want.dtype)
    buffer = io.BytesIO()
    np.save(buffer, ordered)
    if got.dtype != want.dtype or got.shape != want.shape: wrong.append([made, str(got.dtype), got.shape])
    elif made['form'] == 'nested':
        if not same(got, want): wrong.append([made, 'elements', repr(got)[:500], repr(want)[:500]])
        if len(data) != len(buffer.getvalue()): wrong.append([made, 'length'])
    elif data != buffer.getvalue(): wrong.append([made, 'bytes', data.hex()[:4000], buffer.getvalue().hex()[:4000]])

print(json.dumps(wrong))
