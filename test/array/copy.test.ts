// Copies out of a view, the zero-copy typed array, and why there sometimes is none.

import { constants } from 'node:buffer'
import { describe, expect, it } from 'vitest'
import { buildInfo, LayoutError, type LayoutReason, Memmap, type NdView, open } from '../../src/index.ts'
import { inMemory, writeNpy, writeNumbers } from '../support/arrays.ts'
import { close, corpusPath, rejectionOf, sources, temporaryFolder, thrownBy } from '../support/sources.ts'

const folder = temporaryFolder()
const mapped = buildInfo().addon

function expectLayoutError(call: () => unknown, reason: LayoutReason, remedy: string): void {
  const error = thrownBy(call)
  expect(error).toBeInstanceOf(LayoutError)
  expect(error).toMatchObject({ code: 'ERR_LAYOUT', reason })
  expect(error.message).toContain(remedy)
}

describe('typedArray', () => {
  it.each(sources)('is no copy, over $name', async (source) => {
    const array = (await source.open(writeNumbers(folder(`zero-${source.name}.npy`), [3, 4]))) as NdView<'float32'>
    if (array.source.kind === 'file') {
      expectLayoutError(() => array.typedArray, 'source', 'use toTypedArray() for a copy')
      expectLayoutError(() => array.toNdarray(), 'source', 'use toTypedArray() for a copy')
    } else {
      expect([...array.typedArray]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      expect(array.typedArray.buffer).toBe(array.slice(1).typedArray.buffer)
      expect([...array.slice('1:3', 1).reshape([2, 1]).slice(1).typedArray]).toEqual([9])
    }
    close(array)
  })

  it('says why not: alignment', () => {
    const path = writeNumbers(folder('align.npy'), [4])
    using array = Memmap.raw<'float32'>(path, { dtype: '<f4', byteOffset: 2, shape: 3 })
    if (mapped) expectLayoutError(() => array.typedArray, 'alignment', 'toTypedArray() copies')
    expect(array.toTypedArray().length).toBe(3)
    const odd = inMemory('<f4', [2, 3]).slice(0)
    expect(odd.typedArray.length).toBe(3)
  })

  it('says why not: byte order', () => {
    const array = inMemory('>f4', [2], Uint8Array.of(0x3f, 0x80, 0, 0, 0x40, 0, 0, 0))
    expectLayoutError(() => array.typedArray, 'byteOrder', 'toTypedArray() copies and swaps')
    expectLayoutError(() => array.toNdarray(), 'byteOrder', 'toTypedArray() copies and swaps')
    expect([...(array.toTypedArray() as Float32Array)]).toEqual([1, 2])
  })

  it('says why not: strided', () => {
    const array = inMemory('<f4', [4, 6])
    expectLayoutError(() => array.slice(null, '::2').typedArray, 'strided', 'toTypedArray() copies')
    expectLayoutError(() => array.slice('::-1').typedArray, 'strided', 'toTypedArray() copies')
    expectLayoutError(() => array.transpose().typedArray, 'strided', 'transpose().typedArray')
    expect(array.transpose().transpose().typedArray.length).toBe(24)
    // One row is contiguous whatever its stride.
    expect(array.slice('::9').typedArray.length).toBe(6)
  })

  it.each(['<f16', '<c32', '|S3', '<U2', '|V5', 'i4,f4'])('says why not: dtype %s', (dtype) => {
    const array = inMemory(dtype, [2])
    for (const call of [() => array.typedArray, () => array.toTypedArray(), () => array.toNdarray()]) {
      expectLayoutError(call, 'dtype', 'use toArray() for values, toBytes() for raw bytes')
    }
  })

  it.skipIf(!mapped)('says why not: more than one window, with a slice that fits', () => {
    using array = Memmap.create<'uint8'>(folder('window.npy'), { dtype: 'uint8', shape: 2 ** 42, reserve: false })
    // From Node 22 on one ArrayBuffer may be as long as any file.
    if (constants.MAX_LENGTH >= array.nbytes) expect(array.typedArray.length).toBe(2 ** 42)
    else {
      expectLayoutError(() => array.typedArray, 'window', "take slice('0:2147483648')")
      expectLayoutError(() => array.toNdarray(), 'window', "take slice('0:2147483648')")
    }
    const end = array.slice(`${2 ** 42 - 1000}:`)
    end.set(999, 7)
    expect(end.typedArray[999]).toBe(7)
    expect(array.get(-1)).toBe(7)
    expect(array.slice(`${2 ** 41}:${2 ** 41 + 2 ** 31}`).typedArray.length).toBe(2 ** 31)
  })

  it('says why not: more memory than there is', async () => {
    using array = Memmap.create<'float32'>(folder('size.npy'), {
      dtype: '<f4',
      shape: [2 ** 20, 2 ** 20],
      reserve: false,
    })
    for (const call of [() => array.toTypedArray(), () => array.toBytes(), () => array.toArray()]) {
      expectLayoutError(call, 'size', "take slice('0:512')")
    }
    expect(await rejectionOf(array.read())).toMatchObject({ reason: 'size' })
  })

  it('has two numbers for each complex one, and bytes for bool', () => {
    const complex = inMemory('<c8', [2], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer))
    expect(complex.typedArray).toEqual(Float32Array.of(1, 2, 3, 4))
    expect(complex.toTypedArray()).toEqual(Float32Array.of(1, 2, 3, 4))
    expectLayoutError(() => complex.toNdarray(), 'dtype', 'use toTypedArray()')
    expect(inMemory('?', [3], Uint8Array.of(0, 1, 2)).typedArray).toEqual(Uint8Array.of(0, 1, 2))
    expect(inMemory('<M8[s]', [1], new Uint8Array(8).fill(255)).typedArray).toEqual(BigInt64Array.of(-1n))
  })

  it('of float16 is a Float16Array where there is one, else its bits', () => {
    const array = inMemory('<f2', [2], new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer))
    const expected = 'Float16Array' in globalThis ? [1, -2] : [0x3c00, 0xc000]
    expect(Array.from(array.typedArray as Uint16Array)).toEqual(expected)
    expect(array.toArray()).toEqual([1, -2])
  })
})

