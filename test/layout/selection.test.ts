import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SelectionError } from '../../src/errors.ts'
import { normalizeIndex, type Selector, type StridedLayout, select, slice } from '../../src/layout/selection.ts'
import { contiguousByteStrides } from '../../src/layout/shape.ts'
import { hasNumpy, runPython } from '../support/python.ts'

type Nested = number | Nested[]

function layoutOf(shape: readonly number[], byteOffset = 0): StridedLayout {
  return { shape, byteStrides: contiguousByteStrides(shape, 1, 'C'), byteOffset }
}

/** The offset of every element, nested as the axes are. */
function nest({ shape, byteStrides, byteOffset }: StridedLayout, axis = 0): Nested {
  const length = shape[axis]
  if (length === undefined) return byteOffset
  const stride = byteStrides[axis] ?? Number.NaN
  return Array.from({ length }, (_, index) =>
    nest({ shape, byteStrides, byteOffset: byteOffset + index * stride }, axis + 1),
  )
}

/** Python's slice, one element at a time. */
function pythonSlice(
  items: readonly Nested[],
  start: number | null,
  stop: number | null,
  step: number | null,
): Nested[] {
  const by = step ?? 1
  const length = items.length
  const place = (bound: number): number => (bound < 0 ? bound + length : bound)
  let from = start === null ? (by > 0 ? 0 : length - 1) : place(start)
  let to = stop === null ? (by > 0 ? length : -1) : place(stop)
  from = by > 0 ? Math.max(from, 0) : Math.min(from, length - 1)
  to = by > 0 ? Math.min(to, length) : Math.max(to, -1)
  const taken: Nested[] = []
  for (let index = from; by > 0 ? index < to : index > to; index += by) taken.push(items[index] as Nested)
  return taken
}

const bound = fc.option(fc.integer({ min: -9, max: 9 }))
const step = fc.option(fc.integer({ min: -4, max: 4 }).filter((value) => value !== 0))
const anySlice = fc.tuple(bound, bound, step)

