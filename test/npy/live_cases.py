# Run by numpy-live.test.ts with {"folder", "seed", "corpus"} on standard input: writes .npy files, and what NumPy has for
# random selections of them, into the folder: cases.json, and cases.bin for the bytes.

import importlib.util, itertools, json, sys, warnings
import numpy as np

warnings.simplefilter('ignore')
config = json.load(sys.stdin)
folder, rng = config['folder'], np.random.default_rng(config['seed'])
spec = importlib.util.spec_from_file_location('values', config['corpus'] + '/make-values.py')
values = importlib.util.module_from_spec(spec)
spec.loader.exec_module(values)

inner = np.dtype([('p', '<f4'), ('q', 'S3'), ('w', '>u2', (2,))])
STRUCTS = {
    'packed': np.dtype([('a', '<i4'), ('r', inner), ('m', '>f8', (2, 2)), ('u', '<U2'), ('t', '<M8[us]'), ('z', '?')]),
    'padded': np.dtype({'names': ['x', 'y', 'r'], 'formats': ['i1', '>f8', np.dtype([('k', 'u1'), ('v', '<i8')], align=True)], 'offsets': [1, 5, 16], 'itemsize': 37}),
}
PLAIN = ['i1', 'u1', '?', 'S1', 'S7', 'V1', 'V9']
ORDERED = ['i2', 'i4', 'i8', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'f16', 'c8', 'c16', 'c32', 'M8', 'M8[Y]', 'M8[D]', 'M8[ns]', 'M8[25s]', 'm8', 'm8[h]', 'm8[7us]', 'U1', 'U5']
DTYPES = {**{c: np.dtype(c) for c in PLAIN}, **{o + c: np.dtype(o + c) for c in ORDERED for o in '<>'}, **STRUCTS}
SHAPES = [(), (0,), (3, 0, 2), (7,), (1,), (4, 5), (1, 6), (2, 3, 1, 4, 2)]


def fill(dtype, count, nan=True):
    """Random elements; with nan=False each is its own image in JavaScript, payload and all."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return fill(base, count * int(np.prod(shape)), nan).reshape((count,) + shape)
    out = np.zeros(count, dtype)
    if dtype.names is not None:
        if nan: out = np.frombuffer(rng.integers(0, 256, count * dtype.itemsize, 'u1').tobytes(), dtype).copy()
        for name in dtype.names: out[name] = fill(dtype[name], count, nan)
    elif dtype.kind == 'b': out[:] = rng.integers(0, 2, count)
    elif dtype.kind == 'U':
        n = dtype.itemsize // 4
        code = rng.choice([0, 0, 65, 0xe9, 0x6574, 0x1f600, 0x10ffff], (count, n)).astype(dtype.byteorder + 'u4')
        out = np.ascontiguousarray(code).view(dtype).reshape(count)
    elif dtype.itemsize >= 16 and dtype.kind in 'fc' and dtype.str[1:] in ('f16', 'c32') or (dtype.kind in 'fc' and not nan):
        part = dtype.type(0).real.dtype
        n = count * (2 if dtype.kind == 'c' else 1)
        with np.errstate(all='ignore'):
            double = (rng.standard_normal(n) * 10.0 ** rng.integers(-30, 30, n)).astype('f4' if part.itemsize == 4 else 'f2' if part.itemsize == 2 else 'f8')
        if nan and n: double[rng.integers(0, n)] = rng.choice([np.nan, np.inf, -np.inf, -0.0, 5e-324])
        long = np.zeros(n, part)  # zeros in the padding beside long doubles
        long[:] = double
        if part.itemsize == 16: long.view('u1').reshape(-1, 16)[:, 10:] = 0
        out = (long.byteswap() if dtype.byteorder == '>' else long).view(dtype)
    else: out = np.frombuffer(rng.integers(0, 256, count * dtype.itemsize, 'u1').tobytes(), dtype)
    return out


def raw(a):
    """The same elements as plain bytes: NumPy's own copies leave out the padding of structures."""
    return a.view(f'V{a.dtype.itemsize}')


def swapped(a):
    """In the other byte order. astype() does not swap a datetime64 without a unit (NumPy 2.4)."""
    return a.byteswap().view(a.dtype.newbyteorder('S'))


def selection(shape):
    """A random basic index: for NumPy, and in JSON for JavaScript."""
    py, js = [], []

    def one(n):
        if rng.integers(0, 8) == 0: py.append(None); js.append('newaxis')
        kind = rng.integers(0, 6)
        if kind == 0 and n:
            i = int(rng.integers(-n, n)); py.append(i); js.append(i)
        elif kind == 1: py.append(slice(None)); js.append(None)
        else:
            bound = lambda: None if rng.integers(0, 3) == 0 else int(rng.integers(-n - 2, n + 3))
            step = rng.choice([None, 1, 2, 3, -1, -2, -3, 100])
            s = [bound(), bound(), None if step is None else int(step)]
            py.append(slice(*s)); js.append(s)

    head = len(shape) if rng.integers(0, 3) else int(rng.integers(0, len(shape) + 1))
    for n in shape[:head]: one(n)
    if rng.integers(0, 4) == 0:
        py.append(Ellipsis); js.append('...')
        tail = int(rng.integers(0, len(shape) - head + 1))
        for n in shape[len(shape) - tail:]: one(n)
    return tuple(py), js


