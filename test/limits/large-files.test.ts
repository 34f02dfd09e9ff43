import { constants } from 'node:buffer'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildInfo, LayoutError, Memmap, open, readHeader, slice } from '../../src/index.ts'
import { canBeHuge, GIB, type HugeFile, hugeFile } from './huge.ts'

/** Elements of float64: 40 GiB. */
const COUNT = 5 * GIB
/** Element numbers around the places where 32-bit arithmetic ends, in bytes and in elements; and the ends. */
const EDGES = [0, 2 ** 31 / 8, 2 ** 32 / 8, 2 ** 33 / 8, 2 ** 31, 2 ** 32, (33 * GIB) / 8, COUNT - 1]
const places = [...new Set(EDGES.flatMap((edge) => [edge - 17, edge - 16, edge - 1, edge, edge + 1]))].filter(
  (i) => i >= 0 && i < COUNT,
)
const marks = new Map(places.map((element, i) => [element, i + 0.5]))
const valueAt = (element: number): number => marks.get(element) ?? 0
const expected = (start: number, count: number, step = 1): number[] =>
  Array.from({ length: count }, (_, i) => valueAt(start + i * step))

const possible = canBeHuge()
let file: HugeFile

beforeAll(() => {
  if (possible) file = hugeFile('float64', [COUNT], marks)
})
afterAll(() => {
  if (!possible) return
  const used = file.diskUsage()
  file.remove()
  expect(used).toBeLessThan(4096)
  expect(existsSync(dirname(file.path))).toBe(false)
})

test('the addon is there', () => {
  expect(buildInfo().reason).toBeNull()
})

describe.runIf(possible).each([{ mmap: true }, { mmap: false }])('a 40 GiB array, %o', ({ mmap }) => {
  let a: Memmap<'float64'>
  beforeAll(() => {
    a = open<'float64'>(file.path, { mmap })
  })
  afterAll(() => a.close())

  test('is described as it is', () => {
    expect([a.size, a.nbytes, a.shape]).toEqual([COUNT, 40 * GIB, [COUNT]])
    expect(readHeader(file.path).fileByteLength).toBe(40 * GIB + file.byteOffset)
  })

  test('get, at first and after many', () => {
    for (let round = 0; round < 3; round++) {
      for (const i of places) expect(a.get(i)).toBe(valueAt(i))
      for (const i of places) expect(a.get(i - COUNT)).toBe(valueAt(i))
    }
    expect(() => a.get(COUNT)).toThrow(/out of bounds/)
    expect(() => a.get(-COUNT - 1)).toThrow(/out of bounds/)
  })

  test('copies of slices', async () => {
    for (const edge of EDGES) {
      const start = Math.max(0, Math.min(edge - 20, COUNT - 40))
      const part = a.slice(slice(start, start + 40))
      expect([...part.toTypedArray()]).toEqual(expected(start, 40))
      expect([...(await part.read())]).toEqual(expected(start, 40))
      expect(part.toArray()).toEqual(expected(start, 40))
      expect([...new Float64Array(part.toBytes().buffer)]).toEqual(expected(start, 40))
      expect([...part.slice('::-1').toTypedArray()]).toEqual(expected(start, 40).reverse())
      expect([...a.slice(slice(start - COUNT, start + 40)).toTypedArray()]).toEqual(expected(start, 40))
      await part.prefetch()
      part.advise('random')
    }
  })

  test('huge steps', async () => {
    const steps = a.slice(slice(0, null, 2 ** 28))
    expect(steps.size).toBe(20)
    expect([...steps.toTypedArray()]).toEqual(expected(0, 20, 2 ** 28))
    expect([...(await steps.read())]).toEqual(expected(0, 20, 2 ** 28))
    const back = a.slice(slice(null, null, -(2 ** 29)))
    expect([...back.toTypedArray()]).toEqual(expected(COUNT - 1, 10, -(2 ** 29)))
    expect([...a.slice(slice(2 ** 32 - 1, null, -(2 ** 31))).toTypedArray()]).toEqual([
      valueAt(2 ** 32 - 1),
      valueAt(2 ** 31 - 1),
    ])
  })

  test('a column of a matrix', async () => {
    const matrix = a.reshape([COUNT / 2 ** 28, 2 ** 28])
    expect([...matrix.slice(null, 0).toTypedArray()]).toEqual(expected(0, 20, 2 ** 28))
    expect([...(await matrix.slice(null, -1).read())]).toEqual(expected(2 ** 28 - 1, 20, 2 ** 28))
    expect(matrix.get(16, 0)).toBe(valueAt(2 ** 32))
    expect(matrix.get(-1, -1)).toBe(valueAt(COUNT - 1))
    const corner = matrix.slice('-2:', '-3:').transpose()
    expect([...corner.toTypedArray()]).toEqual(
      [3, 2, 1].flatMap((j) => [valueAt(COUNT - 2 ** 28 - j), valueAt(COUNT - j)]),
    )
  })

  test('the last chunks', () => {
    const chunks = a.slice(slice(COUNT - 1_000_000, null)).chunks({ byteLength: 4_000_000 })
    const last = [...chunks].at(-1)
    expect(last?.view.get(-1)).toBe(valueAt(COUNT - 1))
  })

  test.runIf(constants.MAX_LENGTH <= 4 * GIB)('a copy that no array can hold names a slice that works', () => {
    const error = thrownBy(() => a.toBytes())
    expect(error).toBeInstanceOf(LayoutError)
    expect((error as LayoutError).reason).toBe('size')
    expect(namedSlice(error, a).size).toBe((2 * GIB) / 8)
  })
})

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return null
}

