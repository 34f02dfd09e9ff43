// Zip records as this library writes them: deterministic (1980, unix, mode 0600), zip64 only in the entries that need it
// (busybox cannot read a stored member with a zip64 extra field), padded by an extra field that readers know.

import {
  CENTRAL_HEADER_BYTE_LENGTH,
  CENTRAL_HEADER_SIGNATURE,
  END_BYTE_LENGTH,
  END_SIGNATURE,
  EXTRA_ALIGNMENT,
  EXTRA_ZIP64,
  FLAG_UTF8,
  LOCAL_HEADER_BYTE_LENGTH,
  LOCAL_HEADER_SIGNATURE,
  setUint64,
  UINT16_MAX,
  UINT32_MAX,
  ZIP64_END_BYTE_LENGTH,
  ZIP64_END_SIGNATURE,
  ZIP64_LOCATOR_BYTE_LENGTH,
  ZIP64_LOCATOR_SIGNATURE,
} from './zip-constants.ts'

/** A member of an archive, as its two headers tell it. */
export interface ZipMemberRecord {
  readonly name: string
  /** 0 stored, 8 deflated. */
  readonly method: 0 | 8
  /** Of the uncompressed bytes, unsigned. */
  readonly crc32: number
  readonly compressedByteLength: number
  readonly uncompressedByteLength: number
  /** Where the local header lies in the archive. */
  readonly localHeaderByteOffset: number
}

/** Bytes that a local header's zip64 extra field takes: reserve them where a member may reach 4 GiB. */
export const ZIP64_LOCAL_EXTRA_BYTE_LENGTH = 20
/** The shortest alignment extra field: id, length, alignment. */
const MIN_ALIGNMENT_BYTE_LENGTH = 6
/** The greatest power of two that the 15 bits of the alignment field hold. */
const MAX_STATED_ALIGNMENT = 0x4000

const VERSION_DEFLATE = 20
const VERSION_ZIP64 = 45
const CREATE_SYSTEM_UNIX = 3
/** 1980-01-01, the first day a zip can tell. */
const DOS_DATE = 0x0021
const EXTERNAL_ATTRIBUTES = 0o600 * 2 ** 16

const encoder = new TextEncoder()

/**
 * The bytes of a member's name: UTF-8, which for ASCII is the same.
 *
 * @throws RangeError when it is longer than 65535 bytes, or has a NUL (readers cut the name there) or half a surrogate pair.
 */
export function encodeZipName(name: string): Uint8Array {
  if (name.includes('\0')) throw new RangeError(`member name ${JSON.stringify(name)}: a name in a zip holds no NUL`)
  if (/\p{Surrogate}/u.test(name)) {
    throw new RangeError(`member name ${JSON.stringify(name)}: half a surrogate pair has no UTF-8`)
  }
  const bytes = encoder.encode(name)
  if (bytes.length > UINT16_MAX) {
    throw new RangeError(`member name: expected at most ${UINT16_MAX} bytes in UTF-8, got ${bytes.length}`)
  }
  return bytes
}

