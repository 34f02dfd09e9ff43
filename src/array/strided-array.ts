// The fields of a view, and what follows from them without touching a byte.

import { LayoutError } from '../errors.ts'
import type { DType } from '../layout/dtype.ts'
import { isContiguous } from '../layout/shape.ts'
import type { ByteSource, Region } from '../storage/byte-source.ts'
import { allocateBytes } from '../storage/memory.ts'

/** A view is five fields; the rest is arithmetic: element `[i, j]` is at `byteOffset + i * byteStrides[0] + …`. */
export interface StridedArray {
  readonly source: ByteSource
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Bytes from one element to the next along each axis. */
  readonly byteStrides: readonly number[]
  /** Where the element with index 0 on every axis starts, in bytes from the start of the source. */
  readonly byteOffset: number
}

/** The elements of a view as its source takes them. */
export function regionOf(array: StridedArray): Region {
  const { byteOffset, shape, byteStrides, dtype } = array
  return { byteOffset, shape, byteStrides, itemSize: dtype.itemSize }
}

/** Elements of a view; exact, since no view is larger than its source's safe byte count, or it is empty. */
export function sizeOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1)
}

/** The word that `gather` reverses to reach this machine's byte order: 1 when there is nothing to do. */
export function swapToNative(dtype: DType): number {
  return dtype.isNative ? 1 : dtype.wordSize
}

/** Contiguous in this order. */
export function isDense(array: StridedArray, order: 'C' | 'F'): boolean {
  return isContiguous(array.shape, array.byteStrides, array.dtype.itemSize, order)
}

/** Memory for a copy of the view, or {@link LayoutError} naming a slice that would fit. */
export function allocate(array: StridedArray, what: string): Uint8Array<ArrayBuffer> {
  const byteLength = sizeOf(array.shape) * array.dtype.itemSize
  try {
    return allocateBytes(byteLength)
  } catch (cause) {
    const message = `${what}: ${byteLength} bytes are more than this runtime has memory for or puts in one array`
    throw new LayoutError(`${message}; ${smallerSlice(array, Math.min(2 * 1024 ** 3, byteLength / 2))}`, {
      reason: 'size',
      cause,
    })
  }
}

/** `take slice('0:1000') or the like`: a part of the view of at most so many bytes. */
export function smallerSlice(array: StridedArray, byteLength: number): string {
  const axis = array.shape.findIndex((extent) => extent > 1)
  if (axis < 0) return 'there is no smaller slice'
  const rest = sizeOf(array.shape.slice(axis + 1)) * array.dtype.itemSize
  const count = Math.max(1, Math.min(array.shape[axis]!, Math.floor(byteLength / rest)))
  return `take slice(${[...new Array<string>(axis).fill('null'), `'0:${count}'`].join(', ')}) and the ones after it`
}
