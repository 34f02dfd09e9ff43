// New files of a known length: whole or not at all. They are made beside their target and renamed over it, so that
// readers and mappings of an older file keep that one, and a full disk leaves it alone.

import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { loadAddon } from '../native/binding.ts'
import { fromNodeError, osError } from './os.ts'
import { CANNOT_SYNC_DIRECTORIES, discard, type NewOutput, openBeside, settle, statOrNull } from './output.ts'

/** What a new file holds. */
export interface NewFile {
  /** Its first bytes; zeros follow. */
  readonly head: Uint8Array
  readonly byteLength: number
  /** Takes the disk space now, rather than when pages are written. */
  readonly reserve: boolean
}

const ZEROS_BYTE_LENGTH = 1024 * 1024

/**
 * Makes the file at an absolute path, or throws {@link OsError} and leaves what was there untouched. A link is followed;
 * owner and mode of a file that is replaced are kept, and must allow to read and write it.
 */
export function createFile(path: string, file: NewFile): void {
  requireAccess(path)
  const output = openBeside(path)
  try {
    if (file.reserve) reserve(output, file.byteLength)
    else fs.ftruncateSync(output.fd, file.byteLength)
    for (let done = 0; done < file.head.length; ) {
      done += fs.writeSync(output.fd, file.head, done, file.head.length - done, done)
    }
    fs.fsyncSync(output.fd)
    fs.renameSync(output.temporary, output.target)
  } catch (error) {
    discard(output)
    throw fromNodeError(error, path)
  }
  settle(output)
  fs.closeSync(output.fd)
  syncDirectory(dirname(output.target))
}

/** The new file gets the rights of the one that was there: better told now than after that one is gone. */
function requireAccess(path: string): void {
  if (statOrNull(path) === null) return
  try {
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK)
  } catch (error) {
    throw fromNodeError(error, path)
  }
}

/** Takes the space from the file system, by writing zeros where it knows no better way. */
function reserve(output: NewOutput, byteLength: number): void {
  if (byteLength === 0) return
  const status = loadAddon()?.reserve(output.fd, byteLength) ?? NOT_SUPPORTED
  if (status === 0) return
  if (!NO_WAY_TO_RESERVE.includes(status)) throw osError('fallocate', status, output.target)
  // Better told now than after the disk was filled for it.
  const { bavail, bsize } = fs.statfsSync(dirname(output.target))
  if (bavail * bsize < byteLength) throw osError('write', NO_SPACE, output.target)
  const zeros = new Uint8Array(Math.min(ZEROS_BYTE_LENGTH, byteLength))
  for (let done = 0; done < byteLength; ) {
    done += fs.writeSync(output.fd, zeros, 0, Math.min(zeros.length, byteLength - done), done)
  }
}

const NO_SPACE = -28
const NOT_SUPPORTED = -95
/** EOPNOTSUPP, ENOSYS, EINVAL: the file system, the kernel or the platform has no fallocate. */
const NO_WAY_TO_RESERVE = [NOT_SUPPORTED, -38, -22, -102, -78]

/** Makes the rename itself durable, where directories can be synced. */
function syncDirectory(path: string): void {
  try {
    const fd = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    if (!CANNOT_SYNC_DIRECTORIES.includes((error as NodeJS.ErrnoException).code ?? '')) throw fromNodeError(error, path)
  }
}
