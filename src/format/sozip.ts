// The hidden seek index of SOZip 0.5: after a deflated member made of chunks that inflate alone comes a stored local entry
// `.NAME.sozip.idx` without a central record. It tells where each chunk begins. Readers that do not know it never see it.

import { crc32 } from './crc32.ts'
import {
  FLAG_ENCRYPTED,
  FLAG_MASKED,
  FLAG_STRONG_ENCRYPTION,
  getUint64,
  LOCAL_HEADER_BYTE_LENGTH,
  LOCAL_HEADER_SIGNATURE,
  setUint64,
  UINT32_MAX,
} from './zip-constants.ts'
import type { ZipEntry } from './zip-records.ts'
import { formatLocalHeader } from './zip-write-records.ts'

/** Where the chunks of a deflated member begin. */
export interface SozipIndex {
  /** Uncompressed bytes of every chunk but the last. */
  readonly chunkByteLength: number
  /** Of chunk 0, 1, …, in bytes from the start of the compressed data; the first is 0. */
  readonly chunkByteOffsets: Float64Array
}

/**
 * What ends every chunk but the last: the marks of Z_SYNC_FLUSH and Z_FULL_FLUSH, without the bits before the first one's
 * length field.
 */
export const SOZIP_CHUNK_END: readonly number[] = [0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff]

const HEADER_BYTE_LENGTH = 32
const VERSION = 1
const OFFSET_BYTE_LENGTH = 8
/** More than anyone puts between header and offsets; it bounds what is read for an index. */
const MAX_SKIP_BYTE_LENGTH = 1_048_576
const SLASH = 0x2f
const PREFIX: readonly number[] = [0x2e]
/** `.sozip.idx` */
const SUFFIX: readonly number[] = [0x2e, 0x73, 0x6f, 0x7a, 0x69, 0x70, 0x2e, 0x69, 0x64, 0x78]

/** `a/.b.npy.sozip.idx` of `a/b.npy`. */
function hiddenName(name: string): string {
  const start = name.lastIndexOf('/') + 1
  return `${name.slice(0, start)}.${name.slice(start)}.sozip.idx`
}

/** The same in bytes, in whatever encoding the member's name is. */
function hiddenNameBytes(name: Uint8Array): Uint8Array {
  const start = name.lastIndexOf(SLASH) + 1
  const bytes = new Uint8Array(name.length + PREFIX.length + SUFFIX.length)
  bytes.set(name.subarray(0, start))
  bytes.set(PREFIX, start)
  bytes.set(name.subarray(start), start + PREFIX.length)
  bytes.set(SUFFIX, name.length + PREFIX.length)
  return bytes
}

/**
 * The whole hidden entry, local header and index, to be written right after the compressed data of a member.
 *
 * @param memberName - the member's name; the index takes its name from it.
 * @param chunkByteLength - uncompressed bytes of every chunk but the last; less than `uncompressedByteLength`.
 * @param chunkByteOffsets - of chunk 0, 1, …, from the start of the compressed data.
 * @throws RangeError when the values are no index: readers would refuse it.
 */
export function formatSozipIndex(
  memberName: string,
  chunkByteLength: number,
  uncompressedByteLength: number,
  compressedByteLength: number,
  chunkByteOffsets: readonly number[] | Float64Array,
): Uint8Array {
  const fail = (what: string): never => {
    throw new RangeError(`seek index of ${JSON.stringify(memberName)}: ${what}`)
  }
  if (!Number.isInteger(chunkByteLength) || chunkByteLength < 1 || chunkByteLength > UINT32_MAX) {
    fail(`chunks of ${chunkByteLength} bytes`)
  }
  if (!Number.isSafeInteger(uncompressedByteLength) || uncompressedByteLength <= chunkByteLength) {
    fail(`${uncompressedByteLength} bytes need more than one chunk of ${chunkByteLength}`)
  }
  if (!Number.isSafeInteger(compressedByteLength)) fail(`${compressedByteLength} compressed bytes`)
  const chunkCount = Math.ceil(uncompressedByteLength / chunkByteLength)
  if (chunkByteOffsets.length !== chunkCount) {
    fail(`expected ${chunkCount} chunk offsets, got ${chunkByteOffsets.length}`)
  }
  const byteLength = HEADER_BYTE_LENGTH + OFFSET_BYTE_LENGTH * (chunkCount - 1)
  if (byteLength >= UINT32_MAX) fail(`${chunkCount} chunks are too many`)
  const data = new Uint8Array(byteLength)
  const view = new DataView(data.buffer)
  view.setUint32(0, VERSION, true)
  // 4: nothing between this header and the offsets
  view.setUint32(8, chunkByteLength, true)
  view.setUint32(12, OFFSET_BYTE_LENGTH, true)
  setUint64(view, 16, uncompressedByteLength)
  setUint64(view, 24, compressedByteLength)
  let previous = 0
  if (chunkByteOffsets[0] !== 0) fail(`the first chunk begins at ${chunkByteOffsets[0]}`)
  for (let chunk = 1; chunk < chunkCount; chunk += 1) {
    const offset = chunkByteOffsets[chunk] as number
    if (!Number.isInteger(offset) || offset <= previous || offset >= compressedByteLength) {
      fail(`chunk ${chunk} begins at ${offset}`)
    }
    setUint64(view, HEADER_BYTE_LENGTH + OFFSET_BYTE_LENGTH * (chunk - 1), offset)
    previous = offset
  }
  const header = formatLocalHeader(
    {
      name: hiddenName(memberName),
      method: 0,
      crc32: crc32(data),
      compressedByteLength: byteLength,
      uncompressedByteLength: byteLength,
      localHeaderByteOffset: 0,
    },
    0,
  )
  const entry = new Uint8Array(header.length + byteLength)
  entry.set(header)
  entry.set(data, header.length)
  return entry
}

