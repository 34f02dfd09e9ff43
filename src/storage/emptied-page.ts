// Reads beside a file being cut short: the rest of the page that it now ends in is emptied, and may be read so.

/** Of a page, or a part of one: larger pages end where some of these end. */
const PAGE_BYTE_LENGTH = 4096
/** Longer reads cost more than asking for the length. */
const SHORT_BYTE_LENGTH = 64 * 1024

/** False when no page, from some byte of these on to its end, can have been emptied: the last byte of each is there. */
export function mayBeEmptied(byteOffset: number, bytes: Uint8Array): boolean {
  const { byteLength } = bytes
  if (byteLength > SHORT_BYTE_LENGTH) return true
  for (let end = PAGE_BYTE_LENGTH - (byteOffset % PAGE_BYTE_LENGTH); end < byteLength; end += PAGE_BYTE_LENGTH) {
    if (bytes[end - 1] === 0) return true
  }
  return byteLength > 0 && bytes[byteLength - 1] === 0
}
