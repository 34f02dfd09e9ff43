// Small disks, and disks that break. They need root; where there is none, or no way to mount, the test is skipped and says
// why, but not in CI as root: there is no excuse there.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

const isRoot = platform() === 'linux' && process.getuid?.() === 0

/** What of a test's context is used. */
interface Skipping {
  skip(reason: string): void
}

function skip(context: Skipping, reason: string): void {
  expect({ ci: process.env.CI !== undefined && isRoot, reason }).toMatchObject({ ci: false })
  context.skip(reason)
}

/** Runs a command, and returns what it complains of, or null. */
function complaint(command: string, args: readonly string[]): string | null {
  const run = spawnSync(command, args, { encoding: 'utf8' })
  if (run.error !== undefined) return run.error.message
  return run.status === 0 ? null : `${command}: ${run.stderr.trim()}`
}

async function mounted<R>(
  context: Skipping,
  mount: (directory: string) => string | null,
  use: (directory: string) => Promise<R>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-disk-'))
  const refused = mount(directory)
  try {
    if (refused !== null) skip(context, `no disk of this kind can be mounted: ${refused}`)
    else await use(directory)
  } finally {
    if (refused === null) complaint('umount', [directory])
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs `use` in the root of an empty file system of so many bytes. */
export function onSmallDisk<R>(
  byteLength: number,
  context: Skipping,
  use: (directory: string) => Promise<R>,
): Promise<void> {
  const options = ['-t', 'tmpfs', '-o', `size=${byteLength}`, 'npymap-test']
  return mounted(context, (directory) => complaint('mount', [...options, directory]), use)
}

/**
 * Runs `use` in the root of a file system on a device whose blocks are in a file, beside the path of that file: whoever cuts it
 * has the device fail. `backing` is the folder of the file, `byteLength` what the device says that it has.
 */
export function onBreakableDisk<R>(
  backing: string,
  byteLength: number,
  context: Skipping,
  use: (directory: string, device: string) => Promise<R>,
): Promise<void> {
  const device = join(backing, 'device.img')
  const mount = (directory: string): string | null =>
    complaint('truncate', ['-s', String(byteLength), device]) ??
    complaint('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', '-E', 'lazy_itable_init=0', '-m', '0', device]) ??
    complaint('mount', ['-o', 'loop,errors=continue', device, directory])
  return mounted(context, mount, (directory) => use(directory, device))
}
