// The text of arrays against the real NumPy: committed cases that NumPy 2.4 printed, and as many random arrays as one
// Python process prints in a few seconds. `NPYMAP_WRITE_CASES=1` writes the committed cases anew (then format them:
// `npx biome format --write test/array/print-cases.json`); `NPYMAP_SEED` picks other random arrays.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { formatArray, formatRepr, type PrintableArray, type PrintOptions } from '../../src/array/print.ts'
import { type Descr, DType } from '../../src/layout/dtype.ts'

/** One array, as NumPy prints it. */
interface Case {
  dtype: Descr
  shape: number[]
  /** The elements in C order, deflated, base64; floats wider than eight bytes are sent as float64. */
  data: string
  prefix: string
  options: PrintOptions
  repr: string
  str: string
}

const casesFile = new URL('print-cases.json', import.meta.url)

const PYTHON = String.raw`
import base64, json, sys, warnings, zlib
import numpy as np
warnings.simplefilter('ignore')
np.seterr(all='ignore')
out = []

NUMPY_NAMES = {'threshold': 'threshold', 'edgeItems': 'edgeitems', 'precision': 'precision', 'lineWidth': 'linewidth', 'suppress': 'suppress'}
def case(a, prefix='array', **options):
    a = np.asarray(a)
    raw = a
    if a.dtype == np.dtype('g'): raw = a.astype('f8')
    if a.dtype == np.dtype('G'): raw = a.astype('c16')
    typed = a if prefix == 'array' else a.view(type(prefix, (np.ndarray,), {}))
    with np.printoptions(**{NUMPY_NAMES[k]: v for k, v in options.items()}):
        r, s = repr(typed), str(typed)
    out.append({'dtype': np.lib.format.dtype_to_descr(a.dtype), 'shape': list(a.shape), 'data': base64.b64encode(zlib.compress(raw.tobytes(), 9)).decode(), 'prefix': prefix,
                'options': options, 'repr': r, 'str': s})

NAT = -2**63
STRUCT = np.dtype([('id', '<i4'), ('box', '<f4', (2, 2)), ('inner', [('x', '<f2'), ('y', 'S3')]), ('when', '<M8[ns]'), ('ok', '?'), ('raw', 'V3'), ('tag', '<U3'), ('z', '<c8')])

def fixed():
    floats = [[1., 2.], [0.1], [1/3], [1e8], [99999999.], [1e-4], [9.9e-5], [1000., 1.], [1001., 1.], [0.], [-0., 0.], [1e300, 1e-300], [5e-324], [1.7976931348623157e308],
              [np.nan], [np.inf], [-np.inf], [np.nan, 1.], [np.inf, -1.5], [-np.inf, 1e10], [np.nan, -np.inf, 1e-10], [0.001953125], [2.**-44], [2.**-9, 1], [123456.789, -1e-3],
              [1e16, 1.], [0.1, 1e10], [1., 1.5, 1.25, 1.125], [-1., 10., -100.], [1e5, 1e6], [999999.], [1000000.], [65504.], [0.00011, 0.1], [3.14159265358979, 2.71828182845905],
              [2.**i for i in range(-12, 12)], [10.**i for i in range(-8, 8)], list(np.linspace(0, 1, 11)), list(np.linspace(-1e-5, 1e5, 7))]
    for t in ('f2', 'f4', 'f8', 'g', '>f4', '>f8'):
        for values in floats:
            # a float64 subnormal is a normal float128: its shortest digits there are known only to the longer mantissa
            if t != 'g' or values != [5e-324]: case(np.array(values, t))
    for t in ('f2', 'f4', 'f8'):
        for v in (0., -0., 1., 0.1, 1/3, 999., 1000., 1e6, 1e8, 1e15, 1e16, 1e-4, 9.9e-5, np.nan, np.inf, -np.inf, -2.5):
            case(np.array(v, t))
        case(np.array(floats[0], t), 'Memmap'); case(np.arange(40).reshape(5, 8).astype(t) / 7, 'NdView')
        case(np.array(floats[26], t), precision=3); case(np.array([1e-10, 1., 6e-9], t), suppress=True); case(np.array([.5, 1.5, 2.5], t), precision=0)
    for t in ('c8', 'c16', 'G', '>c16'):
        for values in ([1+2j], [0j], [complex(-0., -0.)], [1e10+1j, 1e-10j], [complex(np.nan, np.inf), complex(-np.inf, 1)], [1.5-2.25j, -100+1e3j], [1/3+1j/7, 1e5]):
            case(np.array(values, t))
    for t in ('c8', 'c16'):
        for v in (1+2j, complex(-0., 1), complex(0, -0.), 1j, complex(np.inf, np.nan), 1e16+1e-5j, complex(1, -np.inf), 1/3+.1j):
            case(np.array(v, t))
    for t in ('i1', 'u1', 'i2', '>i2', 'u2', 'i4', '>i4', 'u4', 'i8', '>i8', 'u8', '>u8'):
        info = np.iinfo(t)
        case(np.array([info.min, info.max, 1, 0], t)); case(np.array(5, t)); case(np.arange(24).reshape(2, 3, 4).astype(t)); case(np.zeros((2, 0), t)); case(np.zeros(0, t))
    for shape in ((), (1,), (3,), (2, 3), (2, 1, 3), (2, 2, 2, 2), (0,), (0, 4), (2, 0, 3), (1, 1, 1, 1), (60,), (3, 30), (2, 2, 30)):
        n = int(np.prod(shape))
        case((np.arange(n) % 3 == 0).reshape(shape)); case(np.arange(n).reshape(shape)); case((np.arange(n) * .37 - 2).reshape(shape))
        case(np.zeros(shape, 'S4')); case(np.zeros(shape, 'U4')); case(np.zeros(shape, 'V3')); case(np.zeros(shape, 'M8[s]')); case(np.zeros(shape, 'm8[ms]'))
        if n < 10: case(np.zeros(shape, STRUCT))
        case(np.arange(n).reshape(shape), 'M'); case(np.arange(n).reshape(shape), 'AVeryLongPrefix', lineWidth=40)
    for shape in ((1001,), (40, 30), (11, 10, 10), (2, 9, 8, 8), (2, 600), (600, 2)):
        n = int(np.prod(shape))
        a = (np.arange(n) % 251).astype('u1').reshape(shape)
        case(a); case(a, 'NdView'); case(a % 2 == 0); case(a.astype('f4') / 3, 'Memmap')
    a = np.arange(120).reshape(4, 5, 6)
    for edge in (1, 2, 3):
        for width in (20, 75):
            case(a, threshold=10, edgeItems=edge, lineWidth=width); case(a / 7, threshold=10, edgeItems=edge, lineWidth=width); case(a.astype('U3'), threshold=10, edgeItems=edge, lineWidth=width)
            case(np.zeros(30, [('a', 'f8', (12,)), ('b', '?', (2, 9))]), threshold=10, edgeItems=edge, lineWidth=width)
    case(np.array([0, 1000000], 'i4').repeat(600)); case(np.r_[np.arange(10), 10**9, np.arange(1000)])
    for s in ("a'b", 'a"b', 'a\'"b', 'tab\t', 'new\nline', 'cr\r', 'back\\slash', '\x00mid', '\x7f', 'é', '中文', '\U0001f600', '\u200b', '\u2028', '\xa0', '\xad', '', ' ', 'x' * 90):
        case(np.array([s])); case(np.array([s, 'zz'])); case(np.array(s)); case(np.array([s, s], '>U95'))
        if all(ord(c) < 256 for c in s):
            b = s.encode('latin-1'); case(np.array([b])); case(np.array([b, b'zz'])); case(np.array(b))
    case(np.array(['\U0001f600' * 20] * 4)); case(np.array(['\U00010ffff' * 3, '\x85\x1c']))
    for u in 'Y M W D h m s ms us ns ps fs as 7D 25s 25ms 3M'.split():
        for values in ([0, 1], [-1, 70000], [NAT], [NAT, 12345], [-123456789], [1234567890123456]):
            for k in 'mM':
                case(np.array(values, 'i8').view(f'{k}8[{u}]'))
        for k in 'mM':
            case(np.array(12345).view(f'{k}8[{u}]')); case(np.array(NAT).view(f'{k}8[{u}]'))
    case(np.array([-1970, -1971, -2100, -3000, 8029, 8030, -13000]).view('M8[Y]')); case(np.array([1, NAT]).view('m8')); case(np.array(7).view('m8')); case(np.array([NAT]).view('M8'))
    case(np.array([1, 2], '>i8').view('>M8[D]')); case(np.array([-2**63 + 1, 2**63 - 1]).view('M8[as]')); case(np.array([-2**63 + 1, 2**63 - 1]).view('M8[h]'))
    for u in ('W', '100h', '3M', 'Y'): case(np.array([2**62, 2**63 - 1]).view(f'M8[{u}]')); case(np.array(2**62 + 5).view(f'm8[{u}]'))
    case(np.arange(40).reshape(8, 5), threshold=5, edgeItems=0)
    case(np.array([b'\0\1', b'a'], 'V2')); case(np.array(b'\xff', 'V1')); case(np.zeros(2, 'V12'))
    s = np.zeros(3, STRUCT); s['id'] = [1, -200, 3]; s['box'] = np.arange(12).reshape(3, 2, 2) / 7; s['inner']['x'] = [.1, 1000, np.nan]; s['inner']['y'] = [b'a', b"'", b'']; s['ok'] = [1, 0, 1]
    s['when'] = ['2020-01-01', 'NaT', '1969-12-31']; s['raw'] = b'\1\2\3'; s['tag'] = ['a', 'é"', '']; s['z'] = [1+2j, 0, 1e10]
    case(s); case(s[0]); case(s[1]); case(s[:0]); case(s, 'NdView')
    for d in ([('a', 'f8')], [('a', 'f4')], [('a', '?')], [('a', 'f2'), ('b', 'f4')], [('a', 'm8[s]'), ('b', 'U2', (2,))], {'names': ['a'], 'formats': ['i4'], 'offsets': [4], 'itemsize': 12},
              [('p', [('x', 'f4'), ('y', 'f4')], (2,))], [('c', 'c16')], [('big', '>i4'), ('bf', '>f8')]):
        case(np.ones(2, d)); case(np.ones((), d)); case(np.zeros((0, 2), d))

def random(seed, count):
    g = np.random.default_rng(seed)
    pick = lambda *x: x[g.integers(len(x))]
    def floats(n, t):
        k = pick('uniform', 'bits', 'scaled', 'rounded', 'ints', 'powers', 'dyadic', 'wide', 'near')
        bits = {'f2': 16, 'f4': 32, 'f8': 64}
        if k == 'uniform': x = g.normal(size=n)
        elif k == 'bits': x = np.frombuffer(g.bytes(n * bits[t] // 8), t)
        elif k == 'scaled': x = g.normal(size=n) * 10. ** g.integers(-12, 12)
        elif k == 'rounded': x = np.round(g.normal(size=n) * 10. ** g.integers(0, 5), g.integers(0, 5))
        elif k == 'ints': x = g.integers(-10 ** g.integers(1, 10), 10 ** g.integers(1, 10), n).astype('f8')
        elif k == 'powers': x = 2. ** g.integers(-30, 30, n)
        elif k == 'dyadic': x = g.integers(-1 << 14, 1 << 14, n) * 2. ** -g.integers(0, 16)
        elif k == 'wide': x = g.normal(size=n) * 10. ** g.integers(-300, 300, n)
        else: x = pick(1e-4, 1e3, 1e6, 1e8, 1.) * (1 + g.integers(-3, 4, n) * 2. ** -pick(10, 23, 52))
        x = x.astype(t).copy()
        if n and g.random() < .2: x[g.integers(n, size=max(1, n // 4))] = pick(np.nan, np.inf, -np.inf, 0., -0.)
        return x
    def values(d, n):
        if d.subdtype:
            base, shape = d.subdtype
            return values(base, n * int(np.prod(shape))).reshape((n, *shape))
        if d.names is not None:
            a = np.zeros(n, d)
            for name in d.names: a[name] = values(d[name], n)
            return a
        if d.kind == 'f': return floats(n, 'f8' if d.itemsize > 8 else f'f{d.itemsize}').astype(d)
        if d.kind == 'c':
            t = 'f4' if d.itemsize == 8 else 'f8'
            a = np.zeros(n, d); a.real = floats(n, t); a.imag = floats(n, t); return a
        if d.kind == 'b': return g.random(n) < pick(.1, .5, .9)
        if d.kind in 'iu':
            info = np.iinfo(d); m = min(info.max, 10 ** int(g.integers(1, 20)))
            return g.integers(max(info.min, -m), m, n, dtype=d.newbyteorder('=').type, endpoint=True).astype(d)
        if d.kind in 'mM':
            m = 10 ** int(g.integers(1, 17))
            a = g.integers(-m * int(g.integers(0, 2)), m, n)
            if g.random() < .3: a[g.random(n) < .3] = NAT
            return a.view(d.newbyteorder('=')).astype(d)
        if d.kind == 'U':
            return np.array([''.join(chr(c) for c in g.choice([39, 34, 92, 10, 9, 32, 65, 122, 0xe9, 0xa0, 0x4e2d, 0x1f600, 0x200b, 0x7f], g.integers(0, d.itemsize // 4 + 1))) for _ in range(n)], d)
        return np.frombuffer(g.bytes(n * d.itemsize), d).copy()
    units = 'Y M W D h m s ms us ns ps fs as 10s 3D'.split()
    def dtype(deep=0):
        k = g.integers(0, 12 if deep < 2 else 10)
        if k < 4: return np.dtype(pick('f2', 'f4', 'f8', 'f4', 'f8', '>f8', '>f4'))
        if k == 4: return np.dtype(pick('c8', 'c16'))
        if k == 5: return np.dtype(pick('?', 'i1', 'u1', 'i2', 'u2'))
        if k == 6: return np.dtype(pick('i4', 'u4', 'i8', 'u8', '>i4', '>u8'))
        if k == 7: return np.dtype(f"{pick('m', 'M')}8[{pick(*units)}]")
        if k == 8: return np.dtype(f'U{g.integers(1, 9)}')
        if k == 9: return np.dtype(f"{pick('S', 'V')}{g.integers(1, 9)}")
        if deep == 0 and g.random() < .5: return dtype(0)
        return np.dtype([(f'f{i}', dtype(deep + 1), *([tuple(int(v) for v in g.integers(1, 4, g.integers(1, 3)))] if g.random() < .25 else [])) for i in range(g.integers(1, 4))])
    for _ in range(count):
        shape = tuple(int(v) for v in g.integers(pick(0, 1, 1, 1), pick(4, 6, 9), g.integers(0, 5)))
        if g.random() < .3: shape = (int(g.integers(1, 60)),)
        if g.random() < .02: shape = (int(g.integers(1001, 1200)),)
        d = dtype()
        a = values(d, int(np.prod(shape))).reshape(shape)
        options = {}
        if g.random() < .3: options['precision'] = int(g.integers(0, 20))
        if g.random() < .2: options['suppress'] = True
        if g.random() < .3: options['lineWidth'] = int(g.integers(10, 120))
        if g.random() < .3: options['threshold'] = int(g.integers(0, 60)); options['edgeItems'] = int(g.integers(1, 5))
        case(a, pick('array', 'Memmap', 'NdView', 'x'), **options)

if sys.argv[1] == 'fixed': fixed()
elif sys.argv[1] == 'random': random(int(sys.argv[2]), int(sys.argv[3]))
else: print(np.__version__); sys.exit()
json.dump(out, sys.stdout)
`

