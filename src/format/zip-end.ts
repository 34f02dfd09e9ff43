// The end of an archive: where its directory lies. Found as Python's zipfile finds it, so both read the same archive in the
// same bytes; stricter than it where values disagree or bytes precede the archive (np.load refuses those too).

import { type ArchiveBytes, failZip, formatSignature, readExactly, refuseZip, viewOf } from './zip-archive.ts'
import {
  CENTRAL_HEADER_BYTE_LENGTH,
  END_BYTE_LENGTH,
  END_SIGNATURE,
  getUint64,
  LOCAL_HEADER_SIGNATURE,
  UINT16_MAX,
  UINT32_MAX,
  ZIP64_END_BYTE_LENGTH,
  ZIP64_END_SIGNATURE,
  ZIP64_LOCATOR_BYTE_LENGTH,
  ZIP64_LOCATOR_SIGNATURE,
} from './zip-constants.ts'

/** What the end of an archive says of its directory, checked against the archive. */
export interface ZipEnd {
  readonly directoryByteOffset: number
  readonly directoryByteLength: number
  readonly entryCount: number
  /** Just past the end record and its comment. */
  readonly endByteOffset: number
  readonly comment: Uint8Array
}

/** How far back zipfile looks for the end record. */
const MAX_TAIL_BYTE_LENGTH = UINT16_MAX + 1 + END_BYTE_LENGTH
/** From this version needed on, the directory may be encrypted. */
const VERSION_ENCRYPTED_DIRECTORY = 62
const NPY_MAGIC_START = 0x4d554e93
const RECOVER_HINT =
  'the file was cut short, or an append to it is under way, or died: NpzWriter.recover() tells whether the state before can be had back'

/** The values of an end record that zip64 may hold instead. */
interface EndValues {
  disk: number
  directoryDisk: number
  entriesOnDisk: number
  entryCount: number
  directoryByteLength: number
  directoryByteOffset: number
}

/** @throws FormatError unless the archive begins as np.load asks: with a local header, or an end record when empty. */
function checkStart(archive: ArchiveBytes): void {
  if (archive.byteLength < END_BYTE_LENGTH) {
    const found = String(archive.byteLength)
    failZip(archive, 'zip archive', { expected: `at least ${END_BYTE_LENGTH} bytes`, found, byteOffset: 0 })
  }
  const signature = viewOf(readExactly(archive, 0, 4)).getUint32(0, true)
  if (signature === LOCAL_HEADER_SIGNATURE || signature === END_SIGNATURE) return
  failZip(archive, 'zip archive', {
    expected: formatSignature(LOCAL_HEADER_SIGNATURE),
    found: formatSignature(signature),
    byteOffset: 0,
    hint: signature === NPY_MAGIC_START ? 'this is an .npy file, which open() reads' : 'this is no .npz archive',
  })
}

/** Where the end record begins. */
function findEnd(archive: ArchiveBytes): number {
  const last = archive.byteLength - END_BYTE_LENGTH
  const record = viewOf(readExactly(archive, last, END_BYTE_LENGTH))
  if (record.getUint32(0, true) === END_SIGNATURE && record.getUint16(20, true) === 0) return last

  const tailByteLength = Math.min(archive.byteLength, MAX_TAIL_BYTE_LENGTH)
  const tailByteOffset = archive.byteLength - tailByteLength
  const tail = readExactly(archive, tailByteOffset, tailByteLength)
  for (let at = tail.length - 4; at >= 0; at -= 1) {
    if (tail[at] !== 0x50 || tail[at + 1] !== 0x4b || tail[at + 2] !== 0x05 || tail[at + 3] !== 0x06) continue
    // The last signature decides, also when it stands in a comment: so it is for zipfile.
    if (at <= tail.length - END_BYTE_LENGTH) return tailByteOffset + at
    failZip(archive, 'zip end record', {
      expected: `${END_BYTE_LENGTH} bytes`,
      found: String(tail.length - at),
      byteOffset: tailByteOffset + at,
      hint: RECOVER_HINT,
    })
  }
  return failZip(archive, 'zip end record', {
    expected: `${formatSignature(END_SIGNATURE)} in the last ${tailByteLength} bytes`,
    found: 'none',
    byteOffset: tailByteOffset,
    hint: RECOVER_HINT,
  })
}