describe('select', () => {
  it('takes the elements Python would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
        fc.array(anySlice, { maxLength: 3 }),
        (shape, slices) => {
          const used = slices.slice(0, shape.length)
          const selected = select(
            layoutOf(shape, 100),
            used.map(([start, stop, by]) => slice(start, stop, by)),
          )
          const naive = (items: Nested, axis: number): Nested => {
            const range = used[axis]
            if (range === undefined || !Array.isArray(items)) return items
            return pythonSlice(items, ...range).map((item) => naive(item, axis + 1))
          }
          expect(nest(selected)).toEqual(naive(nest(layoutOf(shape, 100)), 0))
          const text = used.map((range) => range.map((part) => part ?? '').join(':')).join(', ')
          if (used.length > 0) expect(select(layoutOf(shape, 100), [text])).toEqual(selected)
        },
      ),
    )
  })

  it('composes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), anySlice, anySlice, (length, first, second) => {
        const once = pythonSlice(nest(layoutOf([length])) as Nested[], ...first)
        const twice = select(select(layoutOf([length]), [slice(...first)]), [slice(...second)])
        expect(nest(twice)).toEqual(pythonSlice(once, ...second))
      }),
    )
  })

  it.each<[Selector[], Nested]>([
    [[1], [3, 4, 5]],
    [[-1, -1], 5],
    [['1'], [3, 4, 5]],
    [['-1, 0'], 3],
    [
      [null, 1],
      [1, 4],
    ],
    [
      ['...', 1],
      [1, 4],
    ],
    [
      ['...'],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [[0, '...', 1], 1],
    [[0, 1, '...'], 1],
    [['newaxis', 0], [[0, 1, 2]]],
    [[0, 'newaxis'], [[0, 1, 2]]],
    [['..., newaxis, 0'], [[0], [3]]],
    [[slice(1)], [[0, 1, 2]]],
    [
      [slice(null), slice(null, null, -2)],
      [
        [2, 0],
        [5, 3],
      ],
    ],
    [
      [' : , 1: '],
      [
        [1, 2],
        [4, 5],
      ],
    ],
    [['0,'], [0, 1, 2]],
    [['+1'], [3, 4, 5]],
    [
      ['-99999999999999999999:99999999999999999999'],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [['::99999999999999999999'], [[0, 1, 2]]],
    [
      [],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
  ])('reads %j', (selectors, expected) => {
    expect(nest(select(layoutOf([2, 3]), selectors))).toEqual(expected)
  })

  it('leaves an empty slice at the start of its axis', () => {
    expect(select(layoutOf([10], 7), ['20:30'])).toEqual({ shape: [0], byteStrides: [1], byteOffset: 7 })
  })

  it('never makes a negative zero', () => {
    const { byteStrides } = select({ shape: [3], byteStrides: [0], byteOffset: 0 }, ['::-1'])
    expect(Object.is(byteStrides[0], 0)).toBe(true)
  })

  it('says which index is out of bounds, of which axis', () => {
    expect(() => select(layoutOf([2, 10]), [0, 12])).toThrow('index 12 is out of bounds for axis 1 with size 10')
    try {
      select(layoutOf([2, 10]), ['...', '-11'])
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SELECTION', axis: 1, index: -11, extent: 10 })
    }
  })

  it.each<[Selector[], RegExp]>([
    [[0, 0, 0], /too many indices/],
    [['0,0,0'], /too many indices/],
    [['...', '...'], /single ellipsis/],
    [['::0'], /step cannot be zero/],
    [['1:2:3:4'], /start:stop:step/],
    [['x'], /'x'/],
    [[''], /''/],
    [['1,,2'], /''/],
    [['1.5'], /'1.5'/],
    [['1e3'], /'1e3'/],
    [[2], /out of bounds/],
  ])('refuses %j', (selectors, message) => {
    expect(() => select(layoutOf([2, 3]), selectors)).toThrow(SelectionError)
    expect(() => select(layoutOf([2, 3]), selectors)).toThrow(message)
  })

  it.each([[true], [[0, 1]], [1.5], [Number.NaN], [1n], [undefined], [{}], [new Uint8Array(2)]])(
    'refuses %o as no selector',
    (selector) => {
      expect(() => select(layoutOf([2, 3]), [selector as Selector])).toThrow(TypeError)
    },
  )

  it('refuses index lists and masks', () => {
    expect(() => select(layoutOf([2, 3]), [[0, 1] as unknown as Selector])).toThrow(/index lists/)
    expect(() => select(layoutOf([2, 3]), [true as unknown as Selector])).toThrow(/masks/)
  })
})

describe('slice', () => {
  it('follows zarrita', () => {
    expect(slice(5)).toEqual({ start: null, stop: 5, step: null })
    expect(slice(null)).toEqual({ start: null, stop: null, step: null })
    expect(slice(1, 5)).toEqual({ start: 1, stop: 5, step: null })
    expect(slice(1, null, -1)).toEqual({ start: 1, stop: null, step: -1 })
    expect(() => slice(1.5)).toThrow(TypeError)
    expect(() => slice('1' as unknown as number)).toThrow(TypeError)
  })
})

describe('normalizeIndex', () => {
  it('counts from the end when negative', () => {
    expect(normalizeIndex(-1, 0, 5)).toBe(4)
    expect(Object.is(normalizeIndex(-0, 0, 5), 0)).toBe(true)
    expect(() => normalizeIndex(5, 0, 5)).toThrow(SelectionError)
    expect(() => normalizeIndex(-6, 0, 5)).toThrow(SelectionError)
    expect(() => normalizeIndex(0, 0, 0)).toThrow(SelectionError)
    expect(() => normalizeIndex(0.5, 0, 5)).toThrow(TypeError)
  })
})

describe.skipIf(!hasNumpy)('as the real NumPy', () => {
  it('gives the same shapes, strides and offsets', () => {
    const texts = [
      '1',
      '-1',
      ':',
      '1:',
      '::2',
      '::-1',
      '::-2',
      '5:1:-2',
      '-3:',
      ':-3',
      '3:3',
      '9:',
      '...',
      'newaxis',
      '::7',
      '-99:99',
      '99::-1',
    ]
    const pairs = texts.flatMap((left) => texts.map((right) => `${left}, ${right}`))
    const script = `
import sys, json, numpy as np
from numpy import newaxis
a = np.arange(42, dtype='i8').reshape(6, 7)
out = []
for t in json.load(sys.stdin):
    try:
        v = eval('a[' + t + ', ...]' if '...' not in t else 'a[' + t + ']')
        out.append(dict(shape=v.shape, byteStrides=v.strides, byteOffset=v.__array_interface__['data'][0] - a.__array_interface__['data'][0]))
    except (IndexError, SyntaxError):
        out.append(None)
print(json.dumps(out))`
    const expected: (StridedLayout | null)[] = JSON.parse(runPython(script, JSON.stringify(pairs)))
    const layout = { shape: [6, 7], byteStrides: [56, 8], byteOffset: 0 }
    const got = pairs.map((text) => {
      try {
        return select(layout, [text])
      } catch {
        return null
      }
    })
    // NumPy gives a new axis any stride it likes; it never matters.
    const plain = (result: StridedLayout | null): unknown =>
      result && {
        ...result,
        byteStrides: result.byteStrides.map((stride, axis) => ((result.shape[axis] ?? 0) < 2 ? 0 : stride)),
      }
    for (const [index, text] of pairs.entries()) {
      expect(plain(got[index] ?? null), text).toEqual(plain(expected[index] ?? null))
    }
  })
})
