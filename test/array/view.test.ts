// NdView: indices, views of views, fields, closing, printing.

import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type Descr,
  DType,
  LayoutError,
  type Memmap,
  type NdView,
  open,
  SelectionError,
  slice,
} from '../../src/index.ts'
import type { HeapSource } from '../../src/storage/heap.ts'
import { inMemory, writeNumbers } from '../support/arrays.ts'
import { close, corpusPath, sources, temporaryFolder, thrownBy } from '../support/sources.ts'

const folder = temporaryFolder()

function numbers(name: string, shape: number[], order: 'C' | 'F' = 'C'): string {
  return writeNumbers(folder(name), shape, order)
}

describe.each(sources)('indices over $name', (source) => {
  it('counts from the end when negative', async () => {
    const array = await source.open(numbers(`get-${source.name}.npy`, [3, 4]))
    for (let i = -3; i < 3; i++)
      for (let j = -4; j < 4; j++) expect(array.get(i, j)).toBe(((i + 3) % 3) * 4 + ((j + 4) % 4))
    expect(array.get(-0, 1)).toBe(1)
    close(array)
  })

  it('goes on the same after more reads than make a window', async () => {
    const array = await source.open(numbers(`many-${source.name}.npy`, [100]))
    for (let round = 0; round < 3; round++) for (let i = 0; i < 100; i++) expect(array.get(i)).toBe(i)
    close(array)
  })

  it.each([
    [3, 0],
    [-4, 0],
    [0, 4],
    [0, -5],
    [1e300, 0],
    [0, Number.POSITIVE_INFINITY],
  ])('refuses (%d, %d), naming axis and extent', async (i, j) => {
    const array = await source.open(numbers(`bad-${source.name}.npy`, [3, 4]))
    const error = thrownBy(() => array.get(i, j))
    if (Number.isInteger(i) && Number.isInteger(j)) {
      const axis = i > 2 || i < -3 ? 0 : 1
      expect(error).toBeInstanceOf(SelectionError)
      expect(error).toMatchObject({
        code: 'ERR_SELECTION',
        axis,
        extent: axis === 0 ? 3 : 4,
        index: axis === 0 ? i : j,
      })
    } else expect(error).toBeInstanceOf(TypeError)
    close(array)
  })

  it('refuses what is no integer, and the wrong number of indices', async () => {
    const array = await source.open(numbers(`nan-${source.name}.npy`, [3, 4]))
    expect(() => array.get(0.5, 0)).toThrow(TypeError)
    expect(() => array.get(Number.NaN, 0)).toThrow(TypeError)
    expect(() => array.get('1' as never, 0)).toThrow(TypeError)
    expect(() => array.get(1)).toThrow('get: expected 2 indices for shape (3, 4), got 1; slice() takes fewer')
    expect(() => array.get(1, 2, 3)).toThrow(SelectionError)
    expect(() => array.get()).toThrow(SelectionError)
    close(array)
  })

  it('refuses every index of an empty axis', async () => {
    const array = await source.open(corpusPath('valid/12_zero.npy'))
    expect(() => array.get(0, 0)).toThrow(SelectionError)
    expect(() => array.get(-1, 0)).toThrow(SelectionError)
    close(array)
  })

  it('reads a 0-d array without indices', async () => {
    const array = await source.open(corpusPath('valid/11_0d.npy'))
    expect(array.get()).toBe(0n)
    expect(array.toArray()).toBe(0n)
    expect([array.ndim, array.size, array.nbytes, array.order]).toEqual([0, 1, 8, 'C'])
    close(array)
  })
})