function checkLength(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${what}: expected a length in bytes, got ${value}`)
}

function checkMember(member: ZipMemberRecord): void {
  checkLength('compressed size', member.compressedByteLength)
  checkLength('uncompressed size', member.uncompressedByteLength)
  checkLength('local header offset', member.localHeaderByteOffset)
}

/** One version in both headers of an entry: strict readers compare them. */
function versionNeeded(member: ZipMemberRecord): number {
  return needsZip64Sizes(member) || member.localHeaderByteOffset >= UINT32_MAX ? VERSION_ZIP64 : VERSION_DEFLATE
}

function needsZip64Sizes(member: ZipMemberRecord): boolean {
  return member.compressedByteLength >= UINT32_MAX || member.uncompressedByteLength >= UINT32_MAX
}

/** The fields from the version needed up to the sizes, alike in both headers; 26 bytes with the name's length. */
function setCommonFields(
  view: DataView,
  byteOffset: number,
  member: ZipMemberRecord,
  nameByteLength: number,
  sizes: { compressed: number; uncompressed: number },
): void {
  // A name of as many bytes as UTF-16 units is ASCII.
  const flags = nameByteLength === member.name.length ? 0 : FLAG_UTF8
  view.setUint16(byteOffset, versionNeeded(member), true)
  view.setUint16(byteOffset + 2, flags, true)
  view.setUint16(byteOffset + 4, member.method, true)
  view.setUint16(byteOffset + 6, 0, true)
  view.setUint16(byteOffset + 8, DOS_DATE, true)
  view.setUint32(byteOffset + 10, member.crc32, true)
  view.setUint32(byteOffset + 14, sizes.compressed, true)
  view.setUint32(byteOffset + 18, sizes.uncompressed, true)
  view.setUint16(byteOffset + 22, nameByteLength, true)
}

/** The greatest power of two, up to what the field holds, that divides `byteOffset`. */
function alignmentOf(byteOffset: number): number {
  let alignment = 1
  while (alignment < MAX_STATED_ALIGNMENT && byteOffset % (alignment * 2) === 0) alignment *= 2
  return alignment
}

/**
 * The local header with its name and an extra field of exactly `extraByteLength` bytes: first zip64 (20 bytes) when a size
 * is 0xFFFFFFFF or more, alignment padding for the rest.
 *
 * @throws RangeError when the extra field cannot be filled so (what is to pad is 1 to 5 bytes, or zip64 has no room), or
 *   the name is none for a zip.
 */
export function formatLocalHeader(member: ZipMemberRecord, extraByteLength: number): Uint8Array {
  checkMember(member)
  const name = encodeZipName(member.name)
  const isZip64 = needsZip64Sizes(member)
  const paddingByteLength = extraByteLength - (isZip64 ? ZIP64_LOCAL_EXTRA_BYTE_LENGTH : 0)
  const fits = paddingByteLength === 0 || paddingByteLength >= MIN_ALIGNMENT_BYTE_LENGTH
  if (!Number.isInteger(extraByteLength) || extraByteLength > UINT16_MAX || !fits) {
    throw new RangeError(
      `local header of ${JSON.stringify(member.name)}: an extra field of ${extraByteLength} bytes cannot be filled`,
    )
  }
  const bytes = new Uint8Array(LOCAL_HEADER_BYTE_LENGTH + name.length + extraByteLength)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, LOCAL_HEADER_SIGNATURE, true)
  setCommonFields(view, 4, member, name.length, {
    compressed: isZip64 ? UINT32_MAX : member.compressedByteLength,
    uncompressed: isZip64 ? UINT32_MAX : member.uncompressedByteLength,
  })
  view.setUint16(28, extraByteLength, true)
  bytes.set(name, LOCAL_HEADER_BYTE_LENGTH)
  let at = LOCAL_HEADER_BYTE_LENGTH + name.length
  if (isZip64) {
    view.setUint16(at, EXTRA_ZIP64, true)
    view.setUint16(at + 2, ZIP64_LOCAL_EXTRA_BYTE_LENGTH - 4, true)
    setUint64(view, at + 4, member.uncompressedByteLength)
    setUint64(view, at + 12, member.compressedByteLength)
    at += ZIP64_LOCAL_EXTRA_BYTE_LENGTH
  }
  if (paddingByteLength > 0) {
    view.setUint16(at, EXTRA_ALIGNMENT, true)
    view.setUint16(at + 2, paddingByteLength - 4, true)
    view.setUint16(at + 4, alignmentOf(member.localHeaderByteOffset + bytes.length), true)
  }
  return bytes
}

/**
 * The central header with its name; its extra field holds only what 32 bits cannot.
 *
 * @throws RangeError when the name is none for a zip.
 */
export function formatCentralHeader(member: ZipMemberRecord): Uint8Array {
  checkMember(member)
  const name = encodeZipName(member.name)
  const fields = [member.uncompressedByteLength, member.compressedByteLength, member.localHeaderByteOffset]
  const large = fields.filter((value) => value >= UINT32_MAX)
  const extraByteLength = large.length === 0 ? 0 : 4 + 8 * large.length
  const bytes = new Uint8Array(CENTRAL_HEADER_BYTE_LENGTH + name.length + extraByteLength)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, CENTRAL_HEADER_SIGNATURE, true)
  view.setUint8(4, versionNeeded(member))
  view.setUint8(5, CREATE_SYSTEM_UNIX)
  setCommonFields(view, 6, member, name.length, {
    compressed: Math.min(member.compressedByteLength, UINT32_MAX),
    uncompressed: Math.min(member.uncompressedByteLength, UINT32_MAX),
  })
  view.setUint16(30, extraByteLength, true)
  // 32 comment length, 34 disk, 36 internal attributes: 0
  view.setUint32(38, EXTERNAL_ATTRIBUTES, true)
  view.setUint32(42, Math.min(member.localHeaderByteOffset, UINT32_MAX), true)
  bytes.set(name, CENTRAL_HEADER_BYTE_LENGTH)
  if (extraByteLength > 0) {
    const at = CENTRAL_HEADER_BYTE_LENGTH + name.length
    view.setUint16(at, EXTRA_ZIP64, true)
    view.setUint16(at + 2, extraByteLength - 4, true)
    large.forEach((value, index) => {
      setUint64(view, at + 4 + 8 * index, value)
    })
  }
  return bytes
}

/**
 * What ends an archive: the end-of-central-directory record with `comment` (default none), and before it the zip64 record
 * and its locator when a value does not fit.
 *
 * @throws RangeError when the comment is longer than 65535 bytes.
 */
export function formatZipEnd(
  directoryByteOffset: number,
  directoryByteLength: number,
  entryCount: number,
  comment: Uint8Array = new Uint8Array(0),
): Uint8Array {
  checkLength('directory offset', directoryByteOffset)
  checkLength('directory length', directoryByteLength)
  if (comment.length > UINT16_MAX) {
    throw new RangeError(`archive comment: expected at most ${UINT16_MAX} bytes, got ${comment.length}`)
  }
  const isZip64 = entryCount >= UINT16_MAX || directoryByteOffset >= UINT32_MAX || directoryByteLength >= UINT32_MAX
  const zip64ByteLength = isZip64 ? ZIP64_END_BYTE_LENGTH + ZIP64_LOCATOR_BYTE_LENGTH : 0
  const bytes = new Uint8Array(zip64ByteLength + END_BYTE_LENGTH + comment.length)
  const view = new DataView(bytes.buffer)
  if (isZip64) {
    view.setUint32(0, ZIP64_END_SIGNATURE, true)
    // The record's length without this field and the signature.
    setUint64(view, 4, ZIP64_END_BYTE_LENGTH - 12)
    view.setUint8(12, VERSION_ZIP64)
    view.setUint8(13, CREATE_SYSTEM_UNIX)
    view.setUint16(14, VERSION_ZIP64, true)
    setUint64(view, 24, entryCount)
    setUint64(view, 32, entryCount)
    setUint64(view, 40, directoryByteLength)
    setUint64(view, 48, directoryByteOffset)
    const locator = ZIP64_END_BYTE_LENGTH
    view.setUint32(locator, ZIP64_LOCATOR_SIGNATURE, true)
    setUint64(view, locator + 8, directoryByteOffset + directoryByteLength)
    view.setUint32(locator + 16, 1, true)
  }
  const end = zip64ByteLength
  view.setUint32(end, END_SIGNATURE, true)
  view.setUint16(end + 8, Math.min(entryCount, UINT16_MAX), true)
  view.setUint16(end + 10, Math.min(entryCount, UINT16_MAX), true)
  view.setUint32(end + 12, Math.min(directoryByteLength, UINT32_MAX), true)
  view.setUint32(end + 16, Math.min(directoryByteOffset, UINT32_MAX), true)
  view.setUint16(end + 20, comment.length, true)
  bytes.set(comment, end + END_BYTE_LENGTH)
  return bytes
}

/**
 * The least length of an extra field, in bytes, that puts the byte `afterByteLength` past the local header on a multiple of
 * `alignment`, and that {@link formatLocalHeader} can fill. With a `minimum` of 20 or more it can be filled with and
 * without zip64, so the header can be written again when the sizes are known.
 *
 * @throws RangeError when there is none up to 65535 bytes.
 */
export function paddedExtraByteLength(
  localHeaderByteOffset: number,
  nameByteLength: number,
  alignment: number,
  afterByteLength: number,
  minimum: number,
): number {
  if (!Number.isSafeInteger(alignment) || alignment < 1) {
    throw new RangeError(`alignment: expected a whole number of bytes from 1, got ${alignment}`)
  }
  const mayBeZip64 = minimum >= ZIP64_LOCAL_EXTRA_BYTE_LENGTH
  const fillable = (byteLength: number): boolean => {
    const padding = mayBeZip64 ? byteLength - ZIP64_LOCAL_EXTRA_BYTE_LENGTH : byteLength
    return padding === 0 || padding >= MIN_ALIGNMENT_BYTE_LENGTH
  }
  const start = localHeaderByteOffset + LOCAL_HEADER_BYTE_LENGTH + nameByteLength + afterByteLength
  const least = Math.max(0, minimum)
  let byteLength = least + ((alignment - ((start + least) % alignment)) % alignment)
  while (!fillable(byteLength)) byteLength += alignment
  if (byteLength > UINT16_MAX) {
    throw new RangeError(
      `alignment of ${alignment} bytes: an extra field holds ${UINT16_MAX}, needed are ${byteLength}`,
    )
  }
  return byteLength
}
