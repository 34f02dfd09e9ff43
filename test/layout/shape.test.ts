import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SelectionError } from '../../src/errors.ts'
import {
  broadcastStrides,
  byteExtent,
  byteLengthOf,
  contiguousByteStrides,
  elementCount,
  formatShape,
  isContiguous,
  parseShape,
  reshapeStrides,
  resolveReshape,
} from '../../src/layout/shape.ts'

/** The byte offset of every element, in C order. */
function offsetsOf(shape: readonly number[], byteStrides: readonly number[]): number[] {
  let offsets = [0]
  for (const [axis, length] of shape.entries()) {
    const stride = byteStrides[axis] ?? Number.NaN
    offsets = offsets.flatMap((offset) => Array.from({ length }, (_, index) => offset + index * stride))
  }
  return offsets
}

const anyShape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
const anyLayout = anyShape.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    byteStrides: fc.oneof(
      fc.array(fc.integer({ min: -16, max: 16 }), { minLength: shape.length, maxLength: shape.length }),
      fc.constantFrom('C' as const, 'F' as const).map((order) => contiguousByteStrides(shape, 4, order)),
    ),
  }),
)

describe('parseShape', () => {
  it('takes a number or numbers', () => {
    expect(parseShape(3)).toEqual([3])
    expect(parseShape([])).toEqual([])
    expect(parseShape([2, 0, 2 ** 53 - 1])).toEqual([2, 0, 2 ** 53 - 1])
    expect(Object.is(parseShape(-0)[0], 0)).toBe(true)
  })

  it.each([
    null,
    undefined,
    '3',
    3n,
    {},
    [1.5],
    ['2'],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [null],
    [[2]],
    new Array(2),
  ])('refuses %o as no shape', (shape) => {
    expect(() => parseShape(shape)).toThrow(TypeError)
  })

  it.each([[[-1]], [[2 ** 53]], [new Array(65).fill(1)]])('refuses %o as impossible', (shape) => {
    expect(() => parseShape(shape)).toThrow(SelectionError)
  })
})

describe('elementCount and byteLengthOf', () => {
  it('are exact or null', () => {
    expect(elementCount([])).toBe(1)
    expect(elementCount([0, 1e15])).toBe(0)
    expect(elementCount([2 ** 53 - 1, 2 ** 53 - 1, 0])).toBe(0)
    expect(elementCount(new Array(63).fill(2 ** 53 - 1).concat(0))).toBe(0)
    expect(elementCount([2 ** 27, 2 ** 26])).toBeNull()
    expect(elementCount([2 ** 53 - 1])).toBe(2 ** 53 - 1)
    expect(byteLengthOf([2 ** 50], 8)).toBeNull()
    expect(byteLengthOf([2 ** 49], 8)).toBe(2 ** 52)
    expect(byteLengthOf([2 ** 53 - 1], 0)).toBe(0)
    expect(byteLengthOf([2 ** 53 - 1, 2], 0)).toBeNull()
  })

  it('agree with BigInt', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 ** 31 }), { maxLength: 3 }), fc.nat(64), (shape, itemSize) => {
        const count = shape.reduce((product, length) => product * BigInt(length), 1n)
        const limit = BigInt(Number.MAX_SAFE_INTEGER)
        expect(elementCount(shape)).toBe(count > limit ? null : Number(count))
        const fits = count <= limit && count * BigInt(itemSize) <= limit
        expect(byteLengthOf(shape, itemSize)).toBe(fits ? Number(count * BigInt(itemSize)) : null)
      }),
    )
  })
})

describe('contiguity', () => {
  it('is what contiguousByteStrides makes', () => {
    expect(contiguousByteStrides([2, 3, 4], 8, 'C')).toEqual([96, 32, 8])
    expect(contiguousByteStrides([2, 3, 4], 8, 'F')).toEqual([8, 16, 48])
    expect(contiguousByteStrides([4, 0, 3], 8, 'C')).toEqual([0, 0, 0])
    fc.assert(
      fc.property(anyShape, fc.constantFrom('C', 'F'), (shape, order) => {
        expect(isContiguous(shape, contiguousByteStrides(shape, 4, order), 4, order)).toBe(true)
      }),
    )
  })

  it('means that C-order offsets have no gap', () => {
    fc.assert(
      fc.property(anyLayout, ({ shape, byteStrides }) => {
        const dense = offsetsOf(shape, byteStrides).every((offset, index) => offset === index * 4)
        expect(isContiguous(shape, byteStrides, 4, 'C')).toBe(dense)
        const transposed = offsetsOf([...shape].reverse(), [...byteStrides].reverse())
        expect(isContiguous(shape, byteStrides, 4, 'F')).toBe(transposed.every((offset, index) => offset === index * 4))
      }),
    )
  })
})

