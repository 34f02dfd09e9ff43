// What the real NumPy writes and reads back, member by member, and slices of it; its own tests of npz by name.

import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type NdView, openNpz, SelectionError, type Selector, UnsupportedError } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder, thrownBy } from '../support/sources.ts'

const temporary = temporaryFolder()

interface Sliced {
  readonly key: string
  readonly index: string
  readonly shape: number[]
  readonly base64: string
}

/** Runs Python with `path` and the arrays `d`; what the script puts in `out` comes back. */
function python<T>(path: string, script: string): T {
  return JSON.parse(
    runPython(`
import json, base64, sys, io, zipfile
import numpy as np
path = ${JSON.stringify(path)}
out = None
${script}
json.dump(out, sys.stdout)
`),
  ) as T
}

const MAKE = `
r = np.random.default_rng(3)
d = {
    'noise': r.normal(size=(300, 700)).astype('f4'),
    'small_range': r.integers(0, 1000, size=(400, 500), dtype='i4'),
    'fortran': np.asfortranarray(r.integers(0, 50, size=(333, 222), dtype='i8')),
    'three': (np.arange(60*70*80) % 1009).astype('u2').reshape(60, 70, 80),
    'big_endian': np.arange(100000, dtype='>f8'),
    'record': np.zeros(50000, dtype=[('a', 'i4'), ('b', 'S7'), ('c', 'f8', (2,))]),
    'zeros': np.zeros(3000000, dtype='u1'),
    'complex': (r.normal(size=5000) + 1j * r.normal(size=5000)).astype('c8'),
}
d['record']['a'] = np.arange(50000)
d['record']['b'] = [b'%d' % i for i in range(50000)]
`

/** Random slices in NumPy's notation. */
function randomIndices(shape: readonly number[], random: () => number): string[] {
  return Array.from({ length: 6 }, () =>
    shape
      .map((extent) => {
        const [a, b] = [random(), random()].map((x) => Math.floor(x * extent)) as [number, number]
        const step = Math.ceil(random() * 5) * (random() < 0.3 ? -1 : 1)
        if (random() < 0.2) return String(a)
        return step > 0 ? `${Math.min(a, b)}:${Math.max(a, b)}:${step}` : `${Math.max(a, b)}:${Math.min(a, b)}:${step}`
      })
      .join(','),
  )
}

function selectorsOf(index: string): Selector[] {
  return index.split(',').map((part) => (part.includes(':') ? part : Number(part)))
}

describe.skipIf(!hasNumpy)('slices of what NumPy wrote', () => {
  const random = seededRandom(17)
  const shapes: Record<string, number[]> = {
    noise: [300, 700],
    small_range: [400, 500],
    fortran: [333, 222],
    three: [60, 70, 80],
    big_endian: [100_000],
    record: [50_000],
    zeros: [3_000_000],
    complex: [5000],
  }
  const wanted = Object.entries(shapes).flatMap(([key, shape]) =>
    randomIndices(shape, random).map((index) => ({ key, index })),
  )

  it.each(['savez', 'savez_compressed'])('%s', async (writer) => {
    const path = temporary(`${writer}.npz`)
    const slices = python<Sliced[]>(
      path,
      `${MAKE}
np.${writer}(path, **d)
out = []
for w in json.loads(${JSON.stringify(JSON.stringify(wanted))}):
    part = eval("d['%s'][%s]" % (w['key'], w['index']))
    out.append({**w, 'shape': part.shape, 'base64': base64.b64encode(np.asarray(part, dtype=d[w['key']].dtype).tobytes()).decode()})
`,
    )
    for (const options of [{}, { mmap: false }, { cacheByteLength: 100_000, indexSpacing: 65_536 }]) {
      using z = openNpz(path, options)
      expect([...z.keys()]).toEqual(Object.keys(shapes))
      const check = async ({ key, index, shape, base64 }: Sliced): Promise<void> => {
        const part = z.get(key).slice(...selectorsOf(index))
        expect(part.shape).toEqual(shape)
        expectBytes(part.toBytes(), base64, `${key}[${index}]`)
        if (key === 'record' || key === 'big_endian') return
        expectBytes(await part.read(), base64, `${key}[${index}]`)
      }
      await Promise.all(slices.map(check))
      for (const key of z.keys()) {
        const loaded = await z.load(key)
        expectBytes(loaded.toBytes(), z.get(key).toBytes(), key)
      }
    }
  })
})

