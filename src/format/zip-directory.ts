// The entries of a central directory. It is read in pieces, so that a directory that only claims to be large costs one
// piece; every value is checked against the archive before an entry leaves this file.

import { type ArchiveBytes, failZip, formatSignature, readExactly, refuseZip, viewOf } from './zip-archive.ts'
import {
  CENTRAL_HEADER_BYTE_LENGTH,
  CENTRAL_HEADER_SIGNATURE,
  EXTRA_UNICODE_PATH,
  EXTRA_ZIP64,
  FLAG_UTF8,
  getUint64,
  LOCAL_HEADER_BYTE_LENGTH,
  UINT16_MAX,
  UINT32_MAX,
} from './zip-constants.ts'
import type { ZipEnd } from './zip-end.ts'
import { cutAtNul, decodeByteText, decodeZipName, isAsciiName, unicodePathName } from './zip-name.ts'
import type { ZipEntry } from './zip-records.ts'

/** More than the longest central header: 46 bytes and three fields of 65535. */
const PIECE_BYTE_LENGTH = 4_194_304

/** The values of an entry that zip64 may hold instead. */
interface LargeValues {
  uncompressedByteLength: number
  compressedByteLength: number
  localHeaderByteOffset: number
  disk: number
}

/** A piece of the directory, kept by its entries. */
interface Piece {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** The bytes as one string: an ASCII name is a slice of it, cheaper than decoding each. */
  readonly text: string
}

/** What opening an archive does not need is read from the directory's bytes when asked for: thousands of entries cost little. */
class DirectoryEntry implements ZipEntry {
  readonly name: string
  readonly compressedByteLength: number
  readonly uncompressedByteLength: number
  readonly localHeaderByteOffset: number
  readonly nameByteLength: number
  limitByteOffset = 0
  private readonly piece: Piece
  private readonly start: number

  constructor(piece: Piece, start: number, name: string, large: LargeValues | null) {
    const { view } = piece
    this.name = name
    this.compressedByteLength = large?.compressedByteLength ?? view.getUint32(start + 20, true)
    this.uncompressedByteLength = large?.uncompressedByteLength ?? view.getUint32(start + 24, true)
    this.localHeaderByteOffset = large?.localHeaderByteOffset ?? view.getUint32(start + 42, true)
    this.nameByteLength = view.getUint16(start + 28, true)
    this.piece = piece
    this.start = start
  }

  get versionNeeded(): number {
    return this.piece.view.getUint16(this.start + 6, true)
  }

  get flags(): number {
    return this.piece.view.getUint16(this.start + 8, true)
  }

  get method(): number {
    return this.piece.view.getUint16(this.start + 10, true)
  }

  get crc32(): number {
    return this.piece.view.getUint32(this.start + 16, true)
  }

  get centralExtraByteLength(): number {
    return this.piece.view.getUint16(this.start + 30, true)
  }

  get externalAttributes(): number {
    return this.piece.view.getUint32(this.start + 38, true)
  }

  get nameBytes(): Uint8Array {
    const start = this.start + CENTRAL_HEADER_BYTE_LENGTH
    return this.piece.bytes.subarray(start, start + this.nameByteLength)
  }

  get centralHeader(): Uint8Array {
    const { bytes, view } = this.piece
    return bytes.subarray(this.start, this.start + centralHeaderByteLength(view, this.start))
  }

  get isDirectory(): boolean {
    return this.name.endsWith('/')
  }
}

/** Of the central header at `start`, with name, extra field and comment. */
function centralHeaderByteLength(view: DataView, start: number): number {
  return (
    CENTRAL_HEADER_BYTE_LENGTH +
    view.getUint16(start + 28, true) +
    view.getUint16(start + 30, true) +
    view.getUint16(start + 32, true)
  )
}

/** One central header: where it lies, and whose it is. */
interface HeaderPlace {
  readonly archive: ArchiveBytes
  readonly piece: Piece
  /** In the piece. */
  readonly start: number
  /** In the archive. */
  readonly byteOffset: number
}

/** A name that is not plain ASCII. */
function decodeName({ archive, piece, start, byteOffset }: HeaderPlace, end: number): string {
  const bytes = piece.bytes.subarray(start + CENTRAL_HEADER_BYTE_LENGTH, end)
  const name = decodeZipName(bytes, (piece.view.getUint16(start + 8, true) & FLAG_UTF8) !== 0)
  if (name !== null) return cutAtNul(name)
  return failZip(archive, 'zip entry', {
    expected: 'a name in UTF-8',
    found: 'other bytes',
    byteOffset: byteOffset + CENTRAL_HEADER_BYTE_LENGTH,
    member: decodeZipName(bytes, false) as string,
  })
}

