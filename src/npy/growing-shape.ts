// Arrays that are written row by row: the axis that grows, and whether its length is known.

import { sizeOf } from '../array/strided-array.ts'
import { SelectionError } from '../errors.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import type { DTypeLike } from '../layout/dtype.ts'
import { type Order, parseShape } from '../layout/shape.ts'
import { checkChoice } from '../options.ts'
import { arrayDType } from './array-dtype.ts'
import { type GrowingArray, shapeWith } from './growing.ts'

/** An array that is yet to be written. */
export interface GrowingOptions {
  readonly dtype: DTypeLike
  /** `null` for the axis that grows: the first in C order, the last in F order. Without one, the length is fixed. */
  readonly shape: readonly (number | null)[]
  readonly order?: Order
}

/** What callers asked for, checked, with the header of no rows. */
export interface NewGrowing {
  readonly array: GrowingArray
  /** Rows that there must be in the end; null when any number will do. */
  readonly fixedRows: number | null
  readonly header: Uint8Array
}

/** Throws `TypeError` and {@link SelectionError}. */
export function newGrowing(options: GrowingOptions, what: string): NewGrowing {
  const dtype = arrayDType(options.dtype, what)
  const given = checkChoice(options.order ?? 'C', ['C', 'F'] as const, `${what}: order`)
  // One axis is in both orders.
  const order = options.shape?.length === 1 ? 'C' : given
  const { rowShape, fixedRows } = parseGrowingShape(options.shape, order, what)
  if (sizeOf(rowShape) * dtype.itemSize === 0) {
    throw new SelectionError(`${what}: rows of no bytes cannot be counted; write such an array as a whole`)
  }
  const header = formatNpyHeader({ dtype, shape: shapeWith({ order, rowShape }, 0), order }, { keepOrder: true })
  const version: readonly [number, number] = [header[6] as number, header[7] as number]
  return { array: { dtype, order, rowShape, version, byteOffset: header.length }, fixedRows, header }
}

function parseGrowingShape(
  shape: readonly (number | null)[],
  order: Order,
  what: string,
): { rowShape: number[]; fixedRows: number | null } {
  if (!Array.isArray(shape)) throw new TypeError(`${what}: expected shape to be an array, got ${typeof shape}`)
  if (shape.length === 0)
    throw new SelectionError(`${what}: a 0-d array has no axis to grow along; write it as a whole`)
  const axis = order === 'C' ? 0 : shape.length - 1
  if (shape.some((extent, at) => extent === null && at !== axis)) {
    throw new SelectionError(`${what}: in ${order} order only axis ${axis} can be null, the one that grows`, { axis })
  }
  const known = parseShape(shape.map((extent, at) => (at === axis ? (extent ?? 0) : extent)))
  return { rowShape: known.filter((_, at) => at !== axis), fixedRows: shape[axis] ?? null }
}
