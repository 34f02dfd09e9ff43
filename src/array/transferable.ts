// A view as a plain object, and back.

import type { Descr } from '../layout/dtype.ts'
import { DType } from '../layout/dtype.ts'
import { parseShape } from '../layout/shape.ts'
import { type ByteSource, checkRegion, type TransferableSource } from '../storage/byte-source.ts'
import { regionOf, type StridedArray } from './strided-array.ts'

/** What another thread or process needs to have the same elements of the same file. Plain: `postMessage` and JSON keep it. */
export interface TransferableArray extends TransferableSource {
  /** As `dtype.descr`. */
  readonly dtype: Descr
  /** Elements along each axis. */
  readonly shape: readonly number[]
  /** Bytes from one element to the next along each axis. */
  readonly byteStrides: readonly number[]
  /** Where the element with index 0 on every axis starts, in bytes from the start of the file. */
  readonly byteOffset: number
}

/** Throws as the source's `toTransferable` does. */
export function transferableArray({ source, dtype, shape, byteStrides, byteOffset }: StridedArray): TransferableArray {
  const from = source.toTransferable()
  return { ...from, dtype: dtype.descr, shape: [...shape], byteStrides: [...byteStrides], byteOffset }
}

/** The view in a source that was opened for it. Throws `TypeError` and `RangeError` for what cannot be one. */
export function arrayFrom(from: TransferableArray, source: ByteSource): StridedArray {
  const dtype = DType.of(from.dtype)
  const shape = parseShape(from.shape)
  const { byteStrides, byteOffset } = from
  const fits = Array.isArray(byteStrides) && byteStrides.length === shape.length
  if (!fits || !byteStrides.every(Number.isSafeInteger)) {
    throw new TypeError(`Memmap.from: expected ${shape.length} integers as byteStrides, got ${String(byteStrides)}`)
  }
  const array = { source, dtype, shape, byteStrides, byteOffset }
  checkRegion(source, regionOf(array))
  return array
}
