// From values to the bytes of a view: one element, a broadcast value, typed arrays, nested arrays, other views.

import { SelectionError, UnsupportedError } from '../errors.ts'
import type { DType } from '../layout/dtype.ts'
import { broadcastStrides, contiguousByteStrides, formatShape } from '../layout/shape.ts'
import { HeapSource } from '../storage/heap.ts'
import { elementCodec } from './element.ts'
import { allocate, regionOf, type StridedArray, sizeOf, swapToNative } from './strided-array.ts'
import { type TypedArray, typedArrayKind, typedArrayName } from './typed-array.ts'

/** Throws unless the view's bytes may be written. */
export function requireWritable(array: StridedArray, what: string): void {
  if (array.source.writable) return
  throw new UnsupportedError(
    `${what}: the array is read-only; open the file with mode 'r+' to change it, 'c' to change only this copy; of a member of an archive, load() gives a copy to change`,
    { feature: 'writing to a read-only array', path: array.source.path },
  )
}

/** Writes one element at a byte offset that was checked. */
export function setElement(array: StridedArray, byteOffset: number, value: unknown): void {
  requireWritable(array, 'set')
  const { dtype, source } = array
  const { itemSize } = dtype
  const bytes = new Uint8Array(itemSize)
  // The padding of a structure is kept, as in NumPy.
  if (dtype.fields !== null) source.gather({ byteOffset, shape: [], byteStrides: [], itemSize }, bytes, 1)
  elementCodec(dtype).encode(new DataView(bytes.buffer), 0, value)
  const item = { byteOffset, shape: [], byteStrides: [], itemSize }
  source.scatter(item, new HeapSource(bytes), { ...item, byteOffset: 0 }, 1)
}

/** Writes one value to every element. */
export function fill(array: StridedArray, value: unknown, what: string): void {
  requireWritable(array, what)
  const { dtype, shape } = array
  const item = new Uint8Array(dtype.itemSize)
  elementCodec(dtype).encode(new DataView(item.buffer), 0, value)
  const byteStrides = shape.map(() => 0)
  array.source.scatter(
    regionOf(array),
    new HeapSource(item),
    { byteOffset: 0, shape, byteStrides, itemSize: dtype.itemSize },
    1,
  )
}

/** The same element, whatever the byte order. */
export function sameElement(a: DType, b: DType): boolean {
  if (a.equals(b)) return true
  if (a.fields !== null || b.fields !== null || a.wordSize === 1) return false
  const order = a.byteOrder === '>' ? '>' : '<'
  return a.equals(b.withByteOrder(order))
}

/** Copies another view, broadcast to this one's shape; byte orders may differ, dtypes may not. */
export function assignView(array: StridedArray, from: StridedArray): void {
  requireWritable(array, 'assign')
  if (!sameElement(array.dtype, from.dtype)) {
    throw new TypeError(`assign: expected ${array.dtype}, got ${from.dtype}; nothing is cast silently`)
  }
  const byteStrides = broadcastStrides(from.shape, from.byteStrides, array.shape)
  const wordSize = array.dtype.byteOrder === from.dtype.byteOrder ? 1 : array.dtype.wordSize
  const fromRegion = { ...regionOf(from), shape: array.shape, byteStrides }
  array.source.scatter(regionOf(array), from.source, fromRegion, wordSize)
}

/** Copies a typed array whose elements are those of the view in C order. */
export function assignTypedArray(array: StridedArray, values: TypedArray): void {
  requireWritable(array, 'assign')
  const kind = typedArrayKind(array.dtype)
  const found = typedArrayName(values)
  if (kind === null || found !== kind.constructorName) {
    const expected = kind === null ? 'no typed array' : `a ${kind.constructorName}`
    throw new TypeError(`assign: expected ${expected} for ${array.dtype}, got a ${found}; nothing is cast silently`)
  }
  const size = sizeOf(array.shape)
  if (values.length !== size * kind.perItem) {
    throw new SelectionError(
      `assign: expected ${size * kind.perItem} values for shape ${formatShape(array.shape)}, got ${values.length}`,
    )
  }
  const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength)
  const { shape, dtype } = array
  const byteStrides = contiguousByteStrides(shape, dtype.itemSize, 'C')
  const region = { byteOffset: 0, shape, byteStrides, itemSize: dtype.itemSize }
  array.source.scatter(regionOf(array), new HeapSource(bytes), region, swapToNative(dtype))
}

/** The same error, with the place of the value that caused it. */
function atIndex(error: unknown, what: string, index: readonly number[]): unknown {
  const Kind = [TypeError, RangeError].find((kind) => error instanceof kind)
  if (Kind === undefined || index.length === 0) return error
  return new Kind(`${what}: at index [${index.join(', ')}]: ${(error as Error).message}`, { cause: error })
}

/** Copies nested arrays of exactly the view's shape. */
export function assignNested(array: StridedArray, values: readonly unknown[], what = 'assign'): void {
  requireWritable(array, what)
  const { shape, dtype } = array
  const bytes = allocate(array, what)
  const view = new DataView(bytes.buffer)
  const { encode } = elementCodec(dtype)
  let at = 0
  const level = (value: unknown, axis: number, index: readonly number[]): void => {
    if (axis === shape.length) {
      if (Array.isArray(value) && dtype.subarray === null) {
        throw new SelectionError(
          `${what}: expected an element of ${dtype} at index [${index.join(', ')}], got an array: too deep`,
        )
      }
      try {
        encode(view, at, value)
      } catch (error) {
        throw atIndex(error, what, index)
      }
      at += dtype.itemSize
      return
    }
    if (!Array.isArray(value) || value.length !== shape[axis]) {
      const found = Array.isArray(value) ? `${value.length}` : 'no array'
      throw new SelectionError(
        `${what}: expected ${shape[axis]} elements along axis ${axis} at index [${index.join(', ')}], got ${found}`,
        { axis },
      )
    }
    for (const [i, inner] of value.entries()) level(inner, axis + 1, [...index, i])
  }
  level(values, 0, [])
  const byteStrides = contiguousByteStrides(shape, dtype.itemSize, 'C')
  const region = { byteOffset: 0, shape, byteStrides, itemSize: dtype.itemSize }
  array.source.scatter(regionOf(array), new HeapSource(bytes), region, 1)
}
