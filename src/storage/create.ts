// New files of a known length: whole or not at all. They are made beside their target and renamed over it, so that
// readers and mappings of an older file keep that one, and a full disk leaves it alone.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { loadAddon } from '../native/binding.ts'
import { fromNodeError, notARegularFile, osError } from './os.ts'

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
 * the mode of a file that is replaced is kept.
 */
export function createFile(path: string, file: NewFile): void {
  let temporary: string | null = null
  let fd = -1
  try {
    const old = existing(path)
    const target = old === null ? path : fs.realpathSync(path)
    temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
    fd = fs.openSync(temporary, 'wx', 0o666)
    if (old !== null) fs.fchmodSync(fd, old.mode & 0o7777)
    if (file.reserve) reserve(fd, file.byteLength, target)
    else fs.ftruncateSync(fd, file.byteLength)
    fs.writeSync(fd, file.head, 0, file.head.length, 0)
    fs.fsyncSync(fd)
    fs.closeSync(fd)
    fd = -1
    fs.renameSync(temporary, target)
    temporary = null
    syncDirectory(dirname(target))
  } catch (error) {
    if (fd >= 0) fs.closeSync(fd)
    if (temporary !== null) fs.rmSync(temporary, { force: true })
    throw fromNodeError(error, path)
  }
}

function existing(path: string): fs.Stats | null {
  const status = fs.statSync(path, { throwIfNoEntry: false })
  if (status === undefined) return null
  if (!status.isFile()) throw notARegularFile(path, status.isDirectory() ? 'a directory' : 'a special file')
  return status
}

/** Takes the space from the file system, by writing zeros where it knows no better way. */
function reserve(fd: number, byteLength: number, path: string): void {
  if (byteLength === 0) return
  const status = loadAddon()?.reserve(fd, byteLength) ?? NOT_SUPPORTED
  if (status === 0) return
  if (!NO_WAY_TO_RESERVE.includes(status)) throw osError('fallocate', status, path)
  const zeros = new Uint8Array(Math.min(ZEROS_BYTE_LENGTH, byteLength))
  for (let done = 0; done < byteLength; ) {
    done += fs.writeSync(fd, zeros, 0, Math.min(zeros.length, byteLength - done), done)
  }
}

const NOT_SUPPORTED = -95
/** EOPNOTSUPP, ENOSYS, EINVAL: the file system, the kernel or the platform has no fallocate. */
const NO_WAY_TO_RESERVE = [NOT_SUPPORTED, -38, -22, -102, -78]

/** Makes the rename itself durable, where directories can be synced. */
function syncDirectory(path: string): void {
  const fd = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(fd)
  } catch (error) {
    // Some file systems refuse; the rename is still atomic.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    fs.closeSync(fd)
  }
}
