// Shapes and byte strides: the arithmetic of where elements lie (NumPy's rules; numpy.md 1.3 for what a shape may be).
// Everything is exact: a product above Number.MAX_SAFE_INTEGER is null, never a rounded number. Refuses negative,
// fractional and too many dimensions. Strides are in bytes and may be 0 or negative.

import { SelectionError } from '../errors.ts'

/** NumPy's limit on the number of dimensions. */
export const MAX_NDIM = 64

/** `C`: the last axis varies fastest; `F`: the first. */
export type Order = 'C' | 'F'

/** `(2, 3)`, `(2,)`, `()`: a shape as Python prints it. */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
}

/**
 * A shape the user gave: a number, or an array of non-negative safe integers.
 *
 * @throws TypeError when it is anything else.
 * @throws {@link SelectionError} for a negative or too large dimension, or more than {@link MAX_NDIM} of them.
 */
export function parseShape(shape: unknown): number[] {
  const dimensions: readonly unknown[] = Array.isArray(shape) ? shape : [shape]
  if (!Array.isArray(shape) && typeof shape !== 'number') {
    throw new TypeError(
      `shape: expected a number or an array of numbers, got ${shape === null ? 'null' : typeof shape}`,
    )
  }
  if (dimensions.length > MAX_NDIM) {
    throw new SelectionError(`shape: expected at most ${MAX_NDIM} dimensions, got ${dimensions.length}`)
  }
  return Array.from(dimensions, (length, axis) => {
    if (typeof length !== 'number' || !Number.isInteger(length)) {
      throw new TypeError(
        `shape: expected an integer for axis ${axis}, got ${typeof length === 'number' ? length : typeof length}`,
      )
    }
    if (length < 0 || length > Number.MAX_SAFE_INTEGER) {
      const limit = length < 0 ? 'zero or more' : `at most ${Number.MAX_SAFE_INTEGER}`
      throw new SelectionError(`shape: expected ${limit} for axis ${axis}, got ${length}`, { axis, index: length })
    }
    return length + 0
  })
}

/** How many elements; null when that is above Number.MAX_SAFE_INTEGER. An axis of length 0 makes it 0 whatever the others. */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1
  for (const length of shape) count *= length
  // A product of safe integers is exact as long as it stays safe; an overflow to Infinity times 0 is NaN.
  if (count <= Number.MAX_SAFE_INTEGER) return count
  return shape.includes(0) ? 0 : null
}

/** How many bytes; null when that is above Number.MAX_SAFE_INTEGER. */
export function byteLengthOf(shape: readonly number[], itemSize: number): number | null {
  const count = elementCount(shape)
  if (count === null) return null
  const byteLength = count * itemSize
  return byteLength <= Number.MAX_SAFE_INTEGER ? byteLength : null
}

/** The byte strides of an array without gaps; all 0 when it has no elements, as in NumPy. */
export function contiguousByteStrides(shape: readonly number[], itemSize: number, order: Order): number[] {
  const ndim = shape.length
  const byteStrides = new Array<number>(ndim).fill(0)
  if (shape.includes(0)) return byteStrides
  let stride = itemSize
  for (let step = 0; step < ndim; step += 1) {
    const axis = order === 'C' ? ndim - 1 - step : step
    byteStrides[axis] = stride
    stride *= shape[axis] ?? 1
  }
  return byteStrides
}

/** True when the elements lie without gaps in this order; axes of length 1 do not matter, no elements always do. */
export function isContiguous(
  shape: readonly number[],
  byteStrides: readonly number[],
  itemSize: number,
  order: Order,
): boolean {
  const ndim = shape.length
  let expected = itemSize
  let contiguous = true
  for (let step = 0; step < ndim; step += 1) {
    const axis = order === 'C' ? ndim - 1 - step : step
    const length = shape[axis] ?? 1
    if (length === 0) return true
    if (length === 1) continue
    if (byteStrides[axis] !== expected) contiguous = false
    expected *= length
  }
  return contiguous
}

/** The bytes the elements touch, `[low, high)` relative to the first element; `low` is below 0 with negative strides. */
export function byteExtent(
  shape: readonly number[],
  byteStrides: readonly number[],
  itemSize: number,
): { low: number; high: number } {
  let low = 0
  let high = itemSize
  for (const [axis, length] of shape.entries()) {
    if (length === 0) return { low: 0, high: 0 }
    const reach = (length - 1) * (byteStrides[axis] ?? 0)
    if (reach < 0) low += reach
    else high += reach
  }
  return { low, high }
}

