// Names of members: from their bytes, as Python's zipfile (3.13 on) tells them.

import { decodeCp437 } from './cp437.ts'
import { crc32 } from './crc32.ts'

const UNICODE_PATH_VERSION = 1
/** Version and CRC-32 of the name it replaces. */
const UNICODE_PATH_PREFIX_BYTE_LENGTH = 5

const byteText = new TextDecoder('latin1')
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8, or null for bytes that are none. */
function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

/** One character for each byte; only those below 0x80 are ASCII, the others some letter of windows-1252. */
export function decodeByteText(bytes: Uint8Array): string {
  return byteText.decode(bytes)
}

/** True when `bytes[start, end)` are ASCII without NUL. */
export function isAsciiName(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] as number
    if (byte >= 0x80 || byte === 0) return false
  }
  return true
}

/** A name in UTF-8 or cp437, not cut at NULs; null for UTF-8 that is none. */
export function decodeZipName(bytes: Uint8Array, isUtf8: boolean): string | null {
  return isUtf8 ? decodeUtf8(bytes) : decodeCp437(bytes)
}

/**
 * The name in the data of a Unicode path extra field (0x7075).
 *
 * @returns undefined when it is not about the name in `nameBytes` or of an unknown version, null when it is broken.
 */
export function unicodePathName(data: Uint8Array, nameBytes: Uint8Array): string | null | undefined {
  if (data.length < UNICODE_PATH_PREFIX_BYTE_LENGTH) return null
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (view.getUint8(0) !== UNICODE_PATH_VERSION || view.getUint32(1, true) !== crc32(nameBytes)) return undefined
  const name = decodeUtf8(data.subarray(UNICODE_PATH_PREFIX_BYTE_LENGTH))
  return name === '' ? undefined : name
}

/** Readers end a name at its first NUL. */
export function cutAtNul(name: string): string {
  const end = name.indexOf('\0')
  return end === -1 ? name : name.slice(0, end)
}