/** The slice that the message names. */
function namedSlice(error: unknown, array: Memmap<'float64'>): ReturnType<Memmap<'float64'>['slice']> {
  const named = /take slice\('([^']+)'\)/.exec((error as Error).message)?.[1]
  expect(named).toBeDefined()
  return array.slice(named as string)
}

describe.runIf(possible)('typed arrays over a 40 GiB file', () => {
  test('small ones, anywhere', () => {
    const a = open<'float64'>(file.path)
    for (const edge of EDGES) {
      const start = Math.max(0, Math.min(edge - 20, COUNT - 40))
      const part = a.slice(slice(start, start + 40))
      expect([...part.typedArray]).toEqual(expected(start, 40))
      const { data, offset, stride } = part.slice('::-1').toNdarray()
      expect(Array.from({ length: 40 }, (_, i) => data[offset + i * stride[0]!])).toEqual(expected(start, 40).reverse())
    }
    a.close()
  })

  test('across the grid of windows', () => {
    const a = open<'float64'>(file.path)
    for (let line = 1; line < 20; line++) {
      // The grid lies over the file: its lines are header bytes before those of the data.
      const element = (line * 2 * GIB - file.byteOffset) / 8
      const part = a.slice(slice(element - 5, element + 5))
      expect([...part.typedArray]).toEqual(expected(element - 5, 10))
      const long = a.slice(slice(element - 5, element + GIB / 8))
      expect([long.typedArray.length, long.typedArray[5]]).toEqual([GIB / 8 + 5, valueAt(element)])
    }
    a.close()
  })

  test('as long as the runtime makes them', () => {
    const a = open<'float64'>(file.path)
    const longest = Math.min(constants.MAX_LENGTH, 40 * GIB)
    const starts = [0, 3, 2 ** 29 - 16, 2 ** 29 - 15, COUNT - longest / 8]
    for (const start of starts.filter((at) => at >= 0 && at + longest / 8 <= COUNT)) {
      const typed = a.slice(slice(start, start + longest / 8)).typedArray
      expect(typed.length).toBe(longest / 8)
      for (const i of places) if (i >= start && i < start + typed.length) expect(typed[i - start]).toBe(valueAt(i))
    }
    for (const length of [4 * GIB - 8, 4 * GIB, 3 * GIB]) {
      const start = 2 ** 32 - 5
      expect(a.slice(slice(start, start + length / 8)).typedArray[5]).toBe(valueAt(2 ** 32))
    }
    a.close()
  })

  test.runIf(constants.MAX_LENGTH <= 4 * GIB)('longer ones name a slice that works', () => {
    const a = open<'float64'>(file.path)
    for (const start of [0, 5, 2 ** 30]) {
      const part = a.slice(slice(start, start + (4 * GIB) / 8 + 1)) as unknown as Memmap<'float64'>
      const error = thrownBy(() => part.typedArray)
      expect(error).toBeInstanceOf(LayoutError)
      expect((error as LayoutError).reason).toBe('window')
      const named = namedSlice(error, part)
      expect(named.typedArray.length).toBe((2 * GIB) / 8)
      expect(named.typedArray[0]).toBe(valueAt(start))
    }
    a.close()
  })

  test('none on pread', () => {
    const a = open<'float64'>(file.path, { mmap: false })
    expect(thrownBy(() => a.slice(':5').typedArray)).toMatchObject({ name: 'LayoutError', reason: 'source' })
    a.close()
  })
})