describe('byteExtent', () => {
  it('spans every byte touched and no other end', () => {
    fc.assert(
      fc.property(anyLayout, ({ shape, byteStrides }) => {
        const offsets = offsetsOf(shape, byteStrides)
        const expected =
          offsets.length === 0 ? { low: 0, high: 0 } : { low: Math.min(...offsets), high: Math.max(...offsets) + 4 }
        const { low, high } = byteExtent(shape, byteStrides, 4)
        expect({ low: low + 0, high }).toEqual({ low: expected.low + 0, high: expected.high })
      }),
    )
  })
})

describe('broadcastStrides', () => {
  it('repeats along missing axes and those of length 1', () => {
    expect(broadcastStrides([3, 1], [8, 8], [2, 3, 4])).toEqual([0, 8, 0])
    expect(broadcastStrides([], [], [2])).toEqual([0])
    expect(broadcastStrides([1], [8], [0])).toEqual([0])
    expect(broadcastStrides([1], [8], [1])).toEqual([8])
  })

  it('names both shapes when they do not fit', () => {
    expect(() => broadcastStrides([3], [8], [2])).toThrow(/\(2,\), got \(3,\)/)
    expect(() => broadcastStrides([2, 3], [24, 8], [3])).toThrow(SelectionError)
  })
})

describe('resolveReshape', () => {
  it('works out one -1', () => {
    expect(resolveReshape(12, [3, -1])).toEqual([3, 4])
    expect(resolveReshape(12, -1)).toEqual([12])
    expect(resolveReshape(0, [0, 5])).toEqual([0, 5])
    expect(resolveReshape(0, [-1, 5])).toEqual([0, 5])
    expect(resolveReshape(1, [])).toEqual([])
  })

  it.each<[number, number[]]>([
    [12, [5, -1]],
    [12, [-1, -1]],
    [12, [13]],
    [0, [0, -1]],
    [12, [-2, -6]],
    [12, []],
    [12, [2 ** 52, 2 ** 52]],
  ])('refuses %j as %j', (count, shape) => {
    expect(() => resolveReshape(count, shape)).toThrow(SelectionError)
  })

  it('refuses what is no shape', () => {
    expect(() => resolveReshape(4, [1.5, -1])).toThrow(TypeError)
    expect(() => resolveReshape(4, 'x' as unknown as number[])).toThrow(TypeError)
  })
})

/** All shapes with so many elements, up to three axes. */
function shapesOf(count: number): number[][] {
  const shapes: number[][] = count === 1 ? [[]] : []
  for (let first = 0; first <= Math.max(count, 1); first += 1) {
    if (first === count) shapes.push([first], [1, first], [first, 1])
    for (let second = 0; second <= Math.max(count, 1); second += 1) {
      if (first * second === count) shapes.push([first, second])
      if (first > 1 && second > 1 && count % (first * second) === 0)
        shapes.push([first, second, count / (first * second)])
    }
  }
  return shapes
}

/** Whether any strides give these offsets, axis by axis. */
function canBeStrided(offsets: readonly number[], shape: readonly number[]): boolean {
  const byteStrides = shape.map((length, axis) => {
    const step = shape.slice(axis + 1).reduce((product, next) => product * next, 1)
    return length > 1 ? (offsets[step] ?? 0) - (offsets[0] ?? 0) : 0
  })
  return offsetsOf(shape, byteStrides).every((offset, index) => offset === offsets[index])
}

describe('reshapeStrides', () => {
  it('keeps every element in its place in C order, or says that it cannot', () => {
    fc.assert(
      fc.property(anyLayout, ({ shape, byteStrides }) => {
        const offsets = offsetsOf(shape, byteStrides)
        for (const newShape of shapesOf(offsets.length)) {
          const strides = reshapeStrides(shape, byteStrides, newShape)
          expect(strides === null ? null : offsetsOf(newShape, strides)).toEqual(strides === null ? null : offsets)
          expect(strides !== null, `${formatShape(shape)} to ${formatShape(newShape)}`).toBe(
            canBeStrided(offsets, newShape),
          )
        }
      }),
    )
  })

  it('joins and splits axes as NumPy does', () => {
    expect(reshapeStrides([2, 3], [24, 8], [6])).toEqual([8])
    expect(reshapeStrides([2, 3], [8, 16], [6])).toBeNull()
    expect(reshapeStrides([6], [-8], [2, 3])).toEqual([-24, -8])
    expect(reshapeStrides([2, 1, 3], [48, 8, 16], [1, 6, 1])).toEqual([96, 16, 16])
    expect(reshapeStrides([0, 3], [24, 8], [5, 0])).toEqual([0, 0])
  })
})
