// Files that lie on the disk only.

import { spawnSync } from 'node:child_process'

const SCRIPT = `
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.fsync(fd)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
`

/** Has the system forget the pages of a file that nobody has mapped; false where it cannot be asked (no python3). */
export function evict(path: string): boolean {
  return spawnSync('python3', ['-c', SCRIPT, path]).status === 0
}
