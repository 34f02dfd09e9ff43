// How members are stored: as they are, on a boundary that suits typed arrays, or deflated in chunks.

import { checkOptions } from '../options.ts'
import { MAX_LEVEL } from '../storage/deflate.ts'

/** How deflated members are made. */
export interface CompressOptions {
  /** 0 (not at all) to 9 (smallest); 6 when left out, as in NumPy. */
  readonly level?: number
  /**
   * Uncompressed bytes of a chunk: each can be read without the others, and a slice inflates the chunks it touches. From
   * 4096 to 16 MiB, 256 KiB when left out.
   */
  readonly blockByteLength?: number
}

/** True, or how; false stores. */
export type Compress = boolean | CompressOptions

/** {@link CompressOptions} with nothing left out. */
export interface Deflation {
  readonly level: number
  readonly blockByteLength: number
}

const DEFAULT_LEVEL = 6
const DEFAULT_BLOCK_BYTE_LENGTH = 256 * 1024
const MIN_BLOCK_BYTE_LENGTH = 4096
const MAX_BLOCK_BYTE_LENGTH = 16 * 1024 * 1024
const DEFAULT_ALIGNMENT = 64
/** An extra field holds less than twice as much. */
const MAX_ALIGNMENT = 32_768

/** Checks what callers give; null for stored. Throws `TypeError` and `RangeError`. */
export function deflationOf(compress: Compress, what: string): Deflation | null {
  if (compress === false) return null
  if (compress === true) return { level: DEFAULT_LEVEL, blockByteLength: DEFAULT_BLOCK_BYTE_LENGTH }
  checkOptions(compress, ['level', 'blockByteLength'], `${what}: compress`)
  const { level = DEFAULT_LEVEL, blockByteLength = DEFAULT_BLOCK_BYTE_LENGTH } = compress
  checkWhole(level, 0, MAX_LEVEL, `${what}: level`)
  checkWhole(blockByteLength, MIN_BLOCK_BYTE_LENGTH, MAX_BLOCK_BYTE_LENGTH, `${what}: blockByteLength`)
  return { level, blockByteLength }
}

/** Throws `RangeError` unless it is a power of two, up to {@link MAX_ALIGNMENT}. */
export function checkAlignment(alignment: number = DEFAULT_ALIGNMENT, what: string): number {
  checkWhole(alignment, 1, MAX_ALIGNMENT, `${what}: alignment`)
  if (!Number.isInteger(Math.log2(alignment))) {
    throw new RangeError(`${what}: alignment: expected a power of two, got ${alignment}`)
  }
  return alignment
}

function checkWhole(value: number, least: number, most: number, what: string): void {
  if (typeof value !== 'number') throw new TypeError(`${what}: expected a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what}: expected a whole number from ${least} to ${most}, got ${value}`)
  }
}
