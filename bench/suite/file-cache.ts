// Files in the page cache, and out of it.

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { open } from 'npymap'
import { PYTHON } from './run.ts'

const WARM_BYTE_LENGTH = 1024 * 1024
/** A file of which more than this part is still in memory is not cold. */
const COLD_PART = 0.001
/** The header's page, and those read ahead with it, are read to ask the question. */
const ASKING_BYTE_LENGTH = 256 * 1024
const script = fileURLToPath(new URL('../../engines/numpy_engine.py', import.meta.url))

/** Has a file in the page cache: on a shared machine it may have gone from there. */
export function warm(path: string): void {
  const piece = new Uint8Array(WARM_BYTE_LENGTH)
  const fd = openSync(path, 'r')
  while (readSync(fd, piece, 0, piece.length, null) > 0);
  closeSync(fd)
}

/** Bytes of the array's pages that are in the page cache, as mincore says. */
function resident(path: string): number {
  using array = open(path)
  return array.residentByteLength()
}

let how: string | null = null
let most = 0

/** Takes an .npy file out of the page cache, and looks whether it is gone. */
export function makeCold(path: string, byteLength: number): void {
  const least = Math.max(ASKING_BYTE_LENGTH, byteLength * COLD_PART)
  const dropped = spawnSync(PYTHON, [script, 'drop', path]).status === 0
  let left = resident(path)
  if (dropped && left <= least) {
    how ??= 'posix_fadvise'
  } else {
    // Pages that another process has mapped stay; this takes those too.
    try {
      writeFileSync('/proc/sys/vm/drop_caches', '1')
    } catch (error) {
      throw new Error(
        `${path} stays in the page cache, ${left} bytes of it, and drop_caches: ${(error as Error).message}`,
      )
    }
    how = 'drop_caches'
    left = resident(path)
    if (left > least) throw new Error(`${path} stays in the page cache: ${left} bytes of it`)
  }
  most = Math.max(most, left)
}

/** How files were made cold, and the most that mincore found of one afterwards; null when none was. */
export function coldness(): { readonly how: string; readonly byteLength: number } | null {
  return how === null ? null : { how, byteLength: most }
}