function python(...parameters: string[]): string {
  const run = spawnSync('python3', ['-c', PYTHON, ...parameters], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: { ...process.env, PYTHONIOENCODING: 'utf8' },
  })
  if (run.status !== 0) throw new Error(`python3 failed: ${run.error?.message ?? run.stderr}`)
  return run.stdout
}

/** The version where it prints as ours does; null when there is no Python, no NumPy, or an older one. */
function numpyVersion(): string | null {
  try {
    const version = python('version').trim()
    const [major = 0, minor = 0] = version.split('.').map(Number)
    return major > 2 || (major === 2 && minor >= 4) ? version : null
  } catch {
    return null
  }
}

function half(bits: number): number {
  const sign = bits >> 15 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

/** One element as `get` returns it. */
function decode(dtype: DType, view: DataView, at: number): unknown {
  if (dtype.subarray !== null) {
    const { dtype: inner, shape } = dtype.subarray
    const nest = (axis: number, from: number): unknown => {
      const length = shape[axis]
      if (length === undefined) return decode(inner, view, from)
      const step = inner.itemSize * shape.slice(axis + 1).reduce((a, b) => a * b, 1)
      return Array.from({ length }, (_, index) => nest(axis + 1, from + index * step))
    }
    return nest(0, at)
  }
  if (dtype.fields !== null) {
    return Object.fromEntries(
      Array.from(dtype.fields.values(), (field) => [field.name, decode(field.dtype, view, at + field.byteOffset)]),
    )
  }
  const little = dtype.byteOrder !== '>'
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, Math.min(dtype.itemSize, view.byteLength - at))
  const float = (size: number, from: number): number =>
    size === 2
      ? half(view.getUint16(from, little))
      : size === 4
        ? view.getFloat32(from, little)
        : view.getFloat64(from, little)
  switch (dtype.str.slice(1)) {
    case 'b1':
      return view.getUint8(at) !== 0
    case 'i1':
      return view.getInt8(at)
    case 'u1':
      return view.getUint8(at)
    case 'i2':
      return view.getInt16(at, little)
    case 'u2':
      return view.getUint16(at, little)
    case 'i4':
      return view.getInt32(at, little)
    case 'u4':
      return view.getUint32(at, little)
    case 'u8':
      return view.getBigUint64(at, little)
  }
  switch (dtype.kind) {
    case 'f':
      return float(dtype.itemSize, at)
    case 'c': {
      const part = dtype.itemSize === 8 ? 4 : 8
      return { re: float(part, at), im: float(part, at + part) }
    }
    case 'S':
      return String.fromCharCode(...bytes).replace(/\0+$/, '')
    case 'U': {
      const points = Array.from({ length: dtype.itemSize / 4 }, (_, index) => view.getUint32(at + 4 * index, little))
      return String.fromCodePoint(...points).replace(/\0+$/, '')
    }
    case 'V':
      return bytes
    default:
      return view.getBigInt64(at, little)
  }
}

