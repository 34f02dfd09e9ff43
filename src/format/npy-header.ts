// The header of an .npy image: magic, version, length, and a Python dict (numpy.md 1.1 to 1.4; versions 1.0, 2.0, 3.0).
// Reads what NumPy reads and writes NumPy's bytes exactly, room for growth included. Refuses what a file must not make a
// reader believe: a header over the limit before it is read, sizes beyond exact integers, object arrays, bytes after the dict.

import { FormatError, UnsupportedError } from '../errors.ts'
import type { DType } from '../layout/dtype.ts'
import { byteLengthOf, formatShape, MAX_NDIM, type Order, parseShape } from '../layout/shape.ts'
import { decodeLatin1, encodeLatin1 } from './latin1.ts'
import { dtypeFromPython, dtypeToPython } from './npy-descr.ts'
import {
  formatPythonLiteral,
  PythonLiteralError,
  PythonTuple,
  type PythonValue,
  parsePythonLiteral,
} from './python-literal.ts'

/** What an .npy header says. */
export interface NpyHeader {
  /** Of the format: 1.0, 2.0 or 3.0. */
  readonly version: readonly [major: number, minor: number]
  /** What one element is. */
  readonly dtype: DType
  /** Elements along each axis; empty for a 0-d array. */
  readonly shape: readonly number[]
  /** The order in which the elements follow each other. */
  readonly order: Order
  /** Where the data begins, from the start of the npy image: the length of the whole header. */
  readonly byteOffset: number
  /** Bytes of data. */
  readonly nbytes: number
}

/** What to know about the file beside its bytes. */
export interface NpyHeaderOptions {
  /** For error messages. */
  path?: string | null
  /** The longest header text to read, in characters. Default {@link DEFAULT_MAX_HEADER_SIZE}, as in NumPy. */
  maxHeaderSize?: number
  /** Where the npy image starts in its file, added to the offsets that errors report. Default 0. */
  byteOffset?: number
}

/** The bytes {@link npyHeaderByteLength} needs at most: magic, version, and the longer of the two length fields. */
export const NPY_PREFIX_BYTE_LENGTH = 12
export const DEFAULT_MAX_HEADER_SIZE = 10_000

/** `\x93NUMPY` */
const MAGIC: readonly number[] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
/** NumPy's ARRAY_ALIGN: the data starts on a multiple of it. */
const ARRAY_ALIGN = 64
/** NumPy's GROWTH_AXIS_MAX_DIGITS: room to rewrite the growing axis in place. */
const GROWTH_AXIS_MAX_DIGITS = 21
const MAX_V1_TEXT_BYTE_LENGTH = 65_535
/** No character takes more bytes in UTF-8. */
const MAX_UTF8_BYTES = 4

function fail(
  options: NpyHeaderOptions | undefined,
  byteOffset: number,
  details: { subject?: string; expected: string; found: string; hint?: string; cause?: unknown },
): never {
  const { subject = 'npy header', ...rest } = details
  throw new FormatError(subject, {
    format: 'npy',
    path: options?.path,
    byteOffset: (options?.byteOffset ?? 0) + byteOffset,
    ...rest,
  })
}

function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

function failMagic(prefix: Uint8Array, options: NpyHeaderOptions | undefined): never {
  const found = prefix.length === 0 ? 'no bytes' : `bytes ${formatBytes(prefix.subarray(0, MAGIC.length))}`
  const isZip = prefix[0] === 0x50 && prefix[1] === 0x4b
  fail(options, 0, {
    subject: 'npy magic',
    expected: `bytes ${formatBytes(Uint8Array.from(MAGIC))}`,
    found,
    ...(isZip ? { hint: 'this is a zip archive' } : {}),
  })
}

