// What reading a part of an array costs in bytes of its file: whole pages, wherever an element is wanted.

import type { NdView } from '../../index.ts'

const PAGE = 4096

/** Bytes of the pages under the elements of a view of one or two axes, the second with the smaller stride; an upper bound. */
export function pagesByteLength(view: NdView): number {
  const { shape, byteStrides, dtype } = view
  if (shape.length === 0 || view.size === 0) return PAGE
  const inner = runByteLength(shape.at(-1) as number, Math.abs(byteStrides.at(-1) as number), dtype.itemSize)
  if (shape.length === 1) return inner
  const stride = Math.abs(byteStrides[0] as number)
  const rows = shape[0] as number
  const row = Math.min(Math.max(inner, Math.min(PAGE, stride)), Math.max(stride, inner))
  return Math.min(rows * row, (rows - 1) * stride + Math.abs(byteStrides[1] as number) * (shape[1] as number) + PAGE)
}

function runByteLength(count: number, stride: number, itemSize: number): number {
  return stride > PAGE ? count * PAGE : (count - 1) * stride + itemSize
}

/** What is read of an array, and what takes note of it. */
export interface Reading {
  /** No more bytes of the file than this. */
  readonly budget: number
  readonly signal: AbortSignal
  /** So many bytes of elements were read. */
  readonly onRead: (byteLength: number) => void
}
