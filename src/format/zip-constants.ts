// The signatures, lengths and ids of zip records (APPNOTE 6.3.10, sections 4.3 to 4.5) that reading and writing share.

export const LOCAL_HEADER_SIGNATURE = 0x04034b50
export const CENTRAL_HEADER_SIGNATURE = 0x02014b50
export const END_SIGNATURE = 0x06054b50
export const ZIP64_END_SIGNATURE = 0x06064b50
export const ZIP64_LOCATOR_SIGNATURE = 0x07064b50

/** Bytes of a local header before its name. */
export const LOCAL_HEADER_BYTE_LENGTH = 30
/** Bytes of a central header before its name. */
export const CENTRAL_HEADER_BYTE_LENGTH = 46
/** Bytes of the end-of-central-directory record before its comment. */
export const END_BYTE_LENGTH = 22
/** Bytes of a zip64 end record without extensible data. */
export const ZIP64_END_BYTE_LENGTH = 56
export const ZIP64_LOCATOR_BYTE_LENGTH = 20

/** In a 16-bit or 32-bit field: the value stands in a zip64 record. */
export const UINT16_MAX = 0xffff
export const UINT32_MAX = 0xffff_ffff

export const FLAG_ENCRYPTED = 0x0001
export const FLAG_PATCHED = 0x0020
export const FLAG_STRONG_ENCRYPTION = 0x0040
export const FLAG_UTF8 = 0x0800
export const FLAG_MASKED = 0x2000

export const EXTRA_ZIP64 = 0x0001
export const EXTRA_UNICODE_PATH = 0x7075
/** "Data Stream Alignment": an alignment, then bytes of padding. */
export const EXTRA_ALIGNMENT = 0xa11e

/** `value` as a little-endian 64-bit field; it is a safe integer. */
export function setUint64(view: DataView, byteOffset: number, value: number): void {
  view.setUint32(byteOffset, value % 2 ** 32, true)
  view.setUint32(byteOffset + 4, Math.floor(value / 2 ** 32), true)
}

/** A little-endian 64-bit field: exact up to 2^53 - 1, else some number above that. */
export function getUint64(view: DataView, byteOffset: number): number {
  return view.getUint32(byteOffset, true) + view.getUint32(byteOffset + 4, true) * 2 ** 32
}