/** Magic, version and length field, checked; the text is `textByteLength` bytes from `textByteOffset`. */
function parsePrefix(
  prefix: Uint8Array,
  options: NpyHeaderOptions | undefined,
): { major: number; textByteOffset: number; textByteLength: number } {
  // 0  magic
  for (let index = 0; index < MAGIC.length; index += 1) {
    if (prefix[index] !== MAGIC[index]) failMagic(prefix, options)
  }
  // 6  version, major and minor
  const major = prefix[6]
  const minor = prefix[7]
  if (major === undefined || minor === undefined) {
    return fail(options, 6, { expected: '2 bytes of version', found: String(prefix.length - 6) })
  }
  if (minor !== 0 || major < 1 || major > 3) {
    fail(options, 6, { subject: 'npy version', expected: '1.0, 2.0 or 3.0', found: `${major}.${minor}` })
  }
  // 8  HEADER_LEN, little-endian: 2 bytes in version 1.0, else 4
  const textByteOffset = major === 1 ? 10 : 12
  if (prefix.length < textByteOffset) {
    fail(options, 8, { expected: `${textByteOffset} bytes`, found: String(prefix.length) })
  }
  let textByteLength = 0
  for (let index = textByteOffset - 1; index >= 8; index -= 1)
    textByteLength = textByteLength * 256 + (prefix[index] ?? 0)

  const limit = options?.maxHeaderSize ?? DEFAULT_MAX_HEADER_SIZE
  const fewestCharacters = major === 3 ? Math.ceil(textByteLength / MAX_UTF8_BYTES) : textByteLength
  if (fewestCharacters > limit) failLimit(options, limit, `${fewestCharacters}${major === 3 ? ' or more' : ''}`)
  return { major, textByteOffset, textByteLength }
}

function failLimit(options: NpyHeaderOptions | undefined, limit: number, found: string): never {
  fail(options, 8, {
    expected: `at most ${limit} characters`,
    found,
    hint: 'raise maxHeaderSize if you trust the file',
  })
}

/**
 * From the first bytes of an npy image ({@link NPY_PREFIX_BYTE_LENGTH}, or all when there are fewer), how many bytes the
 * whole header takes: magic, version, length and text. Reads nothing beyond them.
 *
 * @throws {@link FormatError} for another magic or version, or a header over `maxHeaderSize`.
 */
export function npyHeaderByteLength(prefix: Uint8Array, options?: NpyHeaderOptions): number {
  const { textByteOffset, textByteLength } = parsePrefix(prefix, options)
  return textByteOffset + textByteLength
}

function decodeUtf8(bytes: Uint8Array, options: NpyHeaderOptions | undefined, textByteOffset: number): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    return fail(options, textByteOffset, { expected: 'UTF-8 text', found: 'other bytes', cause })
  }
  const limit = options?.maxHeaderSize ?? DEFAULT_MAX_HEADER_SIZE
  if (text.length > limit) {
    let characters = 0
    for (const _ of text) characters += 1
    if (characters > limit) failLimit(options, limit, String(characters))
  }
  return text
}

function parseDict(
  text: string,
  major: number,
  textByteOffset: number,
  options: NpyHeaderOptions | undefined,
): { descr: PythonValue; fortranOrder: PythonValue; shape: PythonValue } {
  let value: PythonValue
  try {
    value = parsePythonLiteral(text, { allowLongSuffix: major < 3 })
  } catch (error) {
    if (!(error instanceof PythonLiteralError)) throw error
    const before = text.slice(0, error.index)
    const byteOffset = textByteOffset + (major === 3 ? new TextEncoder().encode(before).length : before.length)
    return fail(options, byteOffset, { expected: error.expected, found: error.found })
  }
  if (!(value instanceof Map)) return fail(options, textByteOffset, { expected: 'a dict', found: abridge(value) })
  const dict: ReadonlyMap<PythonValue, PythonValue> = value
  const descr = dict.get('descr')
  const fortranOrder = dict.get('fortran_order')
  const shape = dict.get('shape')
  if (descr === undefined || fortranOrder === undefined || shape === undefined || dict.size !== 3) {
    return fail(options, textByteOffset, {
      expected: "the keys 'descr', 'fortran_order' and 'shape'",
      found: abridge([...dict.keys()]),
    })
  }
  return { descr, fortranOrder, shape }
}

