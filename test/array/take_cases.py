# Run by take-live.test.ts with {"folder", "seed"} on standard input: writes .npy files, and what NumPy takes of random views
# of them by lists, integer arrays and masks, into the folder: takes.json, and takes.bin for the bytes.

import json, sys
import numpy as np

config = json.load(sys.stdin)
folder, rng = config['folder'], np.random.default_rng(config['seed'])
CODES = ['i1', 'u1', '?', 'S3', 'V7'] + [o + c for o in '<>' for c in ['i2', 'i4', 'u8', 'i8', 'f2', 'f4', 'f8', 'c8', 'c16', 'f16', 'M8[ns]', 'm8[s]', 'U2']]
DTYPES = [np.dtype(c) for c in CODES] + [np.dtype([('a', '<i4'), ('b', '>f8'), ('c', 'S3')])]
SHAPES = [(7,), (1,), (40, 3), (5, 6), (3, 1, 8), (2, 3, 4, 5), (300, 20)]
INDEX = ['list', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'view', 'matrix', 'mask', 'maskview']

blob, at = open(folder + '/takes.bin', 'wb'), 0


def put(data):
    global at
    blob.write(data)
    at += len(data)
    return [at - len(data), len(data)]


def native(a):
    """As this machine's bytes; structures stay as they are."""
    a = np.ascontiguousarray(a)
    return a.byteswap() if a.dtype.byteorder == '>' else a


files = []
for dtype in DTYPES:
    for shape in SHAPES:
        order = 'CF'[rng.integers(0, 2)]
        count = int(np.prod(shape))
        data = rng.integers(0, 2, count, 'u1') if dtype.kind == 'b' else rng.integers(0, 256, count * dtype.itemsize, 'u1')
        if dtype.kind == 'U': data = rng.integers(65, 91, count * dtype.itemsize // 4).astype(dtype.str[0] + 'u4')
        a = np.asarray(np.frombuffer(data.tobytes(), dtype).reshape(shape), order=order)
        name = f'take-{len(files)}.npy'
        np.save(f'{folder}/{name}', a)
        m = np.load(f'{folder}/{name}', mmap_mode='r')
        cases = []
        for i in range(6):
            steps = [[None, None, [None, 1, -1, 2, -2][rng.integers(0, 5)]] for _ in shape]
            axes = [int(x) for x in rng.permutation(len(shape))]
            view = np.asarray(m)[tuple(slice(*s) for s in steps)].transpose(axes)
            axis = int(rng.integers(-len(shape), len(shape)))
            extent = view.shape[axis]
            kind = INDEX[rng.integers(0, len(INDEX))]
            n = int(rng.choice([0, 1, 3, 50]))
            if kind.startswith('mask'):
                index = rng.integers(0, 2, extent).astype(bool)
                got = np.compress(index, view, axis=axis)
            else:
                most = min(extent, 127) if kind in ('i1', 'u1') else extent
                low = 0 if kind.startswith('u') else -most
                index = rng.integers(low, most, (n, 2) if kind == 'matrix' else n)
                got = np.take(view, index, axis=axis)
            # The same by indexing.
            by = view[(slice(None),) * (axis % len(shape)) + (index,)]
            assert native(by).tobytes() == native(got).tobytes() and by.shape == got.shape
            if kind in ('view', 'matrix'): np.save(f'{folder}/index-{len(files)}-{i}.npy', index.astype(rng.choice(['<i4', '>i8', '<i8'])))
            if kind == 'maskview': np.save(f'{folder}/index-{len(files)}-{i}.npy', index)
            cases.append({'steps': steps, 'axes': axes, 'axis': axis, 'kind': kind, 'index': index.ravel().tolist(), 'shape': list(got.shape), 'bytes': put(native(got).tobytes())})
        files.append({'file': name, 'text': str(dtype), 'cases': cases})

blob.close()
with open(folder + '/takes.json', 'w') as f: json.dump(files, f)
