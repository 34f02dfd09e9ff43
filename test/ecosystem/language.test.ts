// What the language and Node do with what the library returns: iterate, print, clone, turn to JSON.

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  DType,
  load,
  Memmap,
  NdView,
  NpyWriter,
  NpzWriter,
  open,
  openNpz,
  readHeader,
  save,
  savez,
} from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'

const path = temporaryFolder()
const RECORDS = [
  ['x', '<f8'],
  ['when', '<M8[s]'],
  ['pair', '>i2', [2]],
] as const

async function records(name: string): Promise<string> {
  await save(path(name), [{ x: 1, when: 2n, pair: [3, 4] }], { dtype: RECORDS })
  return path(name)
}

describe('structuredClone', () => {
  // A clone has the fields of a DType but no methods and no getters: `descr` is what makes it whole again.
  test('of a header keeps what it says; DType.of(descr) brings the dtype back', async () => {
    const header = readHeader(await records('header.npy'))
    const clone = structuredClone({ ...header, descr: header.dtype.descr })
    const { dtype, descr, ...rest } = clone
    const { dtype: original, ...expected } = header
    expect(rest).toEqual(expected)
    expect(dtype).not.toBeInstanceOf(DType)
    expect({ name: dtype.name, itemSize: dtype.itemSize }).toEqual({ name: 'void', itemSize: 20 })
    expect(dtype.fields?.get('pair')?.byteOffset).toBe(16)
    expect(dtype.equals).toBeUndefined()
    expect(DType.of(descr).equals(original)).toBe(true)
    expect(DType.of(JSON.parse(JSON.stringify(descr))).equals(original)).toBe(true)
  })

  test('of a dtype without fields keeps str, which is enough', () => {
    for (const name of ['float32', '>i8', '<M8[25s]', '|S5', '<U7', '|V3']) {
      const dtype = DType.of(name)
      expect(DType.of(structuredClone(dtype).str).equals(dtype)).toBe(true)
    }
  })

  test('of info() and of recover(), .npy and .npz', async () => {
    await savez(path('a.npz'), { a: new Int16Array(6) })
    const z = openNpz(path('a.npz'))
    const info = z.info('a')
    expect(structuredClone(info)).toEqual({ ...info, dtype: expect.objectContaining({ str: '<i2', itemSize: 2 }) })
    z.close()
    const npz = await NpzWriter.recover(path('a.npz'))
    expect(structuredClone(npz)).toEqual(npz)
    const npy = await NpyWriter.recover(await records('recovered.npy'))
    expect(structuredClone(npy)).toEqual({ ...npy, dtype: expect.objectContaining({ str: '|V20' }) })
  })

  // The algorithm copies fields and drops prototypes; it asks no class. toTransferable() is for threads.
  test('of an array is no array; its toTransferable() is whole', async () => {
    await save(path('array.npy'), [[1, 2]])
    using array = open<'float64'>(path('array.npy'))
    const clone = structuredClone(array) as unknown
    expect(clone).not.toBeInstanceOf(NdView)
    expect(clone).not.toHaveProperty('get')
    using again = Memmap.from(structuredClone(array.toTransferable()))
    expect(again.toArray()).toEqual([[1, 2]])
  })
})

describe('iteration', () => {
  test('an archive is one of [name, array] pairs, for Map and for spreading', async () => {
    await savez(path('map.npz'), { a: new Uint8Array(2), b: new Float64Array([1, 2, 3]) })
    const z = openNpz(path('map.npz'))
    const members = new Map(z)
    expect([...members.keys()]).toEqual(['a', 'b'])
    expect([...z.keys()]).toEqual(['a', 'b'])
    expect(Object.fromEntries([...z].map(([name, array]) => [name, array.toArray()]))).toEqual({
      a: [0, 0],
      b: [1, 2, 3],
    })
    z.close()
  })

  test('chunks go with both kinds of for, Array.from and spreading', async () => {
    await save(
      path('chunks.npy'),
      Float64Array.from({ length: 10 }, (_, i) => i),
    )
    const array = await load<'float64'>(path('chunks.npy'))
    const sizes = (chunks: Iterable<{ view: { size: number } }>): number[] =>
      Array.from(chunks, ({ view }) => view.size)
    expect(sizes(array.chunks({ rows: 4 }))).toEqual([4, 4, 2])
    expect([...array.chunks({ rows: 4 })].map(({ start, stop }) => [start, stop])).toEqual([
      [0, 4],
      [4, 8],
      [8, 10],
    ])
    let total = 0
    for await (const { view } of array.chunks({ rows: 3 })) total += view.toTypedArray().reduce((sum, x) => sum + x, 0)
    expect(total).toBe(45)
  })
})

test('util.inspect shows arrays, dtypes and archives as NumPy does, at any depth', async () => {
  const array = await load(await records('shown.npy'))
  expect(inspect(array)).toMatch(/^NdView\(\[\(1\., '1970-01-01T00:00:02', \[3, 4\]\)\],\n/)
  expect(inspect({ deep: { deeper: { dtype: DType.of('>f4') } } })).toContain("dtype('>f4')")
  expect(inspect(array.dtype)).toMatch(/^dtype\(\[\('x', '<f8'\)/)
  await savez(path('shown.npz'), { w: new Uint8Array(2) })
  const z = openNpz(path('shown.npz'))
  expect(inspect(z)).toMatch(/^NpzFile.*w/)
  z.close()
})