describe('a view', () => {
  it('tells its layout', () => {
    using array = open<'float32'>(numbers('layout.npy', [3, 4, 5], 'F'))
    expect(array.byteStrides).toEqual([4, 12, 48])
    expect([array.ndim, array.size, array.nbytes, array.order]).toEqual([3, 60, 240, 'F'])
    expect([array.writable, array.closed, array.mode]).toEqual([false, false, 'r'])
    expect(array.transpose().order).toBe('C')
    expect(array.slice('::2').order).toBe(null)
    expect(Object.isFrozen(array.shape)).toBe(true)
    expect(Object.isFrozen(array.byteStrides)).toBe(true)
  })

  it('of a view addresses the same bytes', () => {
    using array = open<'float32'>(numbers('views.npy', [4, 6]))
    const view = array
      .slice('1:', '::-1')
      .slice(slice(null, null, 2), '1:5:3')
      .transpose()
    expect(view.shape).toEqual([2, 2])
    expect(view.toArray()).toEqual([
      [10, 22],
      [7, 19],
    ])
    expect(view.get(0, -1)).toBe(22)
    expect(view.source).toBe(array.source)
    expect(view.path).toBe(array.path)
  })

  it('of nothing has no elements', () => {
    using array = open<'float32'>(numbers('nothing.npy', [4, 6]))
    const none = array.slice('2:2')
    expect(none.shape).toEqual([0, 6])
    expect([none.toArray(), none.size, none.toTypedArray().length]).toEqual([[], 0, 0])
    if (array.source.kind === 'mapped') expect(none.typedArray.length).toBe(0)
  })

  it('transpose takes each axis once', () => {
    using array = open(numbers('transpose.npy', [2, 3, 4]))
    expect(array.transpose().shape).toEqual([4, 3, 2])
    expect(array.transpose(-1, 0, 1).shape).toEqual([4, 2, 3])
    expect(array.transpose(1, 0, 2).get(2, 1, 3)).toBe(array.get(1, 2, 3))
    for (const axes of [[0], [0, 1], [0, 1, 1], [0, 1, 3], [0, 1, -4], [0, 1, 0.5], [0, 1, 2, 2]]) {
      expect(() => array.transpose(...axes)).toThrow(SelectionError)
    }
  })

  it('reshape is a view, or says that it needs a copy', () => {
    using array = open<'float32'>(numbers('reshape.npy', [4, 6]))
    expect(array.reshape([2, -1, 3]).shape).toEqual([2, 4, 3])
    expect(array.reshape(24).get(23)).toBe(23)
    expect(array.reshape(-1).source).toBe(array.source)
    expect(array.slice('::2').reshape([2, 3, 2]).get(1, 2, 1)).toBe(17)
    const error = thrownBy(() => array.transpose().reshape(24))
    expect(error).toBeInstanceOf(LayoutError)
    expect(error).toMatchObject({ reason: 'strided' })
    expect(error.message).toContain('toTypedArray() copies')
    expect(array.slice('1:1').reshape([0, 7]).shape).toEqual([0, 7])
    for (const shape of [[5, 5], [-1, -1], [-1, 7], [25], [-2, -12]]) {
      expect(() => array.reshape(shape)).toThrow(SelectionError)
    }
    expect(() => array.reshape([2.5, -1])).toThrow(TypeError)
  })

  it('is() narrows', () => {
    using array = open(numbers('is.npy', [3]))
    expect(array.is('float64')).toBe(false)
    expect(array.is('float32')).toBe(true)
    if (array.is('float32')) {
      expectTypeOf(array).toExtend<Memmap<'float32'>>()
      expectTypeOf(array.toTypedArray()).toEqualTypeOf<Float32Array>()
      expectTypeOf(array.get(0)).toEqualTypeOf<number>()
    }
    const text: NdView = inMemory('<U1', [1], new Uint8Array(4))
    expect(text.is('str')).toBe(true)
  })
})

