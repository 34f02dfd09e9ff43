// What an archive says of its members: the central directory, and the local header in front of each member's bytes. Nothing
// is believed before it is checked against the archive's length; hostile values end in typed errors, never in allocations.

import { type ArchiveBytes, failZip, formatSignature, refuseZip, viewOf } from './zip-archive.ts'
import {
  FLAG_ENCRYPTED,
  FLAG_MASKED,
  FLAG_PATCHED,
  FLAG_STRONG_ENCRYPTION,
  LOCAL_HEADER_BYTE_LENGTH,
  LOCAL_HEADER_SIGNATURE,
} from './zip-constants.ts'
import { parseZipEntries } from './zip-directory.ts'
import { readZipEnd } from './zip-end.ts'

export { LOCAL_HEADER_BYTE_LENGTH }

const STORED = 0

/** A member, as the central directory tells it. */
export interface ZipEntry {
  /** UTF-8 when flag 0x800 is set, else cp437; a Unicode path extra field is honoured. Cut at a NUL. */
  readonly name: string
  /** As in the central directory. */
  readonly nameBytes: Uint8Array
  /** General purpose bit flags. */
  readonly flags: number
  /** 0 stored, 8 deflated, 93 zstd. */
  readonly method: number
  /** Of the uncompressed bytes, unsigned. */
  readonly crc32: number
  /** zip64 resolved. */
  readonly compressedByteLength: number
  /** zip64 resolved. */
  readonly uncompressedByteLength: number
  readonly localHeaderByteOffset: number
  /** Length of the central header's extra field, in bytes. */
  readonly centralExtraByteLength: number
  readonly externalAttributes: number
  readonly versionNeeded: number
  /** The central header with its name, extra field and comment: an appender writes it again unchanged. */
  readonly centralHeader: Uint8Array
  /** The name ends with `/`. */
  readonly isDirectory: boolean
  /** Where the next entry's local header or the directory begins: nothing of this entry lies there. */
  readonly limitByteOffset?: number
}

/** The central directory of an archive. */
export interface ZipDirectory {
  /** In directory order, duplicate names included. */
  readonly entries: readonly ZipEntry[]
  readonly directoryByteOffset: number
  readonly directoryByteLength: number
  /** Just past the end-of-central-directory record and its comment. */
  readonly endByteOffset: number
  /** The archive's comment. */
  readonly comment: Uint8Array
}

/** The header in front of a member's bytes. */
export interface ZipLocalHeader {
  readonly flags: number
  readonly method: number
  readonly nameByteLength: number
  readonly extraByteLength: number
  /** 30 + name + extra field: the member's bytes begin this far past the header's begin. */
  readonly byteLength: number
  readonly nameBytes: Uint8Array
  /** The extra field, as much of it as was given. */
  readonly extra: Uint8Array
}

/**
 * Finds and parses the directory of an archive.
 *
 * @param read - gives `byteLength` bytes of the archive from `byteOffset`; called for ranges inside it only.
 * @param archiveByteLength - the archive's length in bytes.
 * @throws FormatError when this is no archive, is cut short, has bytes in front, or its directory is broken or says what
 *   cannot be; UnsupportedError for archives over several disks, encrypted directories, and more than `maxEntries`
 *   entries (default: no limit).
 */
export function readZipDirectory(
  read: (byteOffset: number, byteLength: number) => Uint8Array,
  archiveByteLength: number,
  options: { path: string | null; maxEntries?: number | undefined },
): ZipDirectory {
  const archive: ArchiveBytes = { read, byteLength: archiveByteLength, path: options.path }
  const end = readZipEnd(archive)
  if (end.entryCount > (options.maxEntries ?? Number.POSITIVE_INFINITY)) {
    refuseZip(archive, `a directory of ${end.entryCount} entries, more than ${options.maxEntries},`)
  }
  return {
    entries: parseZipEntries(archive, end),
    directoryByteOffset: end.directoryByteOffset,
    directoryByteLength: end.directoryByteLength,
    endByteOffset: end.endByteOffset,
    comment: end.comment,
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index += 1) {
    if (a[index] !== b[index]) return false
  }
  return true
}

/** @throws UnsupportedError for what either header says of encryption and patches. */
function checkFlags(flags: number, place: { path: string | null }, member: string): void {
  if ((flags & FLAG_STRONG_ENCRYPTION) !== 0) refuseZip(place, 'strong encryption', { member })
  if ((flags & FLAG_ENCRYPTED) !== 0) refuseZip(place, 'encryption', { member })
  if ((flags & FLAG_MASKED) !== 0) refuseZip(place, 'encryption of the directory', { member })
  if ((flags & FLAG_PATCHED) !== 0) refuseZip(place, 'compressed patched data', { member })
}

/**
 * The local header of a member. Its sizes and checksum are not read: a writer to a pipe leaves them out.
 *
 * @param bytes - from the local header on, at least 30 and as many as the name has; what follows is not looked at.
 * @throws FormatError when it is none, not that of `entry`, or the member would reach past what `entry` may take; when a
 *   stored member has two sizes. UnsupportedError for encrypted members.
 */
export function parseLocalHeader(bytes: Uint8Array, entry: ZipEntry, options: { path: string | null }): ZipLocalHeader {
  const { name: member, nameBytes, localHeaderByteOffset } = entry
  const fail = (at: number, expected: string, found: string): never =>
    failZip(options, 'zip local header', { expected, found, byteOffset: localHeaderByteOffset + at, member })
  checkFlags(entry.flags, options, member)
  if (bytes.length < LOCAL_HEADER_BYTE_LENGTH) fail(0, `${LOCAL_HEADER_BYTE_LENGTH} bytes`, String(bytes.length))
  const view = viewOf(bytes)
  const signature = view.getUint32(0, true)
  if (signature !== LOCAL_HEADER_SIGNATURE) {
    fail(0, formatSignature(LOCAL_HEADER_SIGNATURE), formatSignature(signature))
  }
  const flags = view.getUint16(6, true)
  checkFlags(flags, options, member)
  const method = view.getUint16(8, true)
  if (method !== entry.method) fail(8, `method ${entry.method} as in the directory`, String(method))
  const nameByteLength = view.getUint16(26, true)
  const extraByteLength = view.getUint16(28, true)
  const nameEnd = LOCAL_HEADER_BYTE_LENGTH + nameByteLength
  const byteLength = nameEnd + extraByteLength
  if (nameByteLength !== nameBytes.length) {
    fail(26, `a name of ${nameBytes.length} bytes as in the directory`, String(nameByteLength))
  }
  if (bytes.length < nameEnd) fail(0, `${nameEnd} bytes`, String(bytes.length))
  const localName = bytes.subarray(LOCAL_HEADER_BYTE_LENGTH, nameEnd)
  if (!equalBytes(localName, nameBytes)) fail(LOCAL_HEADER_BYTE_LENGTH, 'the name in the directory', 'another name')
  const { compressedByteLength, uncompressedByteLength, limitByteOffset = Number.MAX_SAFE_INTEGER } = entry
  if (method === STORED && compressedByteLength !== uncompressedByteLength) {
    fail(0, `${uncompressedByteLength} stored bytes as is their size`, String(compressedByteLength))
  }
  if (compressedByteLength > limitByteOffset - localHeaderByteOffset - byteLength) {
    fail(
      28,
      `${compressedByteLength} bytes to end at or before byte ${limitByteOffset}`,
      `a header of ${byteLength} bytes`,
    )
  }
  const extra = bytes.subarray(nameEnd, byteLength)
  return { flags, method, nameByteLength, extraByteLength, byteLength, nameBytes: localName, extra }
}
