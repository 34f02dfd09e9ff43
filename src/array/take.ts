// take and gather: elements at a list of indices along one axis, copied.

import { SelectionError } from '../errors.ts'
import type { DType, DTypeName } from '../layout/dtype.ts'
import { NATIVE_BYTE_ORDER } from '../layout/dtype-code.ts'
import { contiguousByteStrides, formatShape } from '../layout/shape.ts'
import { checkOptions } from '../options.ts'
import type { TakenRegion } from '../storage/byte-source.ts'
import { HeapSource } from '../storage/heap.ts'
import { requireWritable, sameElement } from './assign.ts'
import { watched } from './copy.ts'
import { type IntegerArray, resolveIndices } from './indices.ts'
import { allocate, isDense, regionOf, type StridedArray, sizeOf } from './strided-array.ts'
import { type TypedArray, type TypedArrayOf, typedArrayKind, typedArrayName } from './typed-array.ts'
import type { NdView } from './view.ts'

/**
 * Which elements of an axis `take` and `gather` copy: integers, in any order, with repeats, negative ones counted from
 * the end; or a mask, one boolean for each element of the axis. A `Uint8Array` holds integers. A view of integers may
 * have any shape, which then replaces the axis; a view of bool is a mask.
 */
export type Indices = readonly number[] | readonly boolean[] | IntegerArray | NdView

/** Options of `take`. */
export interface TakeOptions<T extends DTypeName = DTypeName> {
  /** 0 when left out; counted from the last when negative. */
  readonly axis?: number
  /** Where to put the elements: the dtype's typed array, or a writable view, contiguous in C order, of the result's shape. */
  readonly out?: TypedArrayOf<T> | NdView<T>
}

/** Options of `gather`. */
export interface GatherOptions<T extends DTypeName = DTypeName> extends TakeOptions<T> {
  /** Ends the gathering with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /**
   * Threads that copy, or, where a file is not mapped, reads under way at a time; at most 64. Left out: up to 3, such that a
   * processor, or a thread of the pool, is left to the program.
   */
  readonly threads?: number
}

const MAX_THREADS = 64

/** Everything checked, nothing copied yet. */
interface Plan {
  readonly taken: TakenRegion
  readonly into: Uint8Array
  readonly wordSize: number
  readonly result: StridedArray
}

/** Copies on this thread. */
export function take(array: StridedArray, indices: unknown, options: TakeOptions): StridedArray {
  checkOptions(options, ['axis', 'out'], 'take')
  const plan = planTake(array, indices, options, 'take')
  array.source.take(plan.taken, plan.into, plan.wordSize)
  return plan.result
}

/** Copies off the main thread. */
export async function gather(array: StridedArray, indices: unknown, options: GatherOptions): Promise<StridedArray> {
  checkOptions(options, ['axis', 'out', 'signal', 'threads'], 'gather')
  const { signal, threads } = options
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new RangeError(`gather: expected threads to be an integer from 1 to ${MAX_THREADS}, got ${String(threads)}`)
  }
  signal?.throwIfAborted()
  const plan = planTake(array, indices, options, 'gather')
  const requireAttached = watched(plan.into, 'gather')
  try {
    await array.source.takeAsync(plan.taken, plan.into, plan.wordSize, { signal, threads })
  } finally {
    requireAttached()
  }
  signal?.throwIfAborted()
  return plan.result
}

function planTake(array: StridedArray, given: unknown, options: TakeOptions, what: string): Plan {
  const axis = resolveAxis(options.axis ?? 0, array.shape.length, what)
  const { indices, shape: indexShape } = resolveIndices(given, axis, array.shape[axis]!, what)
  const shape = [...array.shape.slice(0, axis), ...indexShape, ...array.shape.slice(axis + 1)]
  const taken = { region: regionOf(array), axis, indices }
  const { out } = options
  if (out === undefined) {
    const dtype = nativeDType(array.dtype)
    const bytes = allocate({ ...array, shape }, what)
    const result = overBytes(bytes, dtype, shape)
    return { taken, into: bytes, wordSize: dtype === array.dtype ? 1 : dtype.wordSize, result }
  }
  return { taken, ...('byteStrides' in out ? intoView : intoTypedArray)(array, shape, out as never, what) }
}