/**
 * How many bytes the hidden entry has, from its first 30 bytes (those that follow the member's compressed data): what to
 * read for {@link parseSozipIndex}. Null when they begin no index of `entry`.
 */
export function sozipIndexByteLength(header: Uint8Array, entry: ZipEntry): number | null {
  if (header.length < LOCAL_HEADER_BYTE_LENGTH) return null
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE) return null
  const flags = view.getUint16(6, true)
  if ((flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED)) !== 0) return null
  if (view.getUint16(8, true) !== 0) return null
  const byteLength = view.getUint32(18, true)
  if (view.getUint32(22, true) !== byteLength) return null
  const nameByteLength = view.getUint16(26, true)
  if (nameByteLength !== entry.nameBytes.length + PREFIX.length + SUFFIX.length) return null
  // Every chunk takes at least one compressed byte and, the last aside, at least one other.
  const most = HEADER_BYTE_LENGTH + MAX_SKIP_BYTE_LENGTH + OFFSET_BYTE_LENGTH * entry.compressedByteLength
  if (byteLength < HEADER_BYTE_LENGTH + OFFSET_BYTE_LENGTH || byteLength > most) return null
  return LOCAL_HEADER_BYTE_LENGTH + nameByteLength + view.getUint16(28, true) + byteLength
}

/**
 * The seek index of `entry`, from the bytes that follow its compressed data (a hidden local header first; there may be
 * more than the index). Null for anything that is not wholly a valid index of this very entry: name, checksum, sizes,
 * count and order of the offsets. A wrong index is ignored, never believed.
 */
export function parseSozipIndex(bytes: Uint8Array, entry: ZipEntry): SozipIndex | null {
  const byteLength = sozipIndexByteLength(bytes, entry)
  if (byteLength === null || byteLength > bytes.length) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const name = hiddenNameBytes(entry.nameBytes)
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[LOCAL_HEADER_BYTE_LENGTH + index] !== name[index]) return null
  }
  const at = LOCAL_HEADER_BYTE_LENGTH + name.length + view.getUint16(28, true)
  if (view.getUint32(14, true) !== crc32(bytes.subarray(at, byteLength))) return null
  const skipByteLength = view.getUint32(at + 4, true)
  const chunkByteLength = view.getUint32(at + 8, true)
  const { uncompressedByteLength, compressedByteLength } = entry
  if (view.getUint32(at, true) !== VERSION || view.getUint32(at + 12, true) !== OFFSET_BYTE_LENGTH) return null
  if (getUint64(view, at + 16) !== uncompressedByteLength || getUint64(view, at + 24) !== compressedByteLength)
    return null
  if (chunkByteLength === 0 || uncompressedByteLength <= chunkByteLength) return null
  const chunkCount = Math.ceil(uncompressedByteLength / chunkByteLength)
  const first = at + HEADER_BYTE_LENGTH + skipByteLength
  if (first + OFFSET_BYTE_LENGTH * (chunkCount - 1) !== byteLength) return null
  const chunkByteOffsets = new Float64Array(chunkCount)
  for (let chunk = 1; chunk < chunkCount; chunk += 1) {
    const offset = getUint64(view, first + OFFSET_BYTE_LENGTH * (chunk - 1))
    if (offset <= (chunkByteOffsets[chunk - 1] as number) || offset >= compressedByteLength) return null
    chunkByteOffsets[chunk] = offset
  }
  return { chunkByteLength, chunkByteOffsets }
}
