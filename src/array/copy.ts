// From a view to memory of the caller's own: typed arrays, bytes, nested arrays; and the zero-copy typed array.

import { LayoutError } from '../errors.ts'
import type { DTypeName } from '../layout/dtype.ts'
import { formatShape } from '../layout/shape.ts'
import { checkOptions } from '../options.ts'
import { regionExtent } from '../storage/byte-source.ts'
import { staysMapped } from '../storage/memory.ts'
import { checkThreads, eachInFlight } from '../storage/threads.ts'
import { elementCodec } from './element.ts'
import { slab } from './rows.ts'
import { allocate, isDense, regionOf, type StridedArray, sizeOf, smallerSlice, swapToNative } from './strided-array.ts'
import {
  requireTypedArrayKind,
  type TypedArray,
  type TypedArrayKind,
  type TypedArrayOf,
  typedArrayName,
  typedArrayOver,
} from './typed-array.ts'

/** The most bytes that one piece of an interruptible read copies. */
const PIECE_BYTE_LENGTH = 32 * 1024 * 1024

/** The elements in place, as one typed array over the source's memory, or {@link LayoutError}. */
export function typedArrayInPlace<T extends DTypeName>(array: StridedArray): TypedArrayOf<T> {
  const kind = requireTypedArrayKind(array.dtype, 'typedArray')
  requireNativeOrder(array)
  if (!isDense(array, 'C')) {
    const hint = isDense(array, 'F') ? 'transpose().typedArray has the elements in memory order, ' : ''
    throw new LayoutError(
      `typedArray: the elements are not contiguous in C order (shape ${formatShape(array.shape)}, byteStrides ` +
        `${formatShape(array.byteStrides)}); ${hint}toTypedArray() copies`,
      { reason: 'strided' },
    )
  }
  return overMemory(array, kind, array.byteOffset, sizeOf(array.shape))
}

function requireNativeOrder(array: StridedArray): void {
  if (array.dtype.isNative) return
  throw new LayoutError(
    `typedArray: ${array.dtype} is not in this machine's byte order; toTypedArray() copies and swaps`,
    {
      reason: 'byteOrder',
    },
  )
}

function overMemory<T extends DTypeName>(
  array: StridedArray,
  kind: TypedArrayKind,
  byteOffset: number,
  itemCount: number,
): TypedArrayOf<T> {
  if (itemCount === 0) {
    array.source.memory(0, 0)
    return typedArrayOver(kind, { buffer: new ArrayBuffer(0), byteOffset: 0 }, 0)
  }
  let memory: ReturnType<StridedArray['source']['memory']>
  try {
    memory = array.source.memory(byteOffset, itemCount * array.dtype.itemSize)
  } catch (error) {
    if (!(error instanceof LayoutError) || error.reason !== 'window') throw error
    throw new LayoutError(`${error.message}; ${smallerSlice(array, 2 * 1024 ** 3)}`, { reason: 'window', cause: error })
  }
  if (memory.byteOffset % kind.elementByteLength !== 0) {
    const remedy = array.source.path?.endsWith('.npz')
      ? ', savez() writes an archive whose members are aligned; npymap repack makes one of this'
      : ''
    throw new LayoutError(
      `typedArray: the data starts at byte ${byteOffset}, which is no multiple of ${kind.elementByteLength}, as ` +
        `${kind.constructorName} needs; toTypedArray() copies${remedy}`,
      { reason: 'alignment' },
    )
  }
  return typedArrayOver(kind, memory, itemCount)
}

/** Where a copy goes: the typed array, and its bytes. */
interface Target<T extends DTypeName> {
  readonly typedArray: TypedArrayOf<T>
  readonly bytes: Uint8Array
}

function targetFor<T extends DTypeName>(
  array: StridedArray,
  out: TypedArrayOf<T> | undefined,
  what: string,
): Target<T> {
  const kind = requireTypedArrayKind(array.dtype, what)
  const size = sizeOf(array.shape)
  if (out === undefined) {
    const bytes = allocate(array, what)
    return { typedArray: typedArrayOver(kind, bytes, size), bytes }
  }
  const given = out as TypedArray
  const found = typedArrayName(given)
  if (found !== kind.constructorName) {
    throw new TypeError(`${what}: expected out to be a ${kind.constructorName} for ${array.dtype}, got ${found}`)
  }
  if ((given.buffer as { resizable?: boolean }).resizable === true) {
    // Shrinking it would take pages away from under the copy.
    throw new TypeError(`${what}: expected out to have a buffer of fixed length, got a resizable one`)
  }
  if (given.length !== size * kind.perItem) {
    throw new RangeError(`${what}: expected out to have length ${size * kind.perItem}, got ${given.length}`)
  }
  return { typedArray: out, bytes: new Uint8Array(given.buffer, given.byteOffset, given.byteLength) }
}

/** A copy in C order and native byte order. */
export function toTypedArray<T extends DTypeName>(array: StridedArray, out?: TypedArrayOf<T>): TypedArrayOf<T> {
  const target = targetFor<T>(array, out, 'toTypedArray')
  array.source.gather(regionOf(array), target.bytes, swapToNative(array.dtype))
  return target.typedArray
}