describe.each(sources)('toTypedArray and read over $name', (source) => {
  async function numbers(shape: number[]): Promise<NdView<'float32'>> {
    return (await source.open(writeNumbers(folder(`out-${source.name}.npy`), shape))) as NdView<'float32'>
  }

  it('fill out, wherever it lies', async () => {
    const array = await numbers([2, 3])
    const memory = new Float32Array(8).fill(-1)
    const out = memory.subarray(1, 7)
    expect(array.toTypedArray({ out })).toBe(out)
    expect([...memory]).toEqual([-1, 0, 1, 2, 3, 4, 5, -1])
    memory.fill(-1)
    expect(await array.transpose().read({ out })).toBe(out)
    expect([...memory]).toEqual([-1, 0, 3, 1, 4, 2, 5, -1])
    close(array)
  })

  it('refuse an out of another kind or length, untouched', async () => {
    const array = await numbers([2, 3])
    for (const out of [
      new Float64Array(6),
      new Int32Array(6),
      new Uint8Array(24),
      [0, 0, 0, 0, 0, 0],
      new DataView(new ArrayBuffer(24)),
    ]) {
      expect(() => array.toTypedArray({ out: out as never })).toThrow(TypeError)
      expect(await rejectionOf(array.read({ out: out as never }))).toBeInstanceOf(TypeError)
    }
    for (const length of [0, 5, 7]) {
      const out = new Float32Array(length).fill(-1)
      expect(() => array.toTypedArray({ out })).toThrow(RangeError)
      expect(await rejectionOf(array.read({ out }))).toBeInstanceOf(RangeError)
      expect(out.every((value) => value === -1)).toBe(true)
    }
    close(array)
  })

  it('give what is nobody else’s', async () => {
    const array = await numbers([3])
    array.toTypedArray().fill(9)
    ;(await array.read()).fill(9)
    array.toBytes().fill(9)
    expect(array.toArray()).toEqual([0, 1, 2])
    close(array)
  })

  it('read with a signal: aborted before', async () => {
    const array = await numbers([3])
    const reason = new Error('enough')
    expect(await rejectionOf(array.read({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    close(array)
  })
})

describe('read with a signal', () => {
  // 160 MiB in rows of 20 MiB: eight pieces, but sparse on the disk.
  const shape = [8, 5 * 1024 * 1024]

  it.each([true, false])('ends between pieces (mmap %s)', async (mmap) => {
    const path = folder(`abort-${mmap}.npy`)
    Memmap.create<'float32'>(path, { dtype: '<f4', shape, reserve: false }).close()
    using array = open<'float32'>(path, { mmap })
    const controller = new AbortController()
    const gather = array.source.gatherAsync.bind(array.source)
    let pieces = 0
    array.source.gatherAsync = async (...parts) => {
      await gather(...parts)
      if (++pieces === 2) controller.abort()
    }
    expect((await rejectionOf(array.read({ signal: controller.signal }))).name).toBe('AbortError')
    // Two are in hand at once: the third may have begun before the second was done.
    expect(pieces).toBeLessThan(4)
  })

  it('is the same in pieces as in one', async () => {
    const path = folder('pieces.npy')
    using array = Memmap.create<'float32'>(path, { dtype: '<f4', shape, reserve: false })
    array.set([7, -1], 7)
    array.set([2, 0], 5)
    const flat = await array.read()
    expect([flat.length, flat.at(-1), flat[2 * shape[1]!]]).toEqual([8 * shape[1]!, 7, 5])
    const turned = await array.transpose().read()
    expect([turned.at(-1), turned[2]]).toEqual([7, 5])
    const backwards = await array.slice('::-1', '::-1').read()
    expect([backwards[0], backwards[6 * shape[1]! - 1]]).toEqual([7, 5])
  })
})

describe('toNdarray', () => {
  const array = inMemory('<i2', [4, 6], new Uint8Array(Int16Array.from({ length: 24 }, (_, i) => i).buffer))
  const views: [string, NdView][] = [
    ['whole', array],
    ['part', array.slice('1:3', '2:5')],
    ['backwards', array.slice('::-1', '::-2')],
    ['transposed', array.transpose()],
    ['row', array.slice(2)],
    ['column', array.slice(null, 3)],
    ['new axis', array.slice('newaxis', 1)],
    ['0-d', array.slice(1, 2)],
    ['nothing', array.slice('2:2')],
  ]

  it.each(views)('%s: data[offset + sum of index times stride]', (_name, view) => {
    const { data, shape, stride, offset } = view.toNdarray() as {
      data: Int16Array
      shape: number[]
      stride: number[]
      offset: number
    }
    expect(shape).toEqual(view.shape)
    const walk = (axis: number, at: number): unknown =>
      axis === shape.length
        ? data[at]
        : Array.from({ length: shape[axis]! }, (_, i) => walk(axis + 1, at + i * stride[axis]!))
    expect(walk(0, offset)).toEqual(view.toArray())
  })

  it('needs strides of whole elements', () => {
    const field = inMemory(
      [
        ['a', '<i2'],
        ['b', '|u1'],
      ],
      [3],
    ).field('a')
    expectLayoutError(() => field.toNdarray(), 'strided', 'use toTypedArray()')
  })

  it.skipIf(!mapped)('is over the file', () => {
    using file = open(corpusPath('valid/14_F.npy'))
    const { data, stride, offset } = file.toNdarray()
    expect([stride, offset, (data as Float64Array).length]).toEqual([[1, 3], 0, 12])
  })
})

describe('copies of what has no bytes', () => {
  it.each(['|V0', '|S0', '<U0'])('%s', (dtype) => {
    const path = writeNpy(folder('zero-width.npy'), dtype, [2, 3], new Uint8Array(0))
    using array = open(path)
    expect(array.toBytes().length).toBe(0)
    expect((array.toArray() as unknown[][]).map((row) => row.length)).toEqual([3, 3])
    expect(array.slice('::-1', 1).shape).toEqual([2])
  })
})
