// Writing: set, assign and fill on every source that can be written; nothing is cast, nothing overlaps wrongly, and a
// read-only array stays as it is.

import { copyFileSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildInfo, type Memmap, type NdView, open, SelectionError, UnsupportedError } from '../../src/index.ts'
import { inMemory, writeNpy, writeNumbers } from '../support/arrays.ts'
import { close, corpusPath, expectBytes, sources, temporaryFolder, thrownBy } from '../support/sources.ts'

const folder = temporaryFolder()
const mapped = buildInfo().addon
let serial = 0

function path(shape: number[], order: 'C' | 'F' = 'C'): string {
  return writeNumbers(folder(`${serial++}.npy`), shape, order)
}

type Floats = NdView<'float32'>
const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

const writable: { name: string; edit(file: string): Promise<NdView> }[] = [
  ...sources.map(({ name, edit }) => ({ name: `${name} r+`, edit })),
  ...(mapped ? [{ name: 'mapped c', edit: async (file: string) => open(file, { mode: 'c' }) }] : []),
]

describe.each(writable)('$name', ({ edit }) => {
  it('set writes one element', async () => {
    const array = (await edit(path([3, 4]))) as Floats
    array.set([1, -1], 70)
    array.set([-3, 0], 0.1)
    expect(array.get(1, 3)).toBe(70)
    expect(array.get(0, 0)).toBe(Math.fround(0.1))
    array.slice(2).set(1, 5)
    expect(array.toArray()).toEqual([
      [Math.fround(0.1), 1, 2, 3],
      [4, 5, 6, 70],
      [8, 5, 10, 11],
    ])
    for (const indices of [[3, 0], [0, -5], [0], [0, 0, 0], []])
      expect(() => array.set(indices, 1)).toThrow(SelectionError)
    close(array)
  })

  it('broadcasts as NumPy does', async () => {
    const array = (await edit(path([2, 3]))) as Floats
    const row = inMemory('<f4', [3], new Uint8Array(Float32Array.of(7, 8, 9).buffer))
    array.assign(row)
    expect(array.toArray()).toEqual([
      [7, 8, 9],
      [7, 8, 9],
    ])
    array.assign(row.slice('::-1').slice('newaxis'))
    expect(array.toArray()).toEqual([
      [9, 8, 7],
      [9, 8, 7],
    ])
    array.assign(row.slice('1:3').reshape([2, 1]))
    expect(array.toArray()).toEqual([
      [8, 8, 8],
      [9, 9, 9],
    ])
    array.assign(row.slice(0))
    expect(array.toArray()).toEqual([
      [7, 7, 7],
      [7, 7, 7],
    ])
    array.slice('0:0').assign(row)
    for (const bad of [row.slice('0:2'), row.reshape([3, 1]), row.slice('newaxis', 'newaxis'), row.slice('0:0')]) {
      expect(() => array.assign(bad)).toThrow(SelectionError)
    }
    expect(array.toArray()).toEqual([
      [7, 7, 7],
      [7, 7, 7],
    ])
    close(array)
  })

  it.each([
    ['backwards', (a: Floats) => a.assign(a.slice('::-1')), TEN.toReversed()],
    ['one to the right', (a: Floats) => a.slice('1:').assign(a.slice(':-1')), [0, ...TEN.slice(0, 9)]],
    ['one to the left', (a: Floats) => a.slice(':-1').assign(a.slice('1:')), [...TEN.slice(1), 9]],
    ['every other', (a: Floats) => a.slice('5:').assign(a.slice('::2')), [0, 1, 2, 3, 4, 0, 2, 4, 6, 8]],
    ['its own first', (a: Floats) => a.assign(a.slice('3:4')), new Array(10).fill(3)],
    [
      'transposed',
      (a: Floats) =>
        a
          .slice(':9')
          .reshape([3, 3])
          .assign(a.slice(':9').reshape([3, 3]).transpose()),
      [0, 3, 6, 1, 4, 7, 2, 5, 8, 9],
    ],
    ['itself', (a: Floats) => a.assign(a), TEN],
  ] as const)('overlapping: %s', async (_name, move, expected) => {
    const array = (await edit(path([10]))) as Floats
    move(array)
    expect(array.toArray()).toEqual(expected)
    close(array)
  })

  it('overlapping by way of its own typed array', async () => {
    const array = (await edit(path([10]))) as Floats
    if (array.source.kind !== 'file') {
      array.slice('1:').assign(array.slice(':-1').typedArray)
      expect(array.toArray()).toEqual([0, ...TEN.slice(0, 9)])
      array.slice('::-1').assign(array.typedArray)
      expect(array.toArray()).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0, 0])
      array.slice(':-1').toTypedArray({ out: array.slice('1:').typedArray })
      expect(array.toArray()).toEqual([8, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    }
    close(array)
  })

  it('overlapping large blocks', async () => {
    const count = 700_000
    const array = (await edit(path([count]))) as Floats
    array.slice('1:').assign(array.slice(':-1'))
    const moved = array.toTypedArray()
    expect(moved.every((value, i) => value === Math.max(0, i - 1))).toBe(true)
    array.assign(array.slice('::-1'))
    expect(array.toTypedArray().every((value, i) => value === Math.max(0, count - 2 - i))).toBe(true)
    close(array)
  })

  it('takes every other source', async () => {
    for (const source of sources) {
      const array = (await edit(path([3, 4], 'F'))) as Floats
      const from = await source.open(path([4, 3]))
      array.assign(from.transpose())
      expect(array.toArray()).toEqual(from.transpose().toArray())
      array.slice('::2', '::-1').assign(from.transpose().slice('1:'))
      expect(array.slice(0).toArray()).toEqual(from.transpose().slice(1, '::-1').toArray())
      close(from)
      close(array)
    }
  })

  it('casts nothing', async () => {
    const array = (await edit(path([2, 2]))) as Floats
    const before = array.toArray()
    for (const other of ['<f8', '<i4', '<f2', '|V4', '|S4', '<M8[s]', '<c8']) {
      expect(() => array.assign(inMemory(other, [2, 2]))).toThrow(TypeError)
    }
    for (const values of [
      new Float64Array(4),
      new Int32Array(4),
      new Uint8Array(16),
      new DataView(new ArrayBuffer(16)),
    ]) {
      expect(() => array.assign(values as never)).toThrow(TypeError)
    }
    for (const value of ['1', 1n, true, null, undefined, {}, { re: 1, im: 0 }, new Date()]) {
      expect(() => array.fill(value as never)).toThrow(TypeError)
      expect(() => array.set([0, 0], value as never)).toThrow(TypeError)
      expect(() =>
        array.assign([
          [1, 2],
          [3, value],
        ]),
      ).toThrow(TypeError)
    }
    for (const values of [new Float32Array(3), new Float32Array(5), new Float32Array(0)]) {
      expect(() => array.assign(values)).toThrow(SelectionError)
    }
    for (const nested of [
      [1, 2, 3, 4],
      [[1, 2]],
      [[1, 2], [3]],
      [
        [1, 2],
        [3, 4, 5],
      ],
      [],
      [
        [[1], [2]],
        [[3], [4]],
      ],
    ]) {
      expect(() => array.assign(nested)).toThrow(Error)
    }
    expect(array.toArray()).toEqual(before)
    close(array)
  })
})

