// Parts of a view along an axis, and the bytes under them.

import { SelectionError } from '../errors.ts'
import { select } from '../layout/selection.ts'
import { checkOptions } from '../options.ts'
import { regionExtent } from '../storage/byte-source.ts'
import { regionOf, type StridedArray } from './strided-array.ts'

/** Rows `start` to `stop` of the first axis; both count from the end when negative. */
export interface RowRange {
  /** The first row; 0 when left out. */
  readonly start?: number
  /** The row after the last one; all that there are when left out. */
  readonly stop?: number
}

/** Elements `start` to `stop` of an axis, with all of the others. */
export function slab(array: StridedArray, axis: number, start: number, stop: number): StridedArray {
  const { source, dtype, shape, byteStrides } = array
  const byteOffset = array.byteOffset + start * byteStrides[axis]!
  return { source, dtype, shape: shape.with(axis, stop - start), byteStrides, byteOffset }
}

/** The bytes from the first to the last element of these rows, as the source counts them. */
export function spanOf(
  array: StridedArray,
  range: RowRange,
  what: string,
  more: readonly string[] = [],
): [byteOffset: number, byteLength: number] {
  checkOptions(range, ['start', 'stop', ...more], what)
  let part = array
  if (range.start !== undefined || range.stop !== undefined) {
    const [extent] = array.shape
    if (extent === undefined) throw new SelectionError(`${what}: a 0-d array has no rows`)
    const layout = select(array, [{ start: range.start ?? null, stop: range.stop ?? null, step: null }])
    part = { ...layout, source: array.source, dtype: array.dtype }
  }
  const { low, high } = regionExtent(regionOf(part))
  return [low, high - low]
}