blob, at = open(folder + '/cases.bin', 'wb'), 0


def put(data):
    global at
    blob.write(data)
    at += len(data)
    return [at - len(data), len(data)]


files, edits, serial = [], [], itertools.count()
for code, dtype in DTYPES.items():
    for shape in SHAPES:
        for layout in ('C', 'F', 'strided'):
            if layout != 'C' and len(shape) < 2 and layout != 'strided': continue
            count = int(np.prod(shape, dtype=int))
            if layout == 'strided':
                if not shape: continue
                wide = (shape[0] * 2,) + shape[1:]
                a = fill(dtype, count * 2).reshape(wide)[::-2]
            else: a = fill(dtype, count).reshape(shape, order=layout)
            name = f'{next(serial)}.npy'
            version = [None, None, (1, 0), (2, 0), (3, 0)][rng.integers(0, 5)]
            with open(f'{folder}/{name}', 'wb') as f: np.lib.format.write_array(f, a, version=version)
            m = np.load(f'{folder}/{name}', mmap_mode='r') if count else np.load(f'{folder}/{name}')
            assert m.dtype == a.dtype
            cases = []
            for i in range(7):
                py, js = selection(shape) if i else ((), [])
                part = np.asarray(m)[py + (Ellipsis,)] if Ellipsis not in py else np.asarray(m)[py]
                axes = None
                if i % 3 == 2: axes = [int(x) for x in rng.permutation(part.ndim)]; part = part.transpose(axes)
                native = None
                if dtype.kind in 'biufcMm' and dtype.itemsize // (2 if dtype.kind == 'c' else 1) <= 8:
                    native = put(swapped(part).tobytes() if dtype.byteorder == '>' else part.tobytes())
                cases.append({'select': js, 'axes': axes, 'shape': list(part.shape), 'bytes': put(raw(part).tobytes()), 'native': native,
                              'values': values.block(raw(part).tobytes(), m.dtype, part.shape) if part.size <= 24 else None})
            files.append({'code': code, 'file': name, 'str': dtype.str, 'text': str(m.dtype), 'descr': np.lib.format.dtype_to_descr(dtype), 'shape': list(shape), 'fortran': bool(m.flags.fnc), 'cases': cases})

# edits in place: the bytes of the whole file afterwards
for code, dtype in DTYPES.items():
    for shape in ((7,), (4, 5), (2, 3, 1, 4, 2)):
        for order in 'CF':
            count = int(np.prod(shape))
            a = np.array(fill(dtype, count, nan=False).reshape(shape, order=order), order=order)
            before = f'e{next(serial)}.npy'
            np.save(f'{folder}/{before}', a)
            for form in ('view', 'swapped', 'broadcast', 'typed', 'nested', 'fill', 'set'):
                if form == 'swapped' and dtype.names: continue
                if form in ('nested', 'fill', 'set') and code == 'padded': continue
                if form == 'typed' and not (dtype.kind in 'biufcMm' and dtype.itemsize // (2 if dtype.kind == 'c' else 1) <= 8): continue
                py, js = selection(shape)
                b = np.load(f'{folder}/{before}')
                index = py if Ellipsis in py else py + (Ellipsis,)
                part = raw(b)[index]
                if form in ('fill', 'set'): source_shape = ()
                elif form == 'broadcast': source_shape = tuple(1 if rng.integers(0, 2) else n for n in part.shape)[int(rng.integers(0, part.ndim + 1)):]
                else: source_shape = part.shape
                source = np.array(fill(dtype, int(np.prod(source_shape, dtype=int)), nan=False).reshape(source_shape))
                if form == 'set':
                    if not part.size: continue
                    at_index = tuple(int(rng.integers(-n, n)) for n in part.shape)
                    part[at_index] = raw(source)[()]
                else:
                    at_index = None
                    part[...] = raw(source)
                name = f'v{next(serial)}.npy'
                np.save(f'{folder}/{name}', swapped(source) if form == 'swapped' else source)
                whole = open(f'{folder}/{before}', 'rb').read()
                data = b.tobytes(order='F' if b.flags.fnc else 'C') if not dtype.names else raw(b).tobytes(order='F' if b.flags.fnc else 'C')
                edits.append({'code': code, 'file': before, 'source': name, 'form': form, 'index': at_index, 'select': js, 'after': put(whole[:len(whole) - len(data)] + data)})

blob.close()
with open(folder + '/cases.json', 'w') as f: json.dump({'files': files, 'edits': edits}, f)
