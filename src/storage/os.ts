// Paths in, operating-system errors out: the words for what the system refuses.

import { constants } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getSystemErrorMap } from 'node:util'
import { OsError, UnsupportedError } from '../errors.ts'

/** What C says of data that is no deflate; another number on each system. */
export const EILSEQ: number = -constants.errno.EILSEQ

/** An absolute path from what callers give. Throws `TypeError` for what is no path. */
export function absolutePath(path: string | URL): string {
  const text = path instanceof URL ? fileURLToPath(path) : path
  if (typeof text !== 'string') throw new TypeError(`path: expected a string or a file URL, got ${typeof path}`)
  if (text === '') throw new TypeError('path: expected a path, got an empty string')
  if (text.includes('\0')) throw new TypeError('path: expected a path, got one with a NUL character')
  return resolve(text)
}

/** The same for a name that gets a suffix unless it has it: before `.` and a final `/` are resolved, as NumPy does. */
export function pathWithSuffix(path: string | URL, suffix: string): string {
  const text = path instanceof URL ? fileURLToPath(path) : path
  if (typeof text !== 'string' || text === '' || text.endsWith(suffix)) return absolutePath(text)
  return absolutePath(`${text}${suffix}`)
}

/** `ENOSPC` for -28, or undefined for 0 and what the system does not name. */
export function errnoName(errno: number): string | undefined {
  const known = getSystemErrorMap().get(errno)?.[0]
  if (known !== undefined || errno === 0) return known
  // Node's own list lacks EDQUOT and others.
  return Object.entries(constants.errno).find(([, number]) => number === -errno)?.[0]
}

/** The error for a negative errno that a system call left. */
export function osError(syscall: string, errno: number, path: string | null, cause?: unknown): OsError {
  const code = errnoName(errno) ?? `E${-errno}`
  const message = getSystemErrorMap().get(errno)?.[1] ?? 'refused by the system'
  return new OsError(message, { code, syscall, errno, path, cause })
}

/** Turns an error of `node:fs` into an {@link OsError}; anything else passes as it is. */
export function fromNodeError(error: unknown, path: string | null): unknown {
  if (!(error instanceof Error)) return error
  const { errno, syscall } = error as NodeJS.ErrnoException
  return typeof errno === 'number' ? osError(syscall ?? 'fs', errno, path, error) : error
}

/** The error for a path that is not a regular file. */
export function notARegularFile(path: string, what: string): UnsupportedError {
  return new UnsupportedError(`open: expected a regular file, got ${what}`, { feature: 'special files', path })
}
