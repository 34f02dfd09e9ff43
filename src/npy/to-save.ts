// What a caller gives to be saved, with the dtype and order that its file will have.

import type { StridedArray } from '../array/strided-array.ts'
import { DType, type DTypeLike } from '../layout/dtype.ts'
import { isContiguous, type Order } from '../layout/shape.ts'
import { checkChoice } from '../options.ts'
import { type ArrayLike, viewOf } from './values.ts'

/** What is known of an array beside its values. */
export interface ToSaveOptions {
  /** For typed arrays and nested arrays: what their values are; see {@link ArrayData}. */
  readonly dtype?: DTypeLike
  /** Elements along each axis; that of the values when left out. */
  readonly shape?: number | readonly number[]
  /** As NumPy when left out: `F` for what is contiguous so and not in C order. */
  readonly order?: Order
}

/** An array as it will be written; the view may be in the other byte order. */
export interface ToSave {
  readonly view: StridedArray
  readonly dtype: DType
  readonly order: Order
}

/** Throws as {@link viewOf} does. */
export function toSave(array: ArrayLike, options: ToSaveOptions, what: string): ToSave {
  const view = viewOf(array, what, options.dtype, options.shape)
  const asked = options.dtype ?? (array as { dtype?: DTypeLike } | null)?.dtype
  const dtype = asked === undefined ? view.dtype : DType.of(asked)
  const order =
    options.order === undefined ? naturalOrder(view) : checkChoice(options.order, ['C', 'F'] as const, `${what}: order`)
  return { view, dtype, order }
}

function naturalOrder(view: StridedArray): Order {
  const { shape, byteStrides, dtype } = view
  if (isContiguous(shape, byteStrides, dtype.itemSize, 'C')) return 'C'
  return isContiguous(shape, byteStrides, dtype.itemSize, 'F') ? 'F' : 'C'
}