function arrayOf({ dtype: descr, shape, data }: Case): PrintableArray {
  const bytes = inflateSync(Buffer.from(data, 'base64'))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dtype = DType.of(descr)
  const step = view.byteLength / shape.reduce((a, b) => a * b, 1)
  return {
    dtype,
    shape,
    get: (...indices) =>
      decode(dtype, view, step * indices.reduce((flat, index, axis) => flat * (shape[axis] ?? 0) + index, 0)),
  }
}

function expectSame(cases: readonly Case[]): void {
  const wrong: object[] = []
  for (const each of cases) {
    const array = arrayOf(each)
    const found = { repr: formatRepr(array, each.prefix, each.options), str: formatArray(array, each.options) }
    if (found.repr !== each.repr || found.str !== each.str) {
      wrong.push({
        dtype: each.dtype,
        shape: each.shape,
        options: each.options,
        numpy: { repr: each.repr, str: each.str },
        found,
      })
    }
  }
  expect({ wrong: wrong.length, of: cases.length, first: wrong.slice(0, 3) }).toEqual({
    wrong: 0,
    of: cases.length,
    first: [],
  })
}

if (process.env.NPYMAP_WRITE_CASES !== undefined) {
  const cases = JSON.parse(python('fixed')) as Case[]
  writeFileSync(casesFile, `[\n${cases.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`)
}

