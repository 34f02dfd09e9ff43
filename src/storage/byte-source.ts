// The narrow waist: where bytes live, whatever they mean. Views know this interface and nothing below it. Offsets are
// bytes from the start of the source (of the file, for files).

/** Elements at regular distances: the address arithmetic of a view, without its dtype. */
export interface Region {
  /** Where the element with index 0 on every axis starts. */
  readonly byteOffset: number
  readonly shape: readonly number[]
  /** Bytes from one element to the next along each axis; any sign, 0 for a broadcast axis. */
  readonly byteStrides: readonly number[]
  /** Bytes of one element. */
  readonly itemSize: number
}

/** Elements at a list of indices along one axis of a region: NumPy's `take`. */
export interface TakenRegion {
  readonly region: Region
  readonly axis: number
  /** Integers from 0, each below the extent of the axis. Nobody changes them any more. */
  readonly indices: Float64Array<ArrayBuffer>
}

/** How {@link ByteSource.takeAsync} runs. */
export interface TakeWork {
  /** Ends it soon: the promise is then rejected with the signal's reason, and `into` partly written. */
  readonly signal?: AbortSignal | undefined
  /** How many threads work at most; the source knows how many are good when left out. */
  readonly threads?: number | undefined
}

/** A range of a source as memory: `buffer` from `byteOffset` on. */
export interface MemoryRange {
  readonly buffer: ArrayBuffer
  readonly byteOffset: number
}

/** How the pages of a range will be used. */
export type Advice = 'normal' | 'random' | 'sequential' | 'willneed' | 'dontneed'

/** In the order of `mapping.h`. */
export const ADVICES: readonly Advice[] = ['normal', 'random', 'sequential', 'willneed', 'dontneed']

