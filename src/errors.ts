// What can go wrong, one class per remedy. Messages name the subject first, then expected and found, the place last;
// programs branch on `code` and the typed fields, never on the text.

/** Marks our errors across copies of the library and realms, where `instanceof` fails. */
const brand = Symbol.for('npymap.error')

/** Base of every error this library throws on purpose; wrong argument types are plain `TypeError`s. */
export abstract class NpymapError extends Error {
  /** A constant to branch on; for {@link OsError} the errno name. */
  abstract readonly code: string

  /** @internal */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    Object.defineProperty(this, brand, { value: true })
  }
}

/** ` (at byte 10 of a.npy)`, ` (in w.npy in model.npz)`: the last words of a message. */
function place(path: string | null, byteOffset?: number, member?: string): string {
  const archive = path === null ? '' : path
  const file = member === undefined ? archive : [JSON.stringify(member), archive].filter(Boolean).join(' in ')
  if (byteOffset === undefined) return file === '' ? '' : ` (in ${file})`
  return file === '' ? ` (at byte ${byteOffset})` : ` (at byte ${byteOffset} of ${file})`
}

/** The file is broken, cut short, or not of this format. */
export class FormatError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'FormatError'
  readonly code = 'ERR_FORMAT'
  /** What was being read. */
  readonly format: 'npy' | 'npz' | 'raw'
  /** The absolute path of the file; null for bytes in memory. */
  readonly path: string | null
  /** Where in the file, in bytes; undefined when no one place is to blame. */
  readonly byteOffset: number | undefined
  /** The member of an archive that it is about. */
  readonly member: string | undefined
  /** What should have been there, in words for people. */
  readonly expected: string
  /** What was there, in words for people. */
  readonly found: string

  /** @internal `subject` is what was being read, for example `npy header`. */
  constructor(
    subject: string,
    details: {
      format: 'npy' | 'npz' | 'raw'
      expected: string
      found: string
      path?: string | null | undefined
      byteOffset?: number | undefined
      member?: string | undefined
      hint?: string | undefined
      cause?: unknown
    },
  ) {
    const hint = details.hint === undefined ? '' : `; ${details.hint}`
    const where = place(details.path ?? null, details.byteOffset, details.member)
    super(`${subject}: expected ${details.expected}, got ${details.found}${hint}${where}`, { cause: details.cause })
    this.member = details.member
    this.format = details.format
    this.path = details.path ?? null
    this.byteOffset = details.byteOffset
    this.expected = details.expected
    this.found = details.found
  }
}

/** A valid file or request that this library refuses: object arrays, a missing feature of the platform. */
export class UnsupportedError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'UnsupportedError'
  readonly code = 'ERR_UNSUPPORTED'
  /** What is not supported, for example `object dtype`. */
  readonly feature: string
  /** The absolute path of the file; null for bytes in memory. */
  readonly path: string | null
  /** The member of an archive that it is about. */
  readonly member: string | undefined

  /** @internal */
  constructor(
    message: string,
    details: { feature: string; path?: string | null | undefined; member?: string | undefined; cause?: unknown },
  ) {
    super(`${message}${place(details.path ?? null, undefined, details.member)}`, { cause: details.cause })
    this.feature = details.feature
    this.path = details.path ?? null
    this.member = details.member
  }
}

/** Bytes that do not agree with their checksum or with the length that was declared for them. */
export class IntegrityError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'IntegrityError'
  readonly code = 'ERR_INTEGRITY'
  /** The absolute path of the file; null for bytes in memory. */
  readonly path: string | null
  /** The member of an archive that it is about. */
  readonly member: string | undefined
  /** Where in the file, in bytes; undefined when no one place is to blame. */
  readonly byteOffset: number | undefined
  /** What should have been there, in words for people. */
  readonly expected: string
  /** What was there, in words for people. */
  readonly found: string

  /** @internal `subject` is what was checked, for example `crc-32`. */
  constructor(
    subject: string,
    details: {
      expected: string
      found: string
      path: string | null
      member?: string | undefined
      byteOffset?: number | undefined
      hint?: string | undefined
      cause?: unknown
    },
  ) {
    const hint = details.hint === undefined ? '' : `; ${details.hint}`
    const where = place(details.path, details.byteOffset, details.member)
    super(`${subject}: expected ${details.expected}, got ${details.found}${hint}${where}`, { cause: details.cause })
    this.path = details.path
    this.member = details.member
    this.byteOffset = details.byteOffset
    this.expected = details.expected
    this.found = details.found
  }
}