describe.skipIf(!hasNumpy)("NumPy's tests of npz", () => {
  function saved(name: string, script: string): string {
    const path = temporary(`${name}.npz`)
    python(path, script)
    return path
  }

  const values = (array: NdView): unknown => array.toArray()

  it('test_multiple_arrays', () => {
    using z = openNpz(
      saved('multiple', 'np.savez(path, np.array([[1, 2], [3, 4]], float), np.array([[1 + 2j, 2 + 7j]]))'),
    )
    expect(values(z.get('arr_0'))).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(values(z.get('arr_1'))).toEqual([
      [
        { re: 1, im: 2 },
        { re: 2, im: 7 },
      ],
    ])
  })

  it('test_named_arrays', () => {
    using z = openNpz(saved('named', 'np.savez(path, file_a=np.array([1.5]), file_b=np.array([2.5]))'))
    expect([values(z.get('file_a')), values(z.get('file_b'))]).toEqual([[1.5], [2.5]])
  })

  it('test_tuple_getitem_raises', () => {
    using z = openNpz(saved('tuple', 'np.savez(path, a=np.array([1, 2]))'))
    expect(() => z.get('(1, 2)')).toThrow(SelectionError)
  })

  it.each([1, 5, 6])('test_repr_lists_keys %i', (count) => {
    const path = saved(`repr-${count}`, `np.savez(path, *[np.zeros(2)] * ${count})`)
    const repr = python<string>(path, 'out = repr(np.load(path))')
    using z = openNpz(path)
    expect(String(z)).toBe(repr)
  })

  it('test_load_non_npy', () => {
    const path = saved(
      'non-npy',
      `
with zipfile.ZipFile(path, 'w') as z:
    with z.open('test1.npy', 'w') as f: np.save(f, np.array(1))
    with z.open('test2', 'w') as f: np.save(f, np.array(2))
    with z.open('metadata', 'w') as f: f.write(b'Name: Test')
    with z.open('test3', 'w') as f: np.save(f, np.array(3))
    with z.open('test3.npy', 'w') as f: np.save(f, np.array(4))
`,
    )
    using z = openNpz(path)
    for (const [key, value] of Object.entries({ test1: 1n, 'test1.npy': 1n, test2: 2n, test3: 3n, 'test3.npy': 4n })) {
      expect([key, values(z.get(key))]).toEqual([key, value])
    }
    expect(Buffer.from(z.get('metadata').toBytes()).toString()).toBe('Name: Test')
  })

  it('test_empty_npz, test_savez_nopickle', async () => {
    using empty = openNpz(saved('empty', 'np.savez(path)'))
    expect(empty.size).toBe(0)
    using z = openNpz(saved('object', "np.savez(path, o=np.array([None, 'a']), a=np.arange(2))"))
    const error = thrownBy(() => z.get('o'))
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error).toMatchObject({ member: 'o.npy', path: z.path })
    expect(await rejectionOf(z.load('o'))).toBeInstanceOf(UnsupportedError)
    expect(values(z.get('a'))).toEqual([0n, 1n])
  })

  it('test_huge_header_npz: refused when it is used, read when it is allowed', () => {
    const path = saved('huge', "np.savez(path, h=np.ones(1, dtype='i,' * 10000 + 'i'))")
    using z = openNpz(path)
    expect(() => z.get('h')).toThrow(/at most 10000 characters/)
    using allowed = openNpz(path, { maxHeaderSize: 180_000 })
    expect(allowed.get('h').shape).toEqual([1])
  })

  it('test_load_padded_dtype, written to a pipe', () => {
    const path = saved(
      'padded',
      `
dt = np.dtype([('', np.dtype('i1')), ('v', 'i4')], align=True)
class Pipe:
    def __init__(self): self.bytes = b''
    def write(self, data): self.bytes += bytes(data); return len(data)
    def flush(self): pass
    def read(self, n=-1): raise io.UnsupportedOperation
p = Pipe()
np.savez(p, a=np.array([(1, 2), (3, 4)], dtype=dt))
open(path, 'wb').write(p.bytes)
`,
    )
    using z = openNpz(path)
    expect(z.get('a').field('v').toArray()).toEqual([2, 4])
  })

  it('70 000 members, one of them last', () => {
    using z = openNpz(saved('many', "np.savez(path, **{'a%d' % i: np.uint8(i % 256) for i in range(70000)})"))
    expect(z.size).toBe(70_000)
    for (const i of [0, 1, 65_535, 65_536, 69_999]) expect(z.get(`a${i}`).get()).toBe(i % 256)
  })
})

it.skipIf(!hasNumpy)('a CRC that NumPy refuses is refused', async () => {
  const path = temporary('crc.npz')
  python(path, 'np.savez_compressed(path, a=np.arange(100000))')
  const bytes = await import('node:fs').then(({ readFileSync }) => readFileSync(path))
  const central = bytes.indexOf('PK\x01\x02', 'latin1')
  bytes[central + 16]! ^= 1
  writeFileSync(path, bytes)
  const verdict = python<string>(path, "try:\n    np.load(path)['a']\nexcept zipfile.BadZipFile:\n    out = 'bad'")
  using z = openNpz(path)
  expect(verdict).toBe('bad')
  expect(() => z.get('a').toTypedArray()).toThrow(/^crc-32/)
  expect(await rejectionOf(z.load('a'))).toMatchObject({ code: 'ERR_INTEGRITY' })
})