/** How a range is read ahead. */
export interface PrefetchOptions {
  /** As many as is sensible when left out. */
  readonly threads?: number | undefined
  /** Ends the reading with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** How a file was opened, and which one it was. */
export interface TransferableSource {
  /** The absolute path. */
  readonly path: string
  /** As it was opened; `r+` for one that was created. */
  readonly mode: 'r' | 'r+' | 'c'
  /** False where it is read with pread. */
  readonly mmap: boolean
  /** Which file it was: decimals, for these may be longer than a number is exact. */
  readonly file: {
    /** The device. */
    readonly dev: string
    /** The inode. */
    readonly ino: string
    /** Bytes of the file when it was opened. */
    readonly byteLength: number
  }
}

/** Reads one value at a byte offset of a `DataView`. */
export type Decode<T> = (view: DataView, byteOffset: number) => T

/** Blocks to inflate, as the addon's `inflateBlocks` takes them. */
export interface PackedBlocks {
  readonly output: Uint8Array
  /** Five for each block. The last comes back as its CRC-32. */
  readonly numbers: Float64Array
  readonly withCrc: boolean
  /** What stands before each block that begins no stream. */
  readonly before: Uint8Array
}

/**
 * Bytes behind arrays. Synchronous verbs may block on the disk; asynchronous ones run off the main thread where the
 * platform lets them.
 *
 * Every verb throws {@link ClosedError} after `close()`, {@link FaultError} when the bytes can no longer be had, and
 * `RangeError` for a range outside the source, which is a bug of the caller.
 */
export interface ByteSource {
  readonly kind: 'mapped' | 'file' | 'heap' | 'inflated'
  /** Absolute, or null for memory. */
  readonly path: string | null
  readonly byteLength: number
  readonly writable: boolean
  readonly closed: boolean
  /** True when threads other than this one can read from it while this one goes on. */
  readonly offThread: boolean
  readElement<T>(decode: Decode<T>, byteOffset: number, byteLength: number): T
  /** Fills `into` with plain bytes. */
  read(byteOffset: number, into: Uint8Array): void
  /** The same off the main thread -> the CRC-32 of these bytes, taken in the same pass. Not every source can. */
  readCrc32?(byteOffset: number, into: Uint8Array): Promise<number>
  /** Inflates blocks, whose input is given by byte offsets in the source -> 0, or -EILSEQ. Not every source can. */
  inflateBlocks?(blocks: PackedBlocks): number
  inflateBlocksAsync?(blocks: PackedBlocks): Promise<number>
  /** Copies a region densely, in C order; the bytes of each `wordSize` word are reversed when it is above 1. */
  gather(region: Region, into: Uint8Array, wordSize: number): void
  /** The same off the main thread, by about `threads` threads; by as many as is sensible when left out. */
  gatherAsync(region: Region, into: Uint8Array, wordSize: number, threads?: number): Promise<void>
  /**
   * Copies what the indices name densely, in C order, the axis as long as there are indices. `into` may lie in this very
   * source. A source that only reads has `takeByReads`.
   */
  take(taken: TakenRegion, into: Uint8Array, wordSize: number): void
  takeAsync(taken: TakenRegion, into: Uint8Array, wordSize: number, work: TakeWork): Promise<void>
  /** The reverse: `from` has the same shape, at the strides given (0 to broadcast), at its own `byteOffset`. */
  scatter(region: Region, from: ByteSource, fromRegion: Region, wordSize: number): void
  /** The range as memory, without a copy, or {@link LayoutError}. */
  memory(byteOffset: number, byteLength: number): MemoryRange
  advise(byteOffset: number, byteLength: number, advice: Advice): void
  /** Bytes of the range that are in memory, in whole pages. */
  residentByteLength(byteOffset: number, byteLength: number): number
  /** Reads the range into memory; resolves when it is there. */
  prefetch(byteOffset: number, byteLength: number, options?: PrefetchOptions): Promise<void>
  /** Lets go of the memory that the range takes in this process, where nothing is lost by it and the system is asked. */
  release(byteOffset: number, byteLength: number): void
  /** Makes what was written to the range durable. */
  flush(byteOffset: number, byteLength: number): Promise<void>
  /** Where another thread or process finds the same bytes, or {@link UnsupportedError}. */
  toTransferable(): TransferableSource
  /** True when the bytes are those of the file at this path, under whatever name it was opened. */
  liesIn(path: string): boolean
  close(): void
}

/** Throws `RangeError` unless the range lies in the source. The one check, for every source. */
export function checkRange(source: { readonly byteLength: number }, byteOffset: number, byteLength: number): void {
  const fits =
    Number.isSafeInteger(byteOffset) &&
    Number.isSafeInteger(byteLength) &&
    byteOffset >= 0 &&
    byteLength >= 0 &&
    byteOffset <= source.byteLength &&
    byteLength <= source.byteLength - byteOffset
  if (!fits) {
    throw new RangeError(`range: ${byteLength} bytes at ${byteOffset} are outside a source of ${source.byteLength}`)
  }
}

/** The bytes `[low, high)` that a region touches; equal when it has no elements. */
export function regionExtent(region: Region): { low: number; high: number } {
  let low = region.byteOffset
  let high = region.byteOffset + region.itemSize
  for (let axis = 0; axis < region.shape.length; axis++) {
    const extent = region.shape[axis]!
    if (extent === 0) return { low: region.byteOffset, high: region.byteOffset }
    const reach = region.byteStrides[axis]! * (extent - 1)
    if (reach < 0) low += reach
    else high += reach
  }
  return { low, high }
}

/** Throws `RangeError` unless every element of the region lies in the source; one without elements may be anywhere. */
export function checkRegion(source: { readonly byteLength: number }, region: Region): void {
  const { low, high } = regionExtent(region)
  if (low !== high) checkRange(source, low, high - low)
}

/** Byte strides of a dense C-order block. */
export function denseStrides(shape: readonly number[], itemSize: number): number[] {
  const strides = new Array<number>(shape.length)
  let stride = itemSize
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}
