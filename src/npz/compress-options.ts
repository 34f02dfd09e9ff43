// How members are stored: as they are, on a boundary that suits typed arrays, or deflated in chunks.

import { checkOptions } from '../options.ts'
import { type DeflateSettings, maxLevel, ZLIB_MAX_LEVEL } from '../storage/deflate.ts'

/** How deflated members are made. */
export interface CompressOptions {
  /** 0 (not at all) to 9 (smallest), with libdeflate to 12; 6 when left out, as in NumPy. */
  readonly level?: number | undefined
  /**
   * Uncompressed bytes of a chunk: each can be read without the others, and a slice inflates the chunks it touches. From
   * 4096 to 16 MiB, 256 KiB when left out.
   */
  readonly blockByteLength?: number | undefined
  /**
   * Chunks that do not shrink by this part are stored, which is quicker to read. From 0, which deflates all, to less than 1;
   * 0.02 when left out.
   */
  readonly minSaving?: number | undefined
}

/** True, or how; false stores. */
export type Compress = boolean | CompressOptions

/** {@link CompressOptions} with nothing left out. */
export interface Deflation extends DeflateSettings {
  readonly blockByteLength: number
}

const DEFAULT_LEVEL = 6
const DEFAULT_BLOCK_BYTE_LENGTH = 256 * 1024
const DEFAULT_MIN_SAVING = 0.02
const MIN_BLOCK_BYTE_LENGTH = 4096
const MAX_BLOCK_BYTE_LENGTH = 16 * 1024 * 1024
const DEFAULT_ALIGNMENT = 64
/** An extra field holds less than twice as much. */
const MAX_ALIGNMENT = 32_768

/** Checks what callers give; null for stored. Throws `TypeError` and `RangeError`. */
export function deflationOf(compress: Compress, what: string): Deflation | null {
  if (compress === false) return null
  const given = compress === true ? {} : compress
  checkOptions(given, ['level', 'blockByteLength', 'minSaving'], `${what}: compress`)
  const { level = DEFAULT_LEVEL, blockByteLength = DEFAULT_BLOCK_BYTE_LENGTH, minSaving = DEFAULT_MIN_SAVING } = given
  const most = maxLevel()
  checkWhole(level, 0, most, `${what}: level`, most === ZLIB_MAX_LEVEL ? ' (more need libdeflate)' : '')
  checkWhole(blockByteLength, MIN_BLOCK_BYTE_LENGTH, MAX_BLOCK_BYTE_LENGTH, `${what}: blockByteLength`)
  if (typeof minSaving !== 'number')
    throw new TypeError(`${what}: minSaving: expected a number, got ${typeof minSaving}`)
  if (!(minSaving >= 0 && minSaving < 1)) {
    throw new RangeError(`${what}: minSaving: expected 0 to less than 1, got ${minSaving}`)
  }
  return { level, blockByteLength, minSaving }
}

/** Throws `RangeError` unless it is a power of two, up to {@link MAX_ALIGNMENT}. */
export function checkAlignment(alignment: number = DEFAULT_ALIGNMENT, what: string): number {
  checkWhole(alignment, 1, MAX_ALIGNMENT, `${what}: alignment`)
  if (!Number.isInteger(Math.log2(alignment))) {
    throw new RangeError(`${what}: alignment: expected a power of two, got ${alignment}`)
  }
  return alignment
}

function checkWhole(value: number, least: number, most: number, what: string, hint = ''): void {
  if (typeof value !== 'number') throw new TypeError(`${what}: expected a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what}: expected a whole number from ${least} to ${most}, got ${value}${hint}`)
  }
}
