// Which file a source lies in, for another thread or process to open: by its path, and by what the system knows it as, so
// that another file at that path is noticed.

import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { FormatError, OsError } from '../errors.ts'
import type { ByteSource, TransferableSource } from './byte-source.ts'
import { fromNodeError } from './os.ts'

function replaced(path: string): OsError {
  return new OsError('the file was replaced since the array was opened', {
    code: 'ESTALE',
    syscall: 'stat',
    errno: -constants.errno.ESTALE,
    path,
  })
}

function identityOf(path: string): { dev: string; ino: string } {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return { dev: String(dev), ino: String(ino) }
  } catch (error) {
    throw fromNodeError(error, path)
  }
}

/** Describes a source that is all of a file. Throws {@link OsError} when the file is no longer at its path. */
export function transferableFile(
  source: ByteSource,
  how: { readonly mode: 'r' | 'r+' | 'c'; readonly mmap: boolean },
): TransferableSource {
  const path = source.path as string
  const identity = identityOf(path)
  // In this order: a file that took the place in between is not the one that is open.
  if (!source.liesIn(path)) throw replaced(path)
  return { path, ...how, file: { ...identity, byteLength: source.byteLength } }
}

/** Throws {@link OsError} `ESTALE` when a source is of another file, {@link FormatError} when its file was cut short. */
export function requireSameFile(source: ByteSource, from: TransferableSource): void {
  const { path, file } = from
  const { dev, ino } = identityOf(path)
  if (dev !== file.dev || ino !== file.ino || !source.liesIn(path)) throw replaced(path)
  if (source.byteLength >= file.byteLength) return
  throw new FormatError('file', {
    format: 'raw',
    expected: `${file.byteLength} bytes, as many as it had when the array was opened`,
    found: String(source.byteLength),
    path,
  })
}
