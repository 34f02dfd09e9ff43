// Archives that NumPy and other programs read: every dtype, order and layout, stored and deflated.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Descr, type NdView, open } from '../../src/index.ts'
import { type Members, savez, savezCompressed } from '../../src/npz/savez.ts'
import { NpzWriter } from '../../src/npz/writer.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { rejectionOf, temporaryFolder } from '../support/sources.ts'
import { chunksOf, memberOf, npyOf, readZip, testWithTools } from './write-support.ts'

const inFolder = temporaryFolder()
const quick = { sync: false }

/** What NumPy does to its array, here. */
const operations: Readonly<Record<string, (a: NdView) => NdView>> = {
  same: (a) => a,
  reversed: (a) => a.slice(...a.shape.map(() => '::-1')),
  strided: (a) => a.slice(...a.shape.map((_, axis) => (axis % 2 === 0 ? '1::2' : '::-2'))),
  transposed: (a) => a.transpose(),
}

/** Every way of making an archive of these members. */
const ways: Readonly<Record<string, (path: string, members: Map<string, NdView>) => Promise<unknown>>> = {
  stored: (path, members) => savez(path, members, quick),
  'stored on pages': (path, members) => savez(path, members, { ...quick, alignment: 16384 }),
  'level 0': (path, members) => savezCompressed(path, members, { ...quick, level: 0 }),
  'level 1': (path, members) => savezCompressed(path, members, { ...quick, level: 1 }),
  'level 6': (path, members) => savezCompressed(path, members, quick),
  'level 9 in short chunks': (path, members) =>
    savezCompressed(path, members, { ...quick, level: 9, blockByteLength: 4096 }),
  async 'member by member, in turn stored and deflated'(path, members) {
    await using writer = await NpzWriter.create(path, quick)
    let compress = false
    for (const [name, array] of members) {
      await writer.write(name, array, { compress })
      compress = !compress
    }
    await writer.close()
  },
  async 'row by row, of unknown length'(path, members) {
    const short = { blockByteLength: 4096 }
    await using writer = await NpzWriter.create(path, { ...quick, compress: short })
    for (const [name, array] of members) {
      const { dtype, shape } = array
      if (shape.length === 0 || shape.includes(0) || dtype.itemSize === 0) {
        await writer.write(name, array)
        continue
      }
      const order = array.order === 'F' ? 'F' : 'C'
      const growing = shape.map((extent, axis) => (axis === (order === 'C' ? 0 : shape.length - 1) ? null : extent))
      const member = await writer.member(name, {
        dtype,
        shape: growing,
        order,
        compress: name.length % 2 === 0 && short,
      })
      await member.write(array)
      await member.close()
    }
    await writer.close()
  },
}

describe.skipIf(!hasNumpy)('NumPy reads equal', () => {
  test('every dtype, byte order, shape and layout, every way', async () => {
    const folder = inFolder('live')
    mkdirSync(folder)
    const cases = JSON.parse(runPython(MAKE, JSON.stringify(folder))) as { base: string; how: string }[]
    expect(cases.length).toBeGreaterThan(500)
    const bases = new Map(cases.map(({ base }) => [base, open(join(folder, base))]))
    const members = new Map(cases.map(({ base, how }) => [`${how}/${base}`, operations[how]!(bases.get(base)!)]))
    const paths: string[] = []
    for (const [index, write] of Object.values(ways).entries()) {
      paths.push(join(folder, `${index}.npz`))
      await write(paths.at(-1)!, members)
    }
    const checked = runPython(CHECK, JSON.stringify({ folder, cases, paths })).trim()
    expect(checked).toBe(`${cases.length * paths.length} equal`)
    testWithTools(paths)
    const last = readZip(paths.at(-1)!)
    for (const member of last.members) if (member.method === 8) chunksOf(last, member, 4096)
    for (const a of bases.values()) a.close()
  })
})

/** What NumPy makes of an archive: for each member its dtype, shape, order and values. */
function seenByNumpy(path: string): Record<string, { dtype: string; shape: number[]; f: boolean; values: unknown }> {
  return JSON.parse(runPython(SEE, JSON.stringify(path)))
}