/** A value of both end records: the 32-bit one is saturated, or the same. */
function checkAgrees(
  archive: ArchiveBytes,
  byteOffset: number,
  what: string,
  values: { small: number; limit: number; large: number },
): void {
  if (values.small === values.limit || values.small === values.large) return
  const [expected, found] = [`${what} ${values.large} as in the zip64 end record`, String(values.small)]
  failZip(archive, 'zip end record', { expected, found, byteOffset })
}

/** The values of the zip64 end record before the end record at `endByteOffset`; null when there is none. */
function readZip64(archive: ArchiveBytes, endByteOffset: number, end: EndValues): EndValues | null {
  const locatorByteOffset = endByteOffset - ZIP64_LOCATOR_BYTE_LENGTH
  const byteOffset = locatorByteOffset - ZIP64_END_BYTE_LENGTH
  if (byteOffset < 0) return null
  const bytes = readExactly(archive, byteOffset, ZIP64_END_BYTE_LENGTH + ZIP64_LOCATOR_BYTE_LENGTH)
  const view = viewOf(bytes)
  const locator = ZIP64_END_BYTE_LENGTH
  if (view.getUint32(locator, true) !== ZIP64_LOCATOR_SIGNATURE) return null
  const recordByteOffset = getUint64(view, locator + 8)
  const isRecord = view.getUint32(0, true) === ZIP64_END_SIGNATURE
  const isNeeded =
    end.entryCount === UINT16_MAX || end.directoryByteLength === UINT32_MAX || end.directoryByteOffset === UINT32_MAX
  // Without a record to point at, a locator is the comment of the last entry by chance.
  if (!isRecord && !isNeeded) return null
  if (view.getUint32(locator + 4, true) !== 0 || view.getUint32(locator + 16, true) > 1)
    refuseZip(archive, 'multi-disk')
  if (!isRecord || recordByteOffset !== byteOffset) {
    // A record of another length: only encryption makes one.
    if (recordByteOffset < byteOffset) {
      const start = viewOf(readExactly(archive, recordByteOffset, 16))
      const isLonger = start.getUint32(0, true) === ZIP64_END_SIGNATURE
      if (isLonger && start.getUint16(14, true) >= VERSION_ENCRYPTED_DIRECTORY) {
        refuseZip(archive, 'encryption of the directory')
      }
    }
    failZip(archive, 'zip64 end record', {
      expected: `one of ${ZIP64_END_BYTE_LENGTH} bytes right before its locator`,
      found: `${isRecord ? 'one' : 'none'}, and a locator that points at byte ${recordByteOffset}`,
      byteOffset,
    })
  }
  const byteLength = getUint64(view, 4)
  if (byteLength !== ZIP64_END_BYTE_LENGTH - 12) {
    const expected = `length ${ZIP64_END_BYTE_LENGTH - 12}`
    failZip(archive, 'zip64 end record', { expected, found: String(byteLength), byteOffset: byteOffset + 4 })
  }
  const values: EndValues = {
    disk: view.getUint32(16, true),
    directoryDisk: view.getUint32(20, true),
    entriesOnDisk: getUint64(view, 24),
    entryCount: getUint64(view, 32),
    directoryByteLength: getUint64(view, 40),
    directoryByteOffset: getUint64(view, 48),
  }
  const agree = (at: number, what: string, small: number, limit: number, large: number): void =>
    checkAgrees(archive, endByteOffset + at, what, { small, limit, large })
  agree(10, 'entry count', end.entryCount, UINT16_MAX, values.entryCount)
  agree(12, 'directory length', end.directoryByteLength, UINT32_MAX, values.directoryByteLength)
  agree(16, 'directory offset', end.directoryByteOffset, UINT32_MAX, values.directoryByteOffset)
  return values
}

