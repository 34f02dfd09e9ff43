// How much is read and inflated at a time: enough that trips to a thread do not count, no more than is wanted.

/** Of the buffers of a cursor, as long as little is wanted of it. */
export const BUFFER_BYTE_LENGTH: number = 256 * 1024
/** Of the same when much more than this is to come: each trip to a thread takes as long as some 10 KiB of output. */
const LONG_BYTE_LENGTH = 1024 * 1024
const MUCH_BYTE_LENGTH = 4 * LONG_BYTE_LENGTH
const LEAST_READ_BYTE_LENGTH = 16 * 1024
/** A part of a stream may be this much longer than the whole makes expect. */
const MARGIN = 1.0625

/** Compressed bytes to read when so much output of a stream is wanted. */
export function inputFor(
  stream: { readonly compressedByteLength: number; readonly uncompressedByteLength: number },
  wantedByteLength: number,
): number {
  const ratio = stream.compressedByteLength / Math.max(1, stream.uncompressedByteLength)
  const expected = Math.ceil(Math.max(0, wantedByteLength) * ratio * MARGIN)
  return Math.max(LEAST_READ_BYTE_LENGTH, Math.min(expected, bufferFor(wantedByteLength)))
}

/** The length of a buffer that so many bytes pass through. */
export function bufferFor(byteLength: number): number {
  return byteLength > MUCH_BYTE_LENGTH ? LONG_BYTE_LENGTH : BUFFER_BYTE_LENGTH
}