describe.each(writable)('structured elements, $name', ({ edit }) => {
  const descr = [
    ['a', '|i1'],
    ['', '|V3'],
    ['b', '<i4'],
    ['', '|V8'],
  ] as const
  const file = (): string => writeNpy(folder(`${serial++}.npy`), descr, [3], new Uint8Array(48).fill(0xee))

  it('set keeps the padding, as NumPy does', async () => {
    const array = (await edit(file())) as NdView<'void'>
    array.get(0)
    array.field('b').set(2, 0x11223344 as never)
    array.get(2)
    array.set(1, { a: 1, b: 2 })
    const bytes = array.slice(1).toBytes()
    expect([bytes[0], bytes[4], bytes[5]]).toEqual([1, 2, 0])
    expect([...bytes.subarray(1, 4), ...bytes.subarray(8)]).toEqual(new Array(11).fill(0xee))
    close(array)
  })

  it('a value that fails half way changes nothing', async () => {
    const array = (await edit(file())) as NdView<'void'>
    const before = array.toBytes()
    expect(() => array.set(1, { a: 1, b: 'x' })).toThrow(TypeError)
    expect(() => array.set(1, { a: 1, b: 2 ** 31 })).toThrow(RangeError)
    expect(() => array.fill({ a: 1, b: 'x' })).toThrow(TypeError)
    expect(() => array.assign([{ a: 1, b: 1 }, { a: 1, b: 1 }, { a: 1 }])).toThrow(TypeError)
    expectBytes(array.toBytes(), before)
    close(array)
  })
})