/** How a view is read. */
export interface ReadOptions<T extends DTypeName = DTypeName> {
  /** Where to; of the view's type and length. */
  readonly out?: TypedArrayOf<T> | undefined
  /** Threads that work for it; as many as there are cores, at most 4, when left out. */
  readonly threads?: number | undefined
  /** Ends the reading with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** The same off the main thread, in pieces between which a signal may end it. */
export async function readTypedArray<T extends DTypeName>(
  array: StridedArray,
  options: ReadOptions<T>,
): Promise<TypedArrayOf<T>> {
  checkOptions(options, ['out', 'threads', 'signal'], 'read')
  const threads = checkThreads(options.threads, 'read')
  options.signal?.throwIfAborted()
  const target = targetFor<T>(array, options.out, 'read')
  const requireAttached = watched(target.bytes, 'read')
  try {
    await gatherInPieces(array, target.bytes, swapToNative(array.dtype), { threads, signal: options.signal })
  } finally {
    requireAttached()
  }
  return target.typedArray
}

/** To be called when memory of the caller's was filled: throws `TypeError` when it was transferred away meanwhile. */
export function watched(bytes: Uint8Array, what: string): () => void {
  const { byteLength } = bytes
  const isKept = staysMapped(bytes)
  return () => {
    if (bytes.byteLength === byteLength || isKept) return
    throw new TypeError(`${what}: out was detached while it was filled; leave it alone until the promise settles`)
  }
}

/** `gatherAsync`, in pieces between which a signal may end it. */
export async function gatherInPieces(
  array: StridedArray,
  into: Uint8Array,
  wordSize: number,
  { threads, signal }: { readonly threads: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  // Two at once, each by half of the threads: when one has no work left for all of its own, the other has. A stream that is
  // read from front to back gains nothing.
  const inFlight = threads > 1 && array.source.kind !== 'inflated' ? 2 : 1
  await eachInFlight(pieces(array), inFlight, async ({ part, byteOffset, byteLength }) => {
    signal?.throwIfAborted()
    const target = into.subarray(byteOffset, byteOffset + byteLength)
    await array.source.gatherAsync(regionOf(part), target, wordSize, Math.ceil(threads / inFlight))
  })
  signal?.throwIfAborted()
}

/** Cuts a view along its first axes into parts of bounded size, in C order. */
function* pieces(
  array: StridedArray,
  byteOffset = 0,
): Generator<{ part: StridedArray; byteOffset: number; byteLength: number }> {
  const byteLength = sizeOf(array.shape) * array.dtype.itemSize
  if (byteLength <= PIECE_BYTE_LENGTH || array.shape.length === 0) {
    yield { part: array, byteOffset, byteLength }
    return
  }
  const extent = array.shape[0]!
  const rowByteLength = byteLength / extent
  const step = Math.max(1, Math.floor(PIECE_BYTE_LENGTH / rowByteLength))
  for (let start = 0; start < extent; start += step) {
    const part = slab(array, 0, start, Math.min(extent, start + step))
    const at = byteOffset + start * rowByteLength
    if (step > 1 || array.shape.length === 1) {
      yield { part, byteOffset: at, byteLength: part.shape[0]! * rowByteLength }
    } else {
      yield* pieces({ ...part, shape: part.shape.slice(1), byteStrides: part.byteStrides.slice(1) }, at)
    }
  }
}

/** The bytes in C order, as they are in the file: byte order and all. */
export function toBytes(array: StridedArray): Uint8Array {
  const bytes = allocate(array, 'toBytes')
  array.source.gather(regionOf(array), bytes, 1)
  return bytes
}

/** The elements as nested arrays; the element itself for a 0-d view. */
export function toNestedArray(array: StridedArray): unknown {
  const bytes = toBytes(array)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { decode } = elementCodec(array.dtype)
  const { itemSize } = array.dtype
  let at = 0
  const level = (axis: number): unknown => {
    if (axis === array.shape.length) {
      const value = decode(view, at)
      at += itemSize
      return value
    }
    return Array.from({ length: array.shape[axis]! }, () => level(axis + 1))
  }
  return level(0)
}

/** What scijs `ndarray(data, shape, stride, offset)` and zarrita chunks take; strides in typed-array elements. */
export interface NdarrayParts<T extends DTypeName> {
  /** The memory that the view lies in, from its first to its last byte. */
  readonly data: TypedArrayOf<T>
  /** Elements along each axis. */
  readonly shape: number[]
  /** Elements from one to the next along each axis; negative where an axis runs backwards. */
  readonly stride: number[]
  /** Where in `data` the element with index 0 on every axis is. */
  readonly offset: number
}

/** The view as `{ data, shape, stride, offset }` over the source's memory, or {@link LayoutError}. */
export function toNdarrayParts<T extends DTypeName>(array: StridedArray): NdarrayParts<T> {
  const kind = requireTypedArrayKind(array.dtype, 'toNdarray')
  requireNativeOrder(array)
  const { itemSize } = array.dtype
  if (kind.perItem !== 1) {
    throw new LayoutError(`toNdarray: ${array.dtype} has no typed array with one element an item; use toTypedArray()`, {
      reason: 'dtype',
    })
  }
  const uneven = array.byteStrides.find((stride) => stride % itemSize !== 0)
  if (uneven !== undefined) {
    throw new LayoutError(`toNdarray: a stride of ${uneven} bytes is no multiple of ${itemSize}; use toTypedArray()`, {
      reason: 'strided',
    })
  }
  const { low, high } = regionExtent(regionOf(array))
  const data = overMemory<T>(array, kind, low, (high - low) / itemSize)
  return {
    data,
    shape: [...array.shape],
    stride: array.byteStrides.map((stride) => stride / itemSize),
    offset: high === low ? 0 : (array.byteOffset - low) / itemSize,
  }
}