describe('field', () => {
  const descr: Descr = [
    ['a', '<i2'],
    ['', '|V3'],
    [
      'n',
      [
        ['p', '>f4'],
        ['q', [['z', '|u1']]],
      ],
    ],
    ['m', '<i4', [2, 3]],
    ['s', ['<u2', 2], [2]],
    [['title', 'named'], '|S2'],
  ]
  const dtype = DType.of(descr)
  const bytes = Uint8Array.from({ length: dtype.itemSize * 4 }, (_, i) => i % 251)
  const array = inMemory(descr, [2, 2], bytes)
  const view = new DataView(bytes.buffer)

  it('is a view of one field', () => {
    expect(array.field('a').shape).toEqual([2, 2])
    expect(array.field('a').get(1, 0)).toBe(view.getInt16(2 * dtype.itemSize, true))
    expect(array.field('named').dtype.str).toBe('|S2')
  })

  it('of a field of a field', () => {
    const z = array.field('n').field('q').field('z')
    expect(z.shape).toEqual([2, 2])
    expect(z.get(0, 1)).toBe(view.getUint8(dtype.itemSize + 9))
    expect(array.slice(0, '::-1').field('n').field('p').get(0)).toBe(view.getFloat32(dtype.itemSize + 5))
  })

  it('puts the axes of a sub-array last', () => {
    const m = array.field('m')
    expect(m.shape).toEqual([2, 2, 2, 3])
    expect(m.dtype.str).toBe('<i4')
    expect(m.get(1, 1, 1, 2)).toBe(view.getInt32(3 * dtype.itemSize + 10 + 20, true))
    expect(array.field('s').shape).toEqual([2, 2, 2, 2])
    expect(array.get(1, 1).valueOf()).toMatchObject({
      m: m.slice(1, 1).toArray(),
      s: array.field('s').slice(1, 1).toArray(),
    })
  })

  it('writes through', () => {
    const copy = inMemory(descr, [2, 2], bytes.slice())
    copy
      .field('n')
      .field('p')
      .fill(0.5 as never)
    copy
      .field('m')
      .slice('...', 1)
      .assign([
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ])
    const read = new DataView((copy.source as HeapSource).bytes.buffer)
    expect(read.getFloat32(3 * dtype.itemSize + 5)).toBe(0.5)
    expect(copy.field('m').get(0, 1, 1, 1)).toBe(4)
    expect(copy.field('a').toBytes()).toEqual(array.field('a').toBytes())
  })

  it('refuses a name there is not', () => {
    const error = thrownBy(() => array.field('b'))
    expect(error).toBeInstanceOf(SelectionError)
    expect(error.message).toContain('"b"')
    expect(error.message).toContain('fields a, n, m, s, named')
    expect(() => array.field('__proto__')).toThrow(SelectionError)
    expect(() => array.field('title')).toThrow(SelectionError)
    expect(() => array.field('a').field('a')).toThrow(/no fields/)
  })

  it('named __proto__ is only a field', () => {
    const odd = inMemory(
      [
        ['__proto__', '|u1'],
        ['constructor', '|u1'],
        ['toString', '|u1'],
      ],
      [2],
      Uint8Array.of(1, 2, 3, 4, 5, 6),
    )
    const element = odd.get(1) as Record<string, unknown>
    expect(Object.keys(element)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(element)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(element, '__proto__')?.value).toBe(4)
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
    expect(odd.field('__proto__').toArray()).toEqual([1, 4])
    odd.set(0, element as never)
    expect(odd.field('__proto__').toArray()).toEqual([4, 4])
    const nested = inMemory([['__proto__', [['polluted', '|u1']]]], [1], Uint8Array.of(9))
    nested.get(0)
    nested.toArray()
    inspect(nested)
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
    expect(() => nested.set(0, JSON.parse('{"__proto__":{"polluted":7}}') as never)).not.toThrow()
    expect(nested.field('__proto__').field('polluted').get(0)).toBe(7)
    // A literal's __proto__ is no own property: the field is missing.
    expect(() => nested.set(0, { __proto__: { polluted: 1 } } as never)).toThrow(TypeError)
  })
})
