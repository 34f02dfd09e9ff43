# Writes values.json: the elements of every corpus file that NumPy loads, and under `rich` small files with more telling
# elements than the corpus has, whole in base64. The spelling is that of test/support/sources.ts toJson: 64-bit integers and datetimes as decimal strings, complex as {re, im}, S as latin-1 text, void as {hex}, structured as
# objects. Run it with NumPy >= 2.4 after the corpus changes:  python3 test/corpus/make-values.py

import base64, io, json, math, os, warnings
import numpy as np

warnings.simplefilter('ignore')
here = os.path.dirname(os.path.abspath(__file__))


def number(x):
    x = float(x)
    if math.isnan(x): return 'NaN'
    if math.isinf(x): return 'Infinity' if x > 0 else '-Infinity'
    if x == 0 and math.copysign(1, x) < 0: return '-0'
    return int(x) if x.is_integer() and abs(x) < 2**53 else x


def element(data, dtype):
    """The element whose bytes are `data`: taken apart by offset, so that names and titles play no part."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return block(data, base, shape)
    if dtype.names is not None:
        out = {}
        for name in dtype.names:
            inner, offset = dtype.fields[name][:2]
            out[name] = element(data[offset:offset + inner.itemsize], inner)
        return out
    if dtype.itemsize == 0: return {'hex': ''} if dtype.kind == 'V' else ''
    if dtype.kind == 'V': return {'hex': data.hex()}
    if dtype.kind == 'S': return data.rstrip(b'\0').decode('latin-1')
    if dtype.kind in 'Mm': return str(int(np.frombuffer(data, dtype.byteorder + 'i8')[0]))
    item = np.frombuffer(data, dtype)[0]
    if dtype.kind == 'U': return str(item)
    if dtype.kind == 'b': return bool(item)
    if dtype.kind in 'iu': return str(int(item)) if dtype.itemsize == 8 else int(item)
    if dtype.kind == 'c': return {'re': number(item.real), 'im': number(item.imag)}
    return number(item)


def block(data, dtype, shape):
    if not shape: return element(data, dtype)
    step = dtype.itemsize * math.prod(shape[1:])
    return [block(data[i * step:(i + 1) * step], dtype, shape[1:]) for i in range(shape[0])]


def nested(a):
    return block(a.tobytes(), a.dtype, a.shape)


def descr(dtype):
    return str(dtype)


def main():
    result = {'numpy': np.__version__, 'valid': {}, 'edge': {}}
    for folder in ('valid', 'edge'):
        for entry in json.load(open(os.path.join(here, folder, 'manifest.json'))):
            if 'file' not in entry or entry.get('type') == 'NpzFile': continue
            if folder == 'edge' and not entry['ok']: continue
            try:
                a = np.load(os.path.join(here, folder, entry['file']), max_header_size=2**30)
            except ValueError as error:
                if 'Object arrays' not in str(error): raise
                continue
            if len(descr(a.dtype)) > 10_000: continue
            result[folder][entry['file']] = {'dtype': descr(a.dtype), 'values': nested(a)}

    floats = [0.0, -0.0, 1.5, -2.25, 65504.0, 6e-8, np.inf, -np.inf, np.nan, 0.1, 1 / 3, -1e-5]
    inner = np.dtype([('p', '<f4'), ('q', 'S3'), ('w', '>u2', (2,))], align=True)
    rich = {
        'bool': np.array([True, False, True]),
        'U': np.array(['', 'a', '\u6574\u5f62', '\U0001f600x', 'a\0b', 'abcd'], '<U4'),
        'U >': np.array([['x\u00e9', '\U0010ffff'], ['', 'zz']], '>U2'),
        'S': np.array([b'', b'a', b'\xff\x80', b'a\0b', b'abcd', b'  x'], 'S4'),
        'V': np.frombuffer(bytes(range(30)), 'V3').reshape(5, 2),
        # zeros first: NumPy leaves the padding of np.array(...) as malloc gave it
        'struct': np.zeros(2, [('n', '>i4'), ('r', inner)]),
        'sub-array': np.array([([[1, 2], [3, 4]], 'u'), ([[5, 6], [-7, 8]], '')], [('m', '<i2', (2, 2)), ('t', '<U1')]),
        'padding': np.zeros(2, np.dtype({'names': ['a', 'b'], 'formats': ['<i2', '>f8'], 'offsets': [3, 9], 'itemsize': 20})),
        '__proto__': np.array([(1, 2), (3, 4)], [('__proto__', '<i4'), ('constructor', '<i4')]),
        'F order': np.asfortranarray(np.arange(24, dtype='<i4').reshape(2, 3, 4) - 7),
        '0-d': np.array(-3.5, '>f4'),
        '5-D': np.arange(48, dtype='>i2').reshape(2, 1, 3, 4, 2).transpose(4, 0, 1, 2, 3),
        'empty': np.zeros((3, 0, 2), '<u8'),
    }
    rich['struct']['n'] = [1, -2]; rich['struct']['r']['p'] = [0.5, -1.5]; rich['struct']['r']['q'] = [b'ab', b'']; rich['struct']['r']['w'] = [[1, 2], [65535, 256]]
    rich['padding']['a'] = [5, -6]; rich['padding']['b'] = [0.25, 1e300]
    for order in '<>':
        for code in ('i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8'):
            info = np.iinfo(code)
            values = sorted({info.min, info.max, 0, 1, info.max // 3, info.min // 3})
            rich[f'{order}{code}'] = np.array(values, order + code)
        for code in ('f2', 'f4', 'f8', 'f16'): rich[f'{order}{code}'] = np.array(floats, order + code)
        for code in ('c8', 'c16', 'c32'): rich[f'{order}{code}'] = np.array([complex(a, b) for a, b in zip(floats, floats[::-1])], order + code)
        for unit in ('', '[Y]', '[25s]', '[ns]', '[as]'):
            for kind in 'Mm':
                rich[f'{order}{kind}8{unit}'] = np.array([0, 1, -1, 2**62 + 1, -2**63, -2**63 + 1], order + 'i8').view(f'{order}{kind}8{unit}')
    for name, a in rich.items():
        # the six bytes beside each long double are what malloc gave
        if name[1:] in ('f16', 'c32'):
            raw = a.view('u1').reshape(-1, 16)
            (raw[:, 10:] if name[0] == '<' else raw[:, :6])[:] = 0
    result['rich'] = {}
    for name, a in rich.items():
        f = io.BytesIO()
        np.save(f, a)
        f.seek(0)
        a = np.load(f)
        # tobytes() of a structure leaves garbage in its padding
        raw = f.getvalue()[-a.nbytes:] if a.dtype.names else a.tobytes()
        result['rich'][name] = {'dtype': descr(a.dtype), 'shape': list(a.shape), 'npy': base64.b64encode(f.getvalue()).decode(), 'c': base64.b64encode(raw).decode(), 'values': nested(a)}

    with open(os.path.join(here, 'values.json'), 'w') as f:
        f.write('{\n "numpy": %s' % json.dumps(result['numpy']))
        for folder in ('valid', 'edge', 'rich'):
            rows = [f'  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}' for k, v in result[folder].items()]
            f.write(',\n "%s": {\n%s\n }' % (folder, ',\n'.join(rows)))
        f.write('\n}\n')


if __name__ == '__main__': main()
