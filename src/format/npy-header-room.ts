// Rewriting the shape in a header that is already there: NumPy leaves blanks in it, so that an array can grow in place.

import { UnsupportedError } from '../errors.ts'
import { formatNpyHeader, type NpyHeader, parseNpyHeader } from './npy-header.ts'

/** The length of magic and version, before the header's length field. */
const VERSION_BYTE_OFFSET = 6
const TEXT_BYTE_OFFSETS: Readonly<Record<number, number>> = { 1: 10, 2: 12, 3: 12 }
const BLANK = 0x20
const NEWLINE = 0x0a

/**
 * The header of an array in exactly `byteLength` bytes and in this version, or null when it does not fit in them.
 */
export function fitNpyHeader(
  array: Pick<NpyHeader, 'dtype' | 'shape' | 'order'>,
  version: readonly [major: number, minor: number],
  byteLength: number,
): Uint8Array | null {
  let fresh: Uint8Array
  try {
    fresh = formatNpyHeader(array, { version, keepOrder: true })
  } catch (error) {
    // Too long for its version, blanks included.
    if (error instanceof UnsupportedError) return null
    throw error
  }
  const textByteOffset = TEXT_BYTE_OFFSETS[fresh[VERSION_BYTE_OFFSET]!]!
  let end = fresh.length - 1
  while (end > 0 && (fresh[end - 1] === BLANK || fresh[end - 1] === NEWLINE)) end--
  if (end + 1 > byteLength) return null
  const fitted = new Uint8Array(byteLength).fill(BLANK)
  fitted.set(fresh.subarray(0, end))
  fitted[byteLength - 1] = NEWLINE
  const view = new DataView(fitted.buffer)
  if (textByteOffset === 10) view.setUint16(8, byteLength - textByteOffset, true)
  else view.setUint32(8, byteLength - textByteOffset, true)
  // What is about to replace a good header is read back first.
  const check = parseNpyHeader(fitted, { maxHeaderSize: Number.MAX_SAFE_INTEGER })
  return check.byteOffset === byteLength && check.dtype.equals(array.dtype) ? fitted : null
}