/** Resolves what 32 bits do not hold; zip64 has only the values that are saturated, in this order. */
function resolveZip64(place: HeaderPlace, name: string, start: number, end: number, large: LargeValues): LargeValues {
  const { view } = place.piece
  let at = start
  const next = (what: string, byteLength: 4 | 8): number => {
    if (at + byteLength > end) {
      const byteOffset = place.byteOffset + (start - place.start)
      const [expected, found] = [`${what} in its zip64 extra field`, `${end - start} bytes`]
      failZip(place.archive, 'zip entry', { expected, found, byteOffset, member: name })
    }
    at += byteLength
    return byteLength === 8 ? getUint64(view, at - 8) : view.getUint32(at - 4, true)
  }
  return {
    uncompressedByteLength:
      large.uncompressedByteLength === UINT32_MAX ? next('the uncompressed size', 8) : large.uncompressedByteLength,
    compressedByteLength:
      large.compressedByteLength === UINT32_MAX ? next('the compressed size', 8) : large.compressedByteLength,
    localHeaderByteOffset:
      large.localHeaderByteOffset === UINT32_MAX ? next('the offset', 8) : large.localHeaderByteOffset,
    disk: large.disk === UINT16_MAX ? next('the disk', 4) : large.disk,
  }
}

/** What the extra field, the bytes from `start` to `end`, changes of the name and the large values. */
function readExtra(
  place: HeaderPlace,
  start: number,
  end: number,
  given: { name: string; large: LargeValues },
): { name: string; large: LargeValues } {
  const { archive } = place
  const { bytes, view } = place.piece
  let { name, large } = given
  let isZip64Seen = false
  // Fewer than 4 bytes at the end are padding of old tools.
  for (let at = start; at + 4 <= end; ) {
    const id = view.getUint16(at, true)
    const dataEnd = at + 4 + view.getUint16(at + 2, true)
    const byteOffset = place.byteOffset + (at - place.start)
    if (dataEnd > end) {
      const [expected, found] = [`at most ${end - at - 4} bytes in an extra field`, String(dataEnd - at - 4)]
      failZip(archive, 'zip entry', { expected, found, byteOffset, member: name })
    }
    if (id === EXTRA_ZIP64 && !isZip64Seen) {
      large = resolveZip64(place, name, at + 4, dataEnd, large)
      isZip64Seen = true
    } else if (id === EXTRA_UNICODE_PATH) {
      const nameBytes = bytes.subarray(place.start + CENTRAL_HEADER_BYTE_LENGTH, start)
      const unicode = unicodePathName(bytes.subarray(at + 4, dataEnd), nameBytes)
      if (unicode === null) {
        const expected = 'a version, a checksum and a name in UTF-8 in its Unicode path extra field'
        failZip(archive, 'zip entry', { expected, found: 'other bytes', byteOffset, member: name })
      }
      if (unicode !== undefined) name = cutAtNul(unicode)
    }
    at = dataEnd
  }
  return { name, large }
}

function parseEntry(archive: ArchiveBytes, piece: Piece, start: number, byteOffset: number): DirectoryEntry {
  const { view } = piece
  const extraStart = start + CENTRAL_HEADER_BYTE_LENGTH + view.getUint16(start + 28, true)
  const extraEnd = extraStart + view.getUint16(start + 30, true)
  const text = isAsciiName(piece.bytes, start + CENTRAL_HEADER_BYTE_LENGTH, extraStart)
    ? piece.text.slice(start + CENTRAL_HEADER_BYTE_LENGTH, extraStart)
    : decodeName({ archive, piece, start, byteOffset }, extraStart)
  const disk = view.getUint16(start + 34, true)
  // Nearly every entry: nothing to allocate but itself.
  if (extraStart === extraEnd && disk === 0) return new DirectoryEntry(piece, start, text, null)

  const { name, large } = readExtra({ archive, piece, start, byteOffset }, extraStart, extraEnd, {
    name: text,
    large: {
      uncompressedByteLength: view.getUint32(start + 24, true),
      compressedByteLength: view.getUint32(start + 20, true),
      localHeaderByteOffset: view.getUint32(start + 42, true),
      disk,
    },
  })
  if (large.disk !== 0) refuseZip(archive, 'multi-disk', { member: name })
  const largest = Math.max(large.uncompressedByteLength, large.compressedByteLength, large.localHeaderByteOffset)
  if (largest > Number.MAX_SAFE_INTEGER) {
    const [expected, found] = [`sizes and offset up to ${Number.MAX_SAFE_INTEGER}`, String(largest)]
    failZip(archive, 'zip entry', { expected, found, byteOffset, member: name })
  }
  return new DirectoryEntry(piece, start, name, large)
}