function resolveAxis(axis: unknown, ndim: number, what: string): number {
  if (typeof axis !== 'number' || !Number.isInteger(axis)) {
    throw new TypeError(`${what}: expected axis to be an integer, got ${typeof axis === 'number' ? axis : typeof axis}`)
  }
  const at = axis < 0 ? axis + ndim : axis
  if (at >= 0 && at < ndim) return at
  throw new SelectionError(`${what}: axis ${axis} is out of bounds for ${ndim} axes`, { axis })
}

/** Structures keep the byte order of their fields. */
function nativeDType(dtype: DType): DType {
  return dtype.isNative || dtype.wordSize === 1 ? dtype : dtype.withByteOrder(NATIVE_BYTE_ORDER)
}

function overBytes(bytes: Uint8Array<ArrayBuffer>, dtype: DType, shape: readonly number[]): StridedArray {
  const byteStrides = contiguousByteStrides(shape, dtype.itemSize, 'C')
  return { source: new HeapSource(bytes), dtype, shape, byteStrides, byteOffset: 0 }
}

function intoTypedArray(array: StridedArray, shape: number[], out: TypedArray, what: string): Omit<Plan, 'taken'> {
  const kind = typedArrayKind(array.dtype)
  const found = typedArrayName(out)
  if (kind === null || found !== kind.constructorName) {
    const expected = kind === null ? 'a view, for there is no typed array of' : `a ${kind.constructorName} for`
    throw new TypeError(`${what}: expected out to be ${expected} ${array.dtype}, got ${found}`)
  }
  if ((out.buffer as { resizable?: boolean }).resizable === true) {
    // Shrinking it would take pages away from under the copy.
    throw new TypeError(`${what}: expected out to have a buffer of fixed length, got a resizable one`)
  }
  const length = sizeOf(shape) * kind.perItem
  if (out.length !== length) {
    throw new SelectionError(
      `${what}: expected out to have ${length} elements for shape ${formatShape(shape)}, got ${out.length}`,
    )
  }
  const bytes = new Uint8Array(out.buffer as ArrayBuffer, out.byteOffset, out.byteLength)
  const dtype = nativeDType(array.dtype)
  return { into: bytes, wordSize: dtype === array.dtype ? 1 : dtype.wordSize, result: overBytes(bytes, dtype, shape) }
}

function intoView(array: StridedArray, shape: number[], out: StridedArray, what: string): Omit<Plan, 'taken'> {
  if (!sameElement(array.dtype, out.dtype)) {
    throw new TypeError(`${what}: expected out of ${array.dtype}, got ${out.dtype}; nothing is cast silently`)
  }
  if (formatShape(out.shape) !== formatShape(shape)) {
    throw new SelectionError(`${what}: expected out of shape ${formatShape(shape)}, got ${formatShape(out.shape)}`)
  }
  requireWritable(out, what)
  if (!isDense(out, 'C')) {
    throw new SelectionError(`${what}: expected out to be contiguous in C order; assign() writes to any view`)
  }
  const byteLength = sizeOf(shape) * out.dtype.itemSize
  const { buffer, byteOffset } = out.source.memory(byteLength === 0 ? 0 : out.byteOffset, byteLength)
  const wordSize = array.dtype.byteOrder === out.dtype.byteOrder ? 1 : array.dtype.wordSize
  const { source, dtype, byteStrides } = out
  const result = { source, dtype, shape, byteStrides, byteOffset: out.byteOffset }
  return { into: new Uint8Array(buffer, byteOffset, byteLength), wordSize, result }
}