describe('arrays as NumPy prints them', () => {
  it('prints the committed cases', () => {
    const cases = JSON.parse(readFileSync(casesFile, 'utf8')) as Case[]
    expect(cases.length).toBeGreaterThan(500)
    expectSame(cases)
  })

  const version = numpyVersion()
  it.skipIf(version === null && process.env.CI === undefined)('prints random arrays like the NumPy at hand', () => {
    expect(version, 'python3 with NumPy 2.4 or later').not.toBeNull()
    expectSame(JSON.parse(python('random', process.env.NPYMAP_SEED ?? '20', '4000')) as Case[])
  })

  it('reads only the corners of an array too large to read', () => {
    const shape = [40_000, 1_000, 1_000]
    const seen: string[] = []
    const array: PrintableArray = {
      dtype: DType.of('uint8'),
      shape,
      get: (...indices) => {
        seen.push(indices.join())
        expect(indices.every((index, axis) => index < 3 || index >= shape[axis]! - 3)).toBe(true)
        return indices.reduce((sum, index) => sum + index) % 256
      },
    }
    const text = formatRepr(array, 'Memmap')
    expect(new Set(seen).size).toBe(216)
    expect(seen.length).toBe(216)
    expect(text.endsWith('shape=(40000, 1000, 1000), dtype=uint8)')).toBe(true)
  })
})