/** A value for an error message; headers may be as long as the file likes. */
function abridge(value: PythonValue): string {
  const text = formatPythonLiteral(value)
  return text.length <= 100 ? text : `${text.slice(0, 97)}...`
}

function toDType(descr: PythonValue, textByteOffset: number, options: NpyHeaderOptions | undefined): DType {
  let dtype: DType
  try {
    dtype = dtypeFromPython(descr)
  } catch (cause) {
    if (cause instanceof UnsupportedError) {
      throw new UnsupportedError(cause.message, { feature: cause.feature, path: options?.path, cause })
    }
    if (!(cause instanceof TypeError)) throw cause
    return fail(options, textByteOffset, {
      expected: "a dtype as 'descr'",
      found: abridge(descr),
      hint: cause.message,
      cause,
    })
  }
  if (dtype.subarray !== null) {
    fail(options, textByteOffset, {
      expected: "a dtype of its own as 'descr'",
      found: `the sub-array ${abridge(descr)}`,
    })
  }
  return dtype
}

function toShape(value: PythonValue, textByteOffset: number, options: NpyHeaderOptions | undefined): number[] {
  if (!(value instanceof PythonTuple)) {
    return fail(options, textByteOffset, { expected: "a tuple of ints as 'shape'", found: abridge(value) })
  }
  const { items } = value
  if (items.length > MAX_NDIM) {
    fail(options, textByteOffset, { expected: `at most ${MAX_NDIM} dimensions`, found: String(items.length) })
  }
  const shape: number[] = []
  for (const length of items) {
    if (typeof length === 'number' && length >= 0) {
      shape.push(length)
    } else {
      const expected =
        typeof length === 'bigint' ? `dimensions of at most ${Number.MAX_SAFE_INTEGER}` : "non-negative ints in 'shape'"
      fail(options, textByteOffset, { expected, found: abridge(value) })
    }
  }
  return shape
}

/**
 * Reads a whole header; `bytes` holds at least as many as {@link npyHeaderByteLength} says.
 *
 * @throws {@link FormatError} when it is broken, or says something impossible.
 * @throws {@link UnsupportedError} for object arrays, which are pickled.
 */
export function parseNpyHeader(bytes: Uint8Array, options?: NpyHeaderOptions): NpyHeader {
  const { major, textByteOffset, textByteLength } = parsePrefix(bytes, options)
  const byteOffset = textByteOffset + textByteLength
  if (bytes.length < byteOffset) {
    fail(options, textByteOffset, {
      expected: `${textByteLength} bytes`,
      found: String(bytes.length - textByteOffset),
    })
  }
  const textBytes = bytes.subarray(textByteOffset, byteOffset)
  const text = major === 3 ? decodeUtf8(textBytes, options, textByteOffset) : decodeLatin1(textBytes)
  const { descr, fortranOrder, shape: shapeValue } = parseDict(text, major, textByteOffset, options)
  if (typeof fortranOrder !== 'boolean') {
    return fail(options, textByteOffset, { expected: "True or False as 'fortran_order'", found: abridge(fortranOrder) })
  }
  const shape = toShape(shapeValue, textByteOffset, options)
  const dtype = toDType(descr, textByteOffset, options)
  const nbytes = byteLengthOf(shape, dtype.itemSize)
  if (nbytes === null) {
    return fail(options, textByteOffset, {
      expected: `an array of at most ${Number.MAX_SAFE_INTEGER} elements and bytes`,
      found: `shape ${formatShape(shape)} of ${dtype.itemSize} bytes each`,
    })
  }
  return { version: [major, 0], dtype, shape, order: fortranOrder ? 'F' : 'C', byteOffset, nbytes }
}

/**
 * Checks that the data the header tells of is there. `availableByteLength` counts from the start of the npy image, header
 * included; more than needed is fine, as in NumPy.
 *
 * @throws {@link FormatError} with the bytes of data expected and found.
 */