/**
 * The byte strides that show an array as `toShape` by repeating it along missing axes and axes of length 1.
 *
 * @throws {@link SelectionError} when the shapes do not go together.
 */
export function broadcastStrides(
  shape: readonly number[],
  byteStrides: readonly number[],
  toShape: readonly number[],
): number[] {
  const missing = toShape.length - shape.length
  const fits = missing >= 0 && shape.every((length, axis) => length === toShape[axis + missing] || length === 1)
  if (!fits) {
    throw new SelectionError(`broadcast: expected a shape that fits ${formatShape(toShape)}, got ${formatShape(shape)}`)
  }
  return toShape.map((length, toAxis) => {
    const axis = toAxis - missing
    return axis < 0 || (shape[axis] === 1 && length !== 1) ? 0 : (byteStrides[axis] ?? 0)
  })
}

/**
 * The shape to reshape `count` elements to, with one -1 worked out.
 *
 * @throws TypeError when the shape is not made of integers.
 * @throws {@link SelectionError} when it does not hold `count` elements or has a second -1.
 */
export function resolveReshape(count: number, shape: number | readonly number[]): number[] {
  const asked: readonly number[] = typeof shape === 'number' ? [shape] : shape
  const open = Array.isArray(asked) ? asked.indexOf(-1) : -1
  if (open !== -1 && asked.indexOf(-1, open + 1) !== -1) {
    throw new SelectionError(`reshape: expected at most one -1, got ${formatShape(asked)}`)
  }
  const resolved = parseShape(open === -1 ? asked : asked.with(open, 1))
  const known = elementCount(resolved)
  const mismatch = (): SelectionError =>
    new SelectionError(`reshape: expected a shape of ${count} elements, got ${formatShape(asked)}`)
  if (open === -1) {
    if (known !== count) throw mismatch()
    return resolved
  }
  if (known === null || known === 0 || count % known !== 0) throw mismatch()
  resolved[open] = count / known
  return resolved
}

/**
 * The byte strides that show the same elements, in C order, as `newShape`: NumPy's no-copy reshape. Null when only a
 * copy can. Both shapes must hold the same number of elements.
 */
export function reshapeStrides(
  shape: readonly number[],
  byteStrides: readonly number[],
  newShape: readonly number[],
): number[] | null {
  const newStrides = new Array<number>(newShape.length).fill(0)
  if (newShape.includes(0)) return newStrides

  const lengths: number[] = []
  const strides: number[] = []
  for (const [axis, length] of shape.entries()) {
    if (length === 1) continue
    lengths.push(length)
    strides.push(byteStrides[axis] ?? 0)
  }

  // Old axes [oldStart, oldStop) and new axes [newStart, newStop) are grown until they hold equally many elements; the
  // old ones must then lie evenly spaced, as one axis.
  let oldStart = 0
  let newStart = 0
  let lastStride = 0
  while (newStart < newShape.length && oldStart < lengths.length) {
    let oldStop = oldStart + 1
    let newStop = newStart + 1
    let oldCount = lengths[oldStart] ?? 1
    let newCount = newShape[newStart] ?? 1
    while (oldCount !== newCount) {
      if (newCount < oldCount) {
        newCount *= newShape[newStop] ?? 1
        newStop += 1
      } else {
        oldCount *= lengths[oldStop] ?? 1
        oldStop += 1
      }
      if (newStop > newShape.length || oldStop > lengths.length) return null
    }
    for (let axis = oldStart; axis < oldStop - 1; axis += 1) {
      if (strides[axis] !== (lengths[axis + 1] ?? 1) * (strides[axis + 1] ?? 0)) return null
    }
    lastStride = strides[oldStop - 1] ?? 0
    let stride = lastStride
    for (let axis = newStop - 1; axis >= newStart; axis -= 1) {
      newStrides[axis] = stride
      stride *= newShape[axis] ?? 1
    }
    oldStart = oldStop
    newStart = newStop
  }
  return newStrides.fill(lastStride, newStart)
}