// NumPy's tests of savez, by their names: numpy/lib/tests/test_io.py and test_format.py.
describe.skipIf(!hasNumpy).each([
  { how: 'savez', write: savez },
  { how: 'savezCompressed', write: savezCompressed },
])('$how', ({ how, write }) => {
  const path = inFolder(`${how}.npz`)
  const see = async (members: Members): Promise<ReturnType<typeof seenByNumpy>> => {
    await write(path, members, quick)
    return seenByNumpy(path)
  }

  test('RoundtripTest: test_array, test_1D, test_record, test_format_2_0', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => [`${i}${'x'.repeat(100)}`, '|i1']) as Descr
    const record = [
      ['x', '<i4'],
      ['y', '<i4'],
    ] as Descr
    const long = { data: new Uint8Array(1000), shape: [1], dtype: names }
    const seen = await see({
      array: [
        [1, 2],
        [3, 4],
      ],
      complex: { data: Float64Array.of(1, 5, 2, 6, 3, 7, 4, 8), shape: [2, 2], dtype: '<c16' },
      '1D': Int32Array.of(1, 2, 3, 4),
      record: { data: new Uint8Array(Int32Array.of(1, 2, 3, 4).buffer), dtype: record },
      long,
    })
    expect(seen.array).toEqual({
      dtype: '<f8',
      shape: [2, 2],
      f: false,
      values: [
        [1, 2],
        [3, 4],
      ],
    })
    expect(seen.complex).toMatchObject({ dtype: '<c16', shape: [2, 2] })
    expect(seen['1D']).toMatchObject({ dtype: '<i4', values: [1, 2, 3, 4] })
    expect(seen.record).toMatchObject({
      shape: [2],
      values: [
        [1, 2],
        [3, 4],
      ],
    })
    expect(seen.long).toMatchObject({ shape: [1] })
    expect(npyOf(memberOf(readZip(path), 'long.npy')).header.version).toEqual([2, 0])
  })

  test('test_multiple_arrays, test_named_arrays, test_BagObj', async () => {
    const [a, b] = [Float64Array.of(1, 2), Float64Array.of(3, 4)]
    await write(path, [a, b], quick)
    expect(readZip(path).members.map(({ name }) => name)).toEqual(['arr_0.npy', 'arr_1.npy'])
    const named = await see({ file_a: a, file_b: b })
    expect(named.file_a?.values).toEqual([1, 2])
    expect(named.file_b?.values).toEqual([3, 4])
    const pairs: [string, Float64Array][] = [
      ['b', b],
      ['a', a],
    ]
    await write(path, new Map(pairs), quick)
    expect(readZip(path).members.map(({ name }) => name)).toEqual(['b.npy', 'a.npy'])
  })

  test('test_savez_filename_clashes', async () => {
    const paths = [0, 1, 2].map((i) => inFolder(`${how}-clash-${i}.npz`))
    await Promise.all(paths.map((each, i) => write(each, { arr: new Float64Array(500_000).fill(i) }, quick)))
    paths.forEach((each, i) => {
      const { data } = npyOf(memberOf(readZip(each), 'arr.npy'))
      expect(data.equals(Buffer.from(new Float64Array(500_000).fill(i).buffer))).toBe(true)
    })
  })

  test('test_empty_npz', async () => {
    for (const none of [{}, [], new Map<string, number>()]) {
      await write(path, none, quick)
      expect(readFileSync(path).length).toBe(22)
    }
    expect(seenByNumpy(path)).toEqual({})
  })

  test('test_compressed_roundtrip', async () => {
    const data = Float64Array.from({ length: 40_000 }, (_, i) => Math.sin(i))
    await write(path, { arr: { data, shape: [200, 200] } }, quick)
    expect(npyOf(memberOf(readZip(path), 'arr.npy')).data.equals(Buffer.from(data.buffer))).toBe(true)
  })

  test('test_multifield_view, test_load_padded_dtype', async () => {
    const base = inFolder(`${how}-padded.npy`)
    const dtypes = JSON.parse(runPython(PADDED, JSON.stringify(base))) as string[]
    const views = dtypes.map((_, i) => open(`${base}.${i}.npy`))
    const seen = await see(views)
    expect(Object.values(seen).map(({ dtype }) => dtype)).toEqual(dtypes)
    for (const view of views) view.close()
  })

  test('test_unicode_field_names, test_huge_header_npz', async () => {
    const wide = Array.from({ length: 10_001 }, (_, i) => [`f${i}`, '|i1']) as Descr
    await write(path, { arr: { data: new Uint8Array(10_001), dtype: wide } }, quick)
    const seen = runPython(
      'import json, sys, numpy as np\nprint(len(np.load(json.load(sys.stdin), max_header_size=400000)["arr"].dtype))',
      JSON.stringify(path),
    )
    expect(seen.trim()).toBe('10001')
    const unicode = await see({ arr: { data: new Uint8Array(8), dtype: [['整数', '<i4']] as Descr } })
    expect(unicode.arr).toMatchObject({ dtype: "[('整数', '<i4')]", shape: [2] })
  })

  test('test_savez_nopickle', async () => {
    const error = await rejectionOf(write(path, { x: { data: new Uint8Array(8), dtype: '|O' } }, quick))
    expect(error).toMatchObject({ name: 'UnsupportedError' })
  })

  test('TestPathUsage.test_savez_load, test_savez_compressed_load', async () => {
    expect(await write(pathToFileURL(path), { lab: 'place holder' }, quick)).toBe(path)
    expect(seenByNumpy(path).lab).toMatchObject({ dtype: '<U12', shape: [], values: 'place holder' })
  })
})