/** Entries from the start of `piece`, until one does not lie in it wholly. @returns how many bytes they take. */
function parsePiece(
  archive: ArchiveBytes,
  piece: Piece,
  range: { byteOffset: number; directoryEnd: number; entryCount: number },
  entries: DirectoryEntry[],
): number {
  const { bytes, view } = piece
  let start = 0
  while (start < bytes.length) {
    const byteOffset = range.byteOffset + start
    const remaining = range.directoryEnd - byteOffset
    if (remaining < CENTRAL_HEADER_BYTE_LENGTH) {
      const expected = `an entry of at least ${CENTRAL_HEADER_BYTE_LENGTH} bytes`
      failZip(archive, 'zip directory', { expected, found: `${remaining} bytes`, byteOffset })
    }
    if (start + CENTRAL_HEADER_BYTE_LENGTH > bytes.length) break
    const signature = view.getUint32(start, true)
    if (signature !== CENTRAL_HEADER_SIGNATURE) {
      const expected = formatSignature(CENTRAL_HEADER_SIGNATURE)
      failZip(archive, 'zip entry', { expected, found: formatSignature(signature), byteOffset })
    }
    const byteLength = centralHeaderByteLength(view, start)
    if (byteLength > remaining) {
      const [expected, found] = [`at most ${remaining} bytes`, String(byteLength)]
      failZip(archive, 'zip entry', { expected, found, byteOffset })
    }
    if (start + byteLength > bytes.length) break
    if (entries.length === range.entryCount) {
      const expected = `${range.entryCount} entries as its end record says`
      failZip(archive, 'zip directory', { expected, found: 'more', byteOffset })
    }
    entries.push(parseEntry(archive, piece, start, byteOffset))
    start += byteLength
  }
  return start
}

/** No two entries share bytes, and none has bytes in the directory or past it. */
function checkRanges(archive: ArchiveBytes, entries: readonly DirectoryEntry[], directoryByteOffset: number): void {
  let isSorted = true
  let before = 0
  for (let index = 0; index < entries.length && isSorted; index += 1) {
    const { localHeaderByteOffset } = entries[index] as DirectoryEntry
    isSorted = before <= localHeaderByteOffset
    before = localHeaderByteOffset
  }
  const sorted = isSorted ? entries : entries.toSorted((a, b) => a.localHeaderByteOffset - b.localHeaderByteOffset)
  for (let index = sorted.length - 1, limit = directoryByteOffset; index >= 0; index -= 1) {
    const entry = sorted[index] as DirectoryEntry
    const byteOffset = entry.localHeaderByteOffset
    const room = limit - byteOffset - LOCAL_HEADER_BYTE_LENGTH - entry.nameByteLength
    if (entry.compressedByteLength > room) {
      const next = index + 1 < sorted.length ? (sorted[index + 1] as DirectoryEntry).name : null
      const what = next === null || limit === directoryByteOffset ? 'the directory' : JSON.stringify(next)
      failZip(archive, 'zip entry', {
        expected: `its header and ${entry.compressedByteLength} bytes to end at or before byte ${limit}, where ${what} begins`,
        found: `a header at byte ${byteOffset}`,
        byteOffset,
        member: entry.name,
      })
    }
    entry.limitByteOffset = limit
    limit = byteOffset
  }
}

/**
 * The entries of the directory that `end` tells, in its order.
 *
 * @throws FormatError when it is broken, has not as many entries as `end` says, or entries overlap or lie outside;
 *   UnsupportedError for entries on other disks.
 */
export function parseZipEntries(archive: ArchiveBytes, end: ZipEnd): readonly ZipEntry[] {
  const { directoryByteOffset, directoryByteLength, entryCount } = end
  const directoryEnd = directoryByteOffset + directoryByteLength
  const entries: DirectoryEntry[] = []
  for (let byteOffset = directoryByteOffset; byteOffset < directoryEnd; ) {
    // Entries outlive what was read: it may be a view of the file, which changes and closes.
    const bytes = new Uint8Array(
      readExactly(archive, byteOffset, Math.min(directoryEnd - byteOffset, PIECE_BYTE_LENGTH)),
    )
    const piece: Piece = { bytes, view: viewOf(bytes), text: decodeByteText(bytes) }
    byteOffset += parsePiece(archive, piece, { byteOffset, directoryEnd, entryCount }, entries)
  }
  if (entries.length !== entryCount) {
    failZip(archive, 'zip directory', {
      expected: `${entryCount} entries as its end record says`,
      found: String(entries.length),
      byteOffset: directoryByteOffset,
    })
  }
  checkRanges(archive, entries, directoryByteOffset)
  return entries
}
