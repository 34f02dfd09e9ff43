// NumPy's numpy/_core/tests/test_memmap.py by the names of its tests: what each asserts, as far as it is about memory maps
// and not about ndarray arithmetic or Python's garbage collector.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildInfo, FormatError, Memmap, NdView } from '../../src/index.ts'
import { expectBytes, temporaryFolder, thrownBy } from '../support/sources.ts'

/** Cases that have nothing to say here. */
export const notPorted: Readonly<Record<string, string>> = {
  test_unnamed_file: 'Memmap takes paths, no file objects',
  test_filename_fileobj: 'Memmap takes paths, no file objects',
  test_arithmetic_drops_references: 'there is no arithmetic on views',
  test_ufunc_return_ndarray: 'there are no ufuncs',
  test_memmap_subclass: 'Memmap is not made to be subclassed',
  test_madvise_no_mmap: 'newer than NumPy 2.4; after close() advise() throws ClosedError, in test/array/view.test.ts',
}

const folder = temporaryFolder()
const SHAPE = [3, 4]
const DATA = [
  [0, 1, 2, 3],
  [4, 5, 6, 7],
  [8, 9, 10, 11],
]
const GRANULARITY = 4096
let serial = 0

describe.each([true, false])('TestMemmap, mmap %s', (mmap) => {
  const newPath = (): string => folder(`mmap-${serial++}`)
  const create = (path: string): Memmap<'float32'> =>
    Memmap.raw<'float32'>(path, { dtype: 'float32', mode: 'w+', shape: SHAPE, mmap })

  it('test_roundtrip', () => {
    const path = newPath()
    create(path).assign(DATA)
    using read = Memmap.raw<'float32'>(path, { dtype: 'float32', mode: 'r', shape: SHAPE, mmap })
    expect(read.toArray()).toEqual(DATA)
    expect(read.writable).toBe(false)
  })

  it('test_open_with_filename', () => {
    const path = newPath()
    using array = create(path)
    array.assign(DATA)
    expect(existsSync(path)).toBe(true)
  })

  it('test_attributes', () => {
    const path = newPath()
    using array = Memmap.raw(path, { dtype: 'float32', mode: 'w+', shape: SHAPE, byteOffset: 1, mmap })
    expect([array.byteOffset, array.mode, statSync(path).size]).toEqual([1, 'w+', 49])
  })

  it.each(['test_filename', 'test_path'])('%s', () => {
    const path = newPath()
    using array = create(relative(process.cwd(), path))
    expect(array.path).toBe(path)
    expect(array.slice(':1').path).toBe(path)
  })

  it('test_flush', async () => {
    const path = newPath()
    using array = create(path)
    array.assign(DATA)
    expect(array.slice(0).toArray()).toEqual(DATA[0])
    await array.flush()
    await array.flush({ start: 1, stop: 2 })
    expectBytes(readFileSync(path), Float32Array.from(DATA.flat()))
  })

  it('test_del', () => {
    using base = create(newPath())
    base.slice(0).fill(5)
    let view: NdView<'float32'> | null = base.slice('0:1')
    expect(view.slice(0).toArray()).toEqual([5, 5, 5, 5])
    view = null
    expect(base.get(0, 0)).toBe(5)
    base.slice(0).fill(6)
    expect(base.get(0, 3)).toBe(6)
  })

  it('test_indexing_drops_references', () => {
    // An index list is a copy: here toTypedArray(), whose memory is not the file's.
    using array = create(newPath())
    array.toTypedArray().fill(1)
    expect(array.get(0, 0)).toBe(0)
  })

  it('test_slicing_keeps_references', () => {
    using array = create(newPath())
    const part = array.slice(':2', ':2')
    expect(part.source).toBe(array.source)
    part.fill(3)
    expect(array.toArray()).toEqual([
      [3, 3, 0, 0],
      [3, 3, 0, 0],
      [0, 0, 0, 0],
    ])
  })

  it('test_view', () => {
    using array = create(newPath())
    const first = array.slice()
    const second = first.slice()
    expect([first.source, second.source]).toEqual([array.source, array.source])
    expect(second.byteStrides).toEqual(array.byteStrides)
    if (buildInfo().addon && mmap) expect(second.typedArray.buffer).toBe(array.typedArray.buffer)
  })

  it('test_getitem', () => {
    using array = create(newPath())
    array.assign(DATA)
    const part = array.slice('1:', ':-1')
    expect(part).toBeInstanceOf(NdView)
    expect(part).not.toBeInstanceOf(Memmap)
    expect(part.toArray()).toEqual([
      [4, 5, 6],
      [8, 9, 10],
    ])
  })

  it('test_mmap_offset_greater_than_allocation_granularity', () => {
    const byteOffset = GRANULARITY + 1
    using array = Memmap.raw<'uint8'>(newPath(), {
      dtype: 'uint8',
      shape: 5 * GRANULARITY,
      mode: 'w+',
      byteOffset,
      mmap,
    })
    expect(array.byteOffset).toBe(byteOffset)
    array.set(-1, 7)
    array.set(0, 8)
    expect([array.get(0), array.get(1), array.get(5 * GRANULARITY - 1)]).toEqual([8, 0, 7])
  })

  it('test_empty_array_with_offset_multiple_of_allocation_granularity', () => {
    const path = newPath()
    writeFileSync(path, 'a'.repeat(GRANULARITY))
    using array = Memmap.raw(path, { dtype: 'uint8', shape: 0, mode: 'w+', byteOffset: GRANULARITY, mmap })
    expect([array.byteOffset, array.size, statSync(path).size]).toEqual([GRANULARITY, 0, GRANULARITY])
    using at = Memmap.raw(path, { dtype: 'uint8', shape: 0, mode: 'r', byteOffset: GRANULARITY, mmap })
    expect(at.toArray()).toEqual([])
  })

  it('test_no_shape', () => {
    const path = newPath()
    writeFileSync(path, 'a'.repeat(16))
    using array = Memmap.raw(path, { dtype: 'float64', mode: 'r+', mmap })
    expect(array.shape).toEqual([2])
  })

  it('test_empty_array', () => {
    // NumPy cannot map an empty file to read it; nothing of it is needed, so here it can be had.
    const path = newPath()
    writeFileSync(path, '')
    using nothing = Memmap.raw(path, { dtype: 'uint8', shape: [0, 4], mode: 'r', mmap })
    expect(nothing.toArray()).toEqual([])
    for (let round = 0; round < 2; round++) {
      using made = Memmap.raw(path, { dtype: 'uint8', shape: [0, 4], mode: 'w+', mmap })
      expect([made.shape, made.toArray()]).toEqual([[0, 4], []])
    }
  })

  it('test_shape_type', () => {
    const path = newPath()
    for (const shape of [3, [3, 4], Object.freeze([3, 4])]) {
      using array = Memmap.raw(path, { dtype: 'uint8', shape, mode: 'w+', mmap })
      expect(array.size).toBe(typeof shape === 'number' ? 3 : 12)
    }
    expect(() =>
      Memmap.raw(path, { dtype: 'uint8', shape: new Int32Array([3, 4]) as never, mode: 'w+', mmap }),
    ).toThrow(TypeError)
  })

  it('test_madvise_normal, test_madvise_on_view', () => {
    using array = create(newPath())
    array.assign(DATA)
    for (const advice of ['normal', 'random', 'sequential', 'willneed', 'dontneed'] as const) {
      array.advise(advice)
      array.slice('1:').advise(advice)
      array.advise(advice, { start: 1, stop: -1 })
    }
    expect(array.toArray()).toEqual(DATA)
  })

  it('a file too short is an error, never lengthened as NumPy does with r+', () => {
    const path = newPath()
    writeFileSync(path, 'short')
    for (const mode of ['r', 'r+'] as const) {
      const error = thrownBy(() => Memmap.raw(path, { dtype: 'float32', mode, shape: SHAPE, mmap }))
      expect(error).toBeInstanceOf(FormatError)
    }
    expect(readFileSync(path, 'utf8')).toBe('short')
  })
})

it('each case of NumPy is ported or has a reason', () => {
  const source = readFileSync(import.meta.filename, 'utf8')
  const cases =
    'roundtrip open_with_filename unnamed_file attributes filename path filename_fileobj flush del arithmetic_drops_references indexing_drops_references slicing_keeps_references view ufunc_return_ndarray getitem memmap_subclass mmap_offset_greater_than_allocation_granularity empty_array_with_offset_multiple_of_allocation_granularity no_shape empty_array shape_type madvise_normal madvise_no_mmap madvise_on_view'
  for (const name of cases.split(' ').map((rest) => `test_${rest}`)) {
    expect(
      source.includes(`'${name}'`) || source.includes(` ${name}'`) || source.includes(`'${name},`) || name in notPorted,
      name,
    ).toBe(true)
  }
})
