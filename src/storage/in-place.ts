// Writing over an existing file, for those who ask for it: faster than a new file beside it, and half written after a crash.

import { dirname } from 'node:path'
import { UnsupportedError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import { fromNodeError } from './os.ts'
import {
  closeFile,
  closeQuietly,
  type NewOutput,
  type OutputSystem,
  requireRegular,
  statOrNull,
  syncDirectory,
} from './output.ts'

/** Empties the file, or makes it; refuses a file that one of the sources lies in. */
export function openInPlace(
  target: string,
  sources: Iterable<ByteSource>,
  what: string,
  system: OutputSystem,
): NewOutput {
  const there = statOrNull(target)
  if (there !== null) {
    requireRegular(there, target)
    for (const source of new Set(sources)) {
      if (!source.liesIn(target)) continue
      throw new UnsupportedError(`${what}: atomic: false would destroy the array, which lies in this very file`, {
        feature: 'saving in place over the source',
        path: target,
      })
    }
  }
  try {
    return { fd: system.open(target, 'w', 0o666), temporary: target, target }
  } catch (error) {
    throw fromNodeError(error, target)
  }
}

/** Closes the file; durable first when `sync`. */
export async function finishInPlace(output: NewOutput, sync: boolean, system: OutputSystem): Promise<void> {
  try {
    if (sync) {
      await system.sync(output.fd)
      await syncDirectory(dirname(output.target), system)
    }
  } catch (error) {
    closeQuietly(output.fd, system)
    throw fromNodeError(error, output.target)
  }
  closeFile(output.fd, output.target, system)
}