/** An index, slice, axis or shape does not fit the array. */
export class SelectionError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'SelectionError'
  readonly code = 'ERR_SELECTION'
  /** Which axis of the array, counted from 0; undefined when the selection as a whole is at fault. */
  readonly axis: number | undefined
  /** The index or selector as it was given; undefined when the selection as a whole is at fault. */
  readonly index: number | string | undefined
  /** The length of that axis, in elements. */
  readonly extent: number | undefined
  /** Where in the list of indices, counted from 0; undefined when there is no list. */
  readonly position: number | undefined

  /** @internal */
  constructor(
    message: string,
    details: { axis?: number; index?: number | string; extent?: number; position?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause })
    this.axis = details.axis
    this.index = details.index
    this.extent = details.extent
    this.position = details.position
  }
}

/** Why an array cannot be had as one typed array over its own memory. */
export type LayoutReason = 'window' | 'alignment' | 'byteOrder' | 'strided' | 'dtype' | 'source' | 'size'

/** Zero copy is not possible for this array: take a smaller slice, or copy. */
export class LayoutError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'LayoutError'
  readonly code = 'ERR_LAYOUT'
  /** What stands in the way. */
  readonly reason: LayoutReason

  /** @internal */
  constructor(message: string, details: { reason: LayoutReason; cause?: unknown }) {
    super(message, { cause: details.cause })
    this.reason = details.reason
  }
}

/** The operating system said no; `code` is its errno name, for example `ENOENT` or `ENOSPC`. */
export class OsError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'OsError'
  readonly code: string
  /** The system call that failed. */
  readonly syscall: string
  /** The errno, negative as in Node. */
  readonly errno: number
  /** The absolute path of the file; null for bytes in memory. */
  readonly path: string | null

  /** @internal */
  constructor(
    message: string,
    details: { code: string; syscall: string; errno: number; path?: string | null | undefined; cause?: unknown },
  ) {
    super(`${details.syscall}: ${details.code}, ${message}${place(details.path ?? null)}`, { cause: details.cause })
    this.code = details.code
    this.syscall = details.syscall
    this.errno = details.errno
    this.path = details.path ?? null
  }
}

/** Used after `close()`. */
export class ClosedError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'ClosedError'
  readonly code = 'ERR_CLOSED'
  /** The absolute path of the file; null for bytes in memory. */
  readonly path: string | null

  /** @internal */
  constructor(what: string, details: { path?: string | null | undefined } = {}) {
    super(`${what}: used after close()${place(details.path ?? null)}`)
    this.path = details.path ?? null
  }
}

/** What befell the bytes under an open array. */
export type FaultReason = 'truncated' | 'io' | 'write'

/**
 * The bytes under an open array failed: the file was cut short, the device did not deliver, or something wrote through
 * a typed array of a read-only array. After `truncated` and `io`, every later call on the array throws; after `write`
 * the file's bytes are back in place and the array goes on.
 */
export class FaultError extends NpymapError {
  /** The name of the class, also across copies of the library. */
  override readonly name = 'FaultError'
  readonly code = 'ERR_FAULT'
  /** What befell them. */
  readonly reason: FaultReason
  /** The absolute path of the file; null for bytes in memory. */
  readonly path: string | null
  /** The first byte of the file known to be concerned. */
  readonly byteOffset: number
  /** The errno name, where the operating system gave one. */
  readonly errno: string | undefined

  /** @internal */
  constructor(
    message: string,
    details: {
      reason: FaultReason
      path: string | null
      byteOffset: number
      errno?: string | undefined
      cause?: unknown
    },
  ) {
    super(`${message}${place(details.path, details.byteOffset)}`, { cause: details.cause })
    this.reason = details.reason
    this.path = details.path
    this.byteOffset = details.byteOffset
    this.errno = details.errno
  }
}

interface ErrorsByCode {
  ERR_FORMAT: FormatError
  ERR_UNSUPPORTED: UnsupportedError
  ERR_SELECTION: SelectionError
  ERR_LAYOUT: LayoutError
  ERR_CLOSED: ClosedError
  ERR_FAULT: FaultError
  ERR_INTEGRITY: IntegrityError
}

/** True for errors of this library, also across copies of it and realms; with `code`, only for that kind. */
export function isNpymapError<C extends keyof ErrorsByCode>(error: unknown, code: C): error is ErrorsByCode[C]
export function isNpymapError(error: unknown, code?: string): error is NpymapError
export function isNpymapError(error: unknown, code?: string): boolean {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  return code === undefined || (error as { code?: unknown }).code === code
}
