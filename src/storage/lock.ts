// One writer a file: an advisory lock that the system lets go when its holder dies.

import { fstatSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { OsError, UnsupportedError } from '../errors.ts'
import { loadAddon } from '../native/binding.ts'
import { errnoName, osError } from './os.ts'

/** Takes the exclusive lock of an open file, or throws: never waits. */
export function lockFile(fd: number, path: string, what: string): void {
  const addon = loadAddon()
  if (addon === null) {
    throw new UnsupportedError(`${what}: needs the addon, which has the lock that keeps two writers apart`, {
      feature: 'file locks',
      path,
    })
  }
  const status = addon.lock(fd)
  if (status !== 0 && errnoName(status) !== 'EAGAIN') throw osError('flock', status, path)
  // The lock of a file that was replaced in between keeps nobody apart, and what is written to it is lost.
  if (status === 0 && isStillAt(fd, path)) return
  throw new OsError(`another writer has this file open`, {
    code: 'EWOULDBLOCK',
    syscall: 'flock',
    errno: -constants.errno.EWOULDBLOCK,
    path,
  })
}

/**
 * Throws {@link OsError} `ESTALE` once the path names another file than the open one, or that is shorter than what was written
 * to it: what is written is lost.
 */
export function requireStillAt(fd: number, path: string, leastByteLength: number): void {
  const whole = fstatSync(fd).size >= leastByteLength
  if (whole && isStillAt(fd, path)) return
  throw new OsError(`the file was ${whole ? 'replaced' : 'cut short'} while it was appended to`, {
    code: 'ESTALE',
    syscall: 'stat',
    errno: -constants.errno.ESTALE,
    path,
  })
}

function isStillAt(fd: number, path: string): boolean {
  const [held, named] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })]
  return named !== undefined && held.ino === named.ino && held.dev === named.dev
}