describe.runIf(possible).each([{ mmap: true }, { mmap: false }])('writes past 4 GiB, %o', ({ mmap }) => {
  test('are seen by every other reader', async () => {
    const own = hugeFile('uint8', [20 * GIB], new Map())
    const a = open<'uint8'>(own.path, { mode: 'r+', mmap })
    const [second, read] = [open<'uint8'>(own.path), open<'uint8'>(own.path, { mmap: false })]
    const spots = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 33, 20 * GIB - 1]
    for (const [i, spot] of spots.entries()) a.set(spot, i + 1)
    a.slice(slice(5 * GIB, 5 * GIB + 100)).fill(9)
    a.slice(slice(6 * GIB, 6 * GIB + 3)).assign(Uint8Array.of(7, 8, 9))
    a.slice(slice(7 * GIB, null, 3 * GIB)).assign([21, 22, 23, 24, 25])
    if (mmap) a.slice(slice(9 * GIB, 9 * GIB + 4)).typedArray[2] = 77
    await a.flush({ start: 2 ** 32, stop: 2 ** 32 + 100 })
    for (const b of [second, read]) {
      for (const [i, spot] of spots.entries()) expect(b.get(spot)).toBe(i + 1)
      expect(b.get(0)).toBe(0)
      expect(b.get(2 ** 32 - 2)).toBe(0)
      expect([...b.slice(slice(5 * GIB - 1, 5 * GIB + 2)).toTypedArray()]).toEqual([0, 9, 9])
      expect([...b.slice(slice(6 * GIB, 6 * GIB + 4)).toTypedArray()]).toEqual([7, 8, 9, 0])
      expect([...b.slice(slice(7 * GIB, null, 3 * GIB)).toTypedArray()]).toEqual([21, 22, 23, 24, 25])
      expect(b.get(9 * GIB + 2)).toBe(mmap ? 77 : 0)
      b.close()
    }
    a.close()
    expect(own.diskUsage()).toBeLessThan(4096)
    own.remove()
  })

  test('create 20 GiB without reserving', () => {
    const directory = dirname(file.path)
    const path = join(directory, `created-${mmap}.npy`)
    const a = Memmap.create<'float64'>(path, { dtype: 'float64', shape: [20, GIB / 8], reserve: false, mmap })
    a.set([19, GIB / 8 - 1], 2.5)
    a.set([4, 0], 1.5)
    a.close()
    expect(statSync(path).size).toBe(20 * GIB + 128)
    expect(statSync(path).blocks).toBeLessThan(8192)
    const b = open<'float64'>(path, { mmap: !mmap })
    expect([b.get(19, -1), b.get(4, 0), b.get(4, 1)]).toEqual([2.5, 1.5, 0])
    expect([...b.slice(null, 0).toTypedArray()].indexOf(1.5)).toBe(4)
    b.close()
  })

  test('raw at an offset beyond 4 GiB', () => {
    const byteOffset = file.byteOffset + 2 ** 32 * 8
    const a = Memmap.raw<'float64'>(file.path, { dtype: 'float64', byteOffset, mmap })
    expect(a.get(0)).toBe(valueAt(2 ** 32))
    expect(a.get(-1)).toBe(valueAt(COUNT - 1))
    if (mmap) expect(a.slice(':2').typedArray[1]).toBe(valueAt(2 ** 32 + 1))
    const odd = Memmap.raw<'uint8'>(file.path, { dtype: 'uint8', byteOffset: byteOffset + 1, shape: [7], mmap })
    expect([...odd.toTypedArray()]).toEqual([...new Uint8Array(Float64Array.of(valueAt(2 ** 32)).buffer)].slice(1))
    a.close()
    odd.close()
  })
})