/** The directory ends where `limit` is; every value fits into it. */
function checkValues(archive: ArchiveBytes, values: EndValues, limit: number, isLast: boolean): void {
  if (values.disk !== 0 || values.directoryDisk !== 0) {
    if (isLast) refuseZip(archive, 'multi-disk')
    // More likely a signature in trailing bytes or a comment than one of several disks.
    const found = `disks ${values.disk} and ${values.directoryDisk}, and bytes after it`
    failZip(archive, 'zip end record', { expected: 'disk 0', found, byteOffset: limit, hint: RECOVER_HINT })
  }
  const { directoryByteLength, directoryByteOffset, entryCount } = values
  const place = { byteOffset: limit }
  if (values.entriesOnDisk !== entryCount) {
    const found = `${values.entriesOnDisk} of ${entryCount}`
    failZip(archive, 'zip end record', { expected: 'all entries on one disk', found, ...place })
  }
  if (directoryByteLength > limit || directoryByteOffset > limit - directoryByteLength) {
    const found = `${directoryByteLength} bytes from byte ${directoryByteOffset}`
    failZip(archive, 'zip directory', { expected: `one that ends at byte ${limit}`, found, ...place })
  }
  const gap = limit - directoryByteLength - directoryByteOffset
  if (gap > 0) {
    failZip(archive, 'zip directory', {
      expected: `one that ends at byte ${limit}`,
      found: `${directoryByteLength} bytes from byte ${directoryByteOffset}`,
      hint: `${gap} bytes stand before the archive, or between its directory and its end`,
      ...place,
    })
  }
  if (entryCount > directoryByteLength / CENTRAL_HEADER_BYTE_LENGTH) {
    const expected = `at most ${Math.floor(directoryByteLength / CENTRAL_HEADER_BYTE_LENGTH)} entries`
    failZip(archive, 'zip end record', { expected, found: String(entryCount), ...place })
  }
}

/**
 * Finds the end of an archive.
 *
 * @throws FormatError when there is none, or what it says cannot be; UnsupportedError for archives over several disks and
 *   encrypted directories.
 */
export function readZipEnd(archive: ArchiveBytes): ZipEnd {
  checkStart(archive)
  const byteOffset = findEnd(archive)
  const commentByteOffset = byteOffset + END_BYTE_LENGTH
  const record = viewOf(readExactly(archive, byteOffset, END_BYTE_LENGTH))
  const end: EndValues = {
    disk: record.getUint16(4, true),
    directoryDisk: record.getUint16(6, true),
    entriesOnDisk: record.getUint16(8, true),
    entryCount: record.getUint16(10, true),
    directoryByteLength: record.getUint32(12, true),
    directoryByteOffset: record.getUint32(16, true),
  }
  // zipfile takes a comment that the file cuts short.
  const statedByteLength = record.getUint16(20, true)
  const commentByteLength = Math.min(statedByteLength, archive.byteLength - commentByteOffset)
  const zip64 = readZip64(archive, byteOffset, end)
  const zip64ByteLength = zip64 === null ? 0 : ZIP64_END_BYTE_LENGTH + ZIP64_LOCATOR_BYTE_LENGTH
  const values = zip64 ?? end
  const isLast = commentByteOffset + statedByteLength === archive.byteLength
  checkValues(archive, values, byteOffset - zip64ByteLength, isLast)
  return {
    directoryByteOffset: values.directoryByteOffset,
    directoryByteLength: values.directoryByteLength,
    entryCount: values.entryCount,
    endByteOffset: commentByteOffset + commentByteLength,
    comment: Uint8Array.from(readExactly(archive, commentByteOffset, commentByteLength)),
  }
}