const MAKE = `
import json, sys, warnings, numpy as np
warnings.simplefilter('ignore')
folder = json.load(sys.stdin)
codes = ['?', 'i1', 'u1', 'S1', 'S5', 'V3', 'S0'] + [o + c for o in '<>' for c in
  'i2 i4 i8 u2 u4 u8 f2 f4 f8 f16 c8 c16 c32 M8[ns] m8[h] U1 U3'.split()]
dtypes = [np.dtype(c) for c in codes] + [np.dtype([('x', '<i4'), ('y', '>f8', (2,)), ('s', 'S3')])]
rng, cases = np.random.default_rng(7), []
for i, dtype in enumerate(dtypes):
    for j, shape in enumerate([(), (0,), (70, 60), (2, 3, 4, 1, 5)]):
        n = int(np.prod(shape, dtype=int))
        raw = rng.integers(0, 2 if dtype.kind == 'b' else 256, n * dtype.itemsize, 'u1')
        if dtype.kind == 'U': raw = rng.integers(65, 9000, n * dtype.itemsize // 4).astype(dtype.byteorder + 'u4')
        a = np.frombuffer(raw.tobytes(), dtype).reshape(shape, order='CF'[(i + j) % 2]) if dtype.itemsize else np.zeros(shape, dtype)
        if dtype.itemsize == 0 and n == 0: continue
        np.save(f'{folder}/{i}-{j}.npy', a)
        for how in ('same', 'reversed', 'strided', 'transposed'): cases.append({'base': f'{i}-{j}.npy', 'how': how})
print(json.dumps(cases))
`
const CHECK = `
import io, json, sys, zipfile, numpy as np
spec, count = json.load(sys.stdin), 0
for path in spec['paths']:
    with zipfile.ZipFile(path) as z: assert z.testzip() is None, path
    with np.load(path) as z:
        assert z.files == [c['how'] + '/' + c['base'] for c in spec['cases']]
        for c in spec['cases']:
            a = np.load(spec['folder'] + '/' + c['base'])
            n = range(a.ndim)
            want = {'same': a, 'reversed': a[(...,) + tuple(slice(None, None, -1) for _ in n)],
              'strided': a[(...,) + tuple(slice(1, None, 2) if k % 2 == 0 else slice(None, None, -2) for k in n)],
              'transposed': a.T}[c['how']]
            got = z[c['how'] + '/' + c['base']]
            assert got.dtype.str == want.dtype.str and got.shape == want.shape, (path, c, got.dtype, got.shape)
            assert got.tobytes() == want.tobytes(), (path, c)
            wanted = np.load(io.BytesIO((lambda f: (np.save(f, want), f.getvalue())[1])(io.BytesIO())))
            assert got.flags.fnc == wanted.flags.fnc, (path, c)
            count += 1
print(count, 'equal')
`
const SEE = `
import json, sys, numpy as np
with np.load(json.load(sys.stdin), max_header_size=10**6) as z:
    print(json.dumps({k: {'dtype': str(z[k].dtype) if z[k].dtype.names else z[k].dtype.str, 'shape': z[k].shape, 'f': bool(z[k].flags.fnc),
      'values': z[k].tolist() if z[k].dtype.kind in 'iuf' or z[k].dtype.kind == 'V' and z[k].dtype.itemsize < 100 else str(z[k])} for k in z.files}, default=str))
`
const PADDED = `
import json, sys, numpy as np
base = json.load(sys.stdin)
a = np.ones(2, dtype=[('x', 'i4'), ('y', 'f4'), ('z', 'i8')])
arrays = [a[['x', 'z']], np.zeros(3, np.dtype('i1,i4,i1', align=True)), np.zeros(2, np.dtype({'names': ['a', 'b'], 'formats': ['i1', 'i1'], 'offsets': [0, 4], 'itemsize': 8})),
  np.zeros(3, np.dtype([('c', np.dtype('i1,i4,i1', align=True))]))]
for i, x in enumerate(arrays): np.save(f'{base}.{i}.npy', x)
print(json.dumps([str(np.load(f'{base}.{i}.npy').dtype) for i in range(len(arrays))]))
`
