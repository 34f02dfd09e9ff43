// One writer a file: an advisory lock that the system lets go when its holder dies.

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
  if (status === 0) return
  if (errnoName(status) === 'EAGAIN') {
    throw new OsError(`another writer has this file open`, {
      code: 'EWOULDBLOCK',
      syscall: 'flock',
      errno: status,
      path,
    })
  }
  throw osError('flock', status, path)
}
