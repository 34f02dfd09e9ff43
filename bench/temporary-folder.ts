// Where benchmarks and demo put what they remove again.

import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Where temporary files go: not into a folder that is itself in memory, if there is another. */
export function temporaryFolder(): string {
  const folder = tmpdir()
  if (process.platform !== 'linux') return folder
  try {
    const inMemory = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .some((mount) => mount.split(' ')[1] === folder && mount.split(' ')[2] === 'tmpfs')
    return inMemory ? '/var/tmp' : folder
  } catch {
    return folder
  }
}