export function checkDataFits(header: NpyHeader, availableByteLength: number, options?: NpyHeaderOptions): void {
  const available = availableByteLength - header.byteOffset
  if (available >= header.nbytes) return
  fail(options, header.byteOffset, {
    subject: 'npy data',
    expected: `${header.nbytes} bytes`,
    found: String(Math.max(available, 0)),
    hint: `shape ${formatShape(header.shape)} of ${header.dtype.str}; the file was cut short or not written to the end`,
  })
}

/** True when the elements of an array in F order lie as they do in C order. */
function isAlsoC(shape: readonly number[]): boolean {
  let axesLongerThanOne = 0
  for (const length of shape) {
    if (length === 0) return true
    if (length > 1) axesLongerThanOne += 1
  }
  return axesLongerThanOne < 2
}

/** Magic, version, length, text, padding and newline: NumPy's `_wrap_header`. Null when version 1.0 cannot hold it. */
function wrapText(text: Uint8Array, major: number): Uint8Array | null {
  const prefixByteLength = major === 1 ? 10 : 12
  const used = prefixByteLength + text.length + 1
  // Never 0: NumPy gives an already aligned header another 64 spaces.
  const byteLength = used + ARRAY_ALIGN - (used % ARRAY_ALIGN)
  const textByteLength = byteLength - prefixByteLength
  if (major === 1 && textByteLength > MAX_V1_TEXT_BYTE_LENGTH) return null
  const bytes = new Uint8Array(byteLength).fill(0x20)
  bytes.set(MAGIC)
  bytes[6] = major
  bytes[7] = 0
  let rest = textByteLength
  for (let index = 8; index < prefixByteLength; index += 1) {
    bytes[index] = rest % 256
    rest = Math.floor(rest / 256)
  }
  bytes.set(text, prefixByteLength)
  bytes[byteLength - 1] = 0x0a
  return bytes
}

/**
 * The header NumPy would write, byte for byte: everything before the data. An F order that C order also describes is
 * written as C, and without `version` the lowest one that can hold the header is taken.
 *
 * @throws {@link UnsupportedError} when the header does not fit the version asked for.
 * @throws TypeError or {@link SelectionError} for an impossible shape, a sub-array dtype, or a version that does not exist.
 */
export function formatNpyHeader(
  array: { dtype: DType; shape: readonly number[]; order: Order },
  options: { version?: readonly [major: number, minor: number]; keepOrder?: boolean } = {},
): Uint8Array {
  const { dtype } = array
  if (dtype.subarray !== null)
    throw new TypeError(`npy header: the sub-array dtype ${dtype} cannot be that of an array`)
  const shape = parseShape(array.shape)
  const fortranOrder = array.order === 'F' && (options.keepOrder === true || !isAlsoC(shape))
  let text = `{'descr': ${formatPythonLiteral(dtypeToPython(dtype))}, 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': ${formatShape(shape)}, }`
  const growing = fortranOrder ? shape.at(-1) : shape[0]
  if (growing !== undefined) text += ' '.repeat(GROWTH_AXIS_MAX_DIGITS - String(growing).length)

  const { version } = options
  if (version !== undefined && (version[1] !== 0 || ![1, 2, 3].includes(version[0]))) {
    throw new TypeError(`npy version: expected 1.0, 2.0 or 3.0, got ${version.join('.')}`)
  }
  const latin1 = version?.[0] === 3 ? null : encodeLatin1(text)
  const majors = version === undefined ? [1, 2, 3] : [version[0]]
  for (const major of majors) {
    const encoded = major === 3 ? new TextEncoder().encode(text) : latin1
    const bytes = encoded === null ? null : wrapText(encoded, major)
    if (bytes !== null) return bytes
  }
  const reason = latin1 === null ? 'its field names are not latin-1' : `it is over ${MAX_V1_TEXT_BYTE_LENGTH} bytes`
  throw new UnsupportedError(
    `npy header: version ${majors.join()}.0 cannot hold it, ${reason}; leave the version out`,
    {
      feature: 'header in the version asked for',
    },
  )
}