describe('complex and sub-array elements, whole or not at all', () => {
  it.each(sources)('over $name', async (source) => {
    const complex = (await source.edit(
      writeNpy(folder(`${serial++}.npy`), '<c8', [2], new Float32Array(4)),
    )) as NdView<'complex64'>
    expect(() => complex.set(0, { re: 1, im: 'x' } as never)).toThrow(TypeError)
    expect(complex.toArray()).toEqual([
      { re: 0, im: 0 },
      { re: 0, im: 0 },
    ])
    const sub = (await source.edit(
      writeNpy(folder(`${serial++}.npy`), [['m', '|u1', [3]]], [2], new Uint8Array(6)),
    )) as NdView<'void'>
    expect(() => sub.set(0, { m: [1, 2, 256] })).toThrow(RangeError)
    const text = (await source.edit(
      writeNpy(folder(`${serial++}.npy`), '|S3', [2], new Uint8Array(6)),
    )) as NdView<'bytes'>
    expect(() => text.set(0, 'ab\u0100')).toThrow(RangeError)
    expect([sub.get(0), text.get(0)]).toEqual([{ m: [0, 0, 0] }, ''])
    close(complex)
    close(sub)
    close(text)
  })
})

describe('a read-only array', () => {
  it.each([true, false])('refuses every write and stays as it is (mmap %s)', (mmap) => {
    const file = path([2, 2])
    const before = readFileSync(file)
    using array = open<'float32'>(file, { mmap })
    expect(array.writable).toBe(false)
    const writes = [
      () => array.set([0, 0], 1),
      () => array.fill(1),
      () => array.assign(1),
      () =>
        array.assign([
          [1, 2],
          [3, 4],
        ]),
      () => array.assign(new Float32Array(4)),
      () => array.assign(array),
      () => array.slice(0).set(0, 1),
      () => array.slice('0:0').fill(1),
    ]
    for (const write of writes) {
      const error = thrownBy(write)
      expect(error).toBeInstanceOf(UnsupportedError)
      expect(error).toMatchObject({ feature: 'writing to a read-only array', path: file })
      expect(error.message).toContain("mode 'r+' to change it, 'c' to change only this copy")
    }
    expectBytes(readFileSync(file), before)
  })
})

describe('mode c', () => {
  it.skipIf(!mapped)('keeps writes to itself', async () => {
    const file = path([100, 100])
    const before = readFileSync(file)
    using array = open<'float32'>(file, { mode: 'c' })
    using other = open<'float32'>(file)
    array.fill(7)
    array.typedArray[3] = 8
    await array.flush()
    expect([array.get(0, 3), array.get(99, 99), other.get(0, 3), other.get(99, 99)]).toEqual([8, 7, 3, 9999])
    array.close()
    expectBytes(readFileSync(file), before)
  })

  it('needs a mapping', () => {
    const error = thrownBy(() => open(path([2]), { mode: 'c', mmap: false }))
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error).toMatchObject({ feature: 'copy-on-write' })
    expect(error.message).toContain('use load()')
  })
})

describe('mode r+', () => {
  it.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('is seen by a second open at once (mmap %s and %s)', async (first, second) => {
    const file = path([2, 2])
    using array = open<'float32'>(file, { mode: 'r+', mmap: first })
    using other = open<'float32'>(file, { mmap: second })
    array.set([0, 1], 9)
    expect(other.get(0, 1)).toBe(9)
    array.assign([
      [5, 6],
      [7, 8],
    ])
    expect(other.toArray()).toEqual([
      [5, 6],
      [7, 8],
    ])
    await array.flush()
    expect(readFileSync(file).readFloatLE(readFileSync(file).length - 4)).toBe(8)
  })

  it('keeps header and what follows the data', () => {
    const file = folder('trailing.npy')
    copyFileSync(corpusPath('edge/078_trailing_data'), file)
    const before = readFileSync(file)
    const array: Memmap<'float64'> = open<'float64'>(file, { mode: 'r+' })
    array.fill(1)
    array.close()
    const after = readFileSync(file)
    expect(after.length).toBe(before.length)
    expectBytes(after.subarray(0, 128), before.subarray(0, 128))
    expectBytes(after.subarray(144), before.subarray(144))
  })
})
