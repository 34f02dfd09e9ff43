// Chunks of a growing array: whatever callers write, as runs of bytes in the file's order.

import { sameElement } from '../array/assign.ts'
import { regionOf, type StridedArray, sizeOf } from '../array/strided-array.ts'
import { type TypedArray, typedArrayKind, typedArrayName } from '../array/typed-array.ts'
import { NdView } from '../array/view.ts'
import type { DType } from '../layout/dtype.ts'
import { formatShape, isContiguous, type Order } from '../layout/shape.ts'
import { BUFFER_BYTE_LENGTH } from '../storage/buffered-output.ts'
import { regionExtent } from '../storage/byte-source.ts'
import { HeapSource } from '../storage/heap.ts'
import { viewOf } from './values.ts'

/** Where bytes go, one call at a time; the caller may reuse them once the promise resolves. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>
}

/** The array that chunks belong to. */
export interface ChunkTarget {
  readonly dtype: DType
  /** The shape without the axis that grows. */
  readonly rowShape: readonly number[]
  readonly order: Order
}

/** The bytes of a typed array that can be written as they are, or null for any other chunk. */
export function plainBytes(chunk: unknown, target: ChunkTarget): Uint8Array | null {
  if (!ArrayBuffer.isView(chunk) || chunk instanceof DataView) return null
  const { dtype } = target
  const name = typedArrayName(chunk)
  const expected = typedArrayKind(dtype)?.constructorName ?? 'Uint8Array'
  // A clamped array is one of uint8 in all but its setters.
  if (name !== expected && !(name === 'Uint8ClampedArray' && expected === 'Uint8Array')) {
    throw new TypeError(`write: expected a ${expected} for ${dtype}, got a ${name}; nothing is cast silently`)
  }
  if (!dtype.isNative && typedArrayKind(dtype) !== null) return null
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

/** Any other chunk as a view of the target's dtype, with rows of its shape. */
export function chunkView(chunk: unknown, target: ChunkTarget): StridedArray {
  const { dtype, rowShape } = target
  if (ArrayBuffer.isView(chunk) && !(chunk instanceof DataView)) {
    // Only values in the other byte order come here, and need not be whole rows.
    return viewOf({ data: chunk as TypedArray, dtype }, 'write')
  }
  const view = chunk instanceof NdView ? viewOf(chunk, 'write') : viewOf(chunk, 'write', dtype)
  if (!sameElement(view.dtype, dtype))
    throw new TypeError(`write: expected ${dtype}, got a chunk of ${view.dtype}; nothing is cast silently`)
  const rows = target.order === 'C' ? view.shape.slice(1) : view.shape.slice(0, -1)
  const whole = view.shape.length === rowShape.length + 1 && equalShapes(rows, rowShape)
  if (!whole && !equalShapes(view.shape, rowShape)) {
    const growing = target.order === 'C' ? ['n', ...rowShape] : [...rowShape, 'n']
    throw new TypeError(
      `write: expected a chunk of shape (${growing.join(', ')}) or one row ${formatShape(rowShape)}, got ${formatShape(view.shape)}`,
    )
  }
  return view
}

function equalShapes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis])
}

/** Writes the elements of a view, in the order and with the dtype given, in bounded memory. */
export async function writeView(
  output: ByteSink,
  view: StridedArray,
  as: { readonly dtype: DType; readonly order: Order },
  checkGoingOn: () => void = () => {},
): Promise<void> {
  const laid = as.order === 'F' ? transposed(view) : view
  const wordSize = view.dtype.byteOrder === as.dtype.byteOrder ? 1 : as.dtype.wordSize
  const { source } = laid
  if (source instanceof HeapSource && wordSize === 1 && isDense(laid)) {
    const byteLength = sizeOf(laid.shape) * laid.dtype.itemSize
    const bytes = source.bytes.subarray(laid.byteOffset, laid.byteOffset + byteLength)
    requireThere(bytes, byteLength)
    for (let done = 0; done < byteLength; done += DIRECT_BYTE_LENGTH) {
      checkGoingOn()
      await output.write(bytes.subarray(done, done + DIRECT_BYTE_LENGTH))
      requireThere(bytes, byteLength)
    }
    return
  }
  const { itemSize } = laid.dtype
  const byteLength = sizeOf(laid.shape) * itemSize
  const partByteLength = Math.min(byteLength, Math.max(partByteLengthOf(laid), itemSize))
  // One fills while the other is on its way.
  let [scratch, spare] = [
    new Uint8Array(partByteLength),
    new Uint8Array(byteLength > partByteLength ? partByteLength : 0),
  ]
  let inFlight: Promise<void> = Promise.resolve()
  try {
    for (const part of parts(laid, partByteLength)) {
      checkGoingOn()
      if (source instanceof HeapSource) requireThere(source.bytes, regionExtent(regionOf(laid)).high)
      const bytes = scratch.subarray(0, sizeOf(part.shape) * itemSize)
      await source.gatherAsync(regionOf(part), bytes, wordSize)
      await inFlight
      inFlight = output.write(bytes)
      // It is awaited below, which tells of its failure.
      inFlight.catch(() => {})
      ;[scratch, spare] = [spare, scratch]
    }
    await inFlight
  } finally {
    // Whatever went wrong, nothing may be on its way from here any more.
    await inFlight.catch(() => {})
  }
}

/** Throws `TypeError` once the caller's memory was transferred away, or shrunk: its view has no such bytes any more. */
function requireThere(bytes: Uint8Array, byteLength: number): void {
  if (bytes.byteLength >= byteLength) return
  throw new TypeError('write: the values were detached, or became fewer, while they were written')
}

/**
 * How much to copy at a time. Where neighbours in the output lie far apart in the source, as in a transposed view, each
 * part touches every page of it: then fewer, larger ones, unless this very thread has to copy them.
 */
function partByteLengthOf(laid: StridedArray): number {
  const steps = laid.byteStrides.map(Math.abs).filter((_, axis) => laid.shape[axis]! > 1)
  const scattered = steps.length > 1 && steps.at(-1)! > Math.min(...steps)
  return scattered && laid.source.offThread ? SCATTERED_BYTE_LENGTH : BUFFER_BYTE_LENGTH
}

const SCATTERED_BYTE_LENGTH = 32 * 1024 * 1024

/** Between two looks at the signal. */
const DIRECT_BYTE_LENGTH = 64 * 1024 * 1024

function isDense(view: StridedArray): boolean {
  return isContiguous(view.shape, view.byteStrides, view.dtype.itemSize, 'C')
}

function transposed(view: StridedArray): StridedArray {
  return { ...view, shape: view.shape.toReversed(), byteStrides: view.byteStrides.toReversed() }
}

/** Parts of at most so many bytes each, but at least an element, in C order. */
function* parts(view: StridedArray, partByteLength: number): Generator<StridedArray> {
  const byteLength = sizeOf(view.shape) * view.dtype.itemSize
  if (byteLength === 0) return
  if (byteLength <= partByteLength || view.shape.length === 0) {
    yield view
    return
  }
  const [extent, ...inner] = view.shape as readonly [number, ...number[]]
  const [stride, ...innerStrides] = view.byteStrides as readonly [number, ...number[]]
  const rowByteLength = byteLength / extent
  const step = Math.floor(partByteLength / rowByteLength)
  for (let start = 0; start < extent; start += Math.max(1, step)) {
    const byteOffset = view.byteOffset + start * stride
    if (step === 0) yield* parts({ ...view, byteOffset, shape: inner, byteStrides: innerStrides }, partByteLength)
    else yield { ...view, byteOffset, shape: [Math.min(step, extent - start), ...inner] }
  }
}
