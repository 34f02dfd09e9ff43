// A memory limit that the kernel enforces (cgroup v1): over it a process is killed.

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

const MIB = 1024 * 1024
const isRoot = platform() === 'linux' && process.getuid?.() === 0

/** Makes a group with the limit, or says why there is none. */
function makeGroup(name: string, limitMib: number): { readonly group: string } | { readonly reason: string } {
  const group = `/sys/fs/cgroup/memory/npymap-test-${process.pid}-${name}`
  try {
    mkdirSync(group)
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(limitMib * MIB))
    return { group }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Has a child run in a group of that much memory, page cache included, and prints what it says of itself with the most that
 * the group took. Does nothing where no limit can be set.
 */
export async function inMemoryGroup(
  name: string,
  limitMib: number,
  run: (group: string) => Promise<string>,
): Promise<void> {
  const made = makeGroup(name, limitMib)
  if ('reason' in made) {
    // In CI as root there is no excuse, where the kernel has these groups.
    expect({ ci: process.env.CI !== undefined && isRoot, ...made }).toMatchObject({ ci: false })
    console.info(`skipped: no memory limit can be set here: ${made.reason}`)
    return
  }
  const { group } = made
  try {
    const said = await run(group)
    const maxUsage = Number(readFileSync(join(group, 'memory.max_usage_in_bytes'), 'utf8'))
    console.info(`${said}, with page cache ${Math.round(maxUsage / MIB)} MiB of ${limitMib}`)
    expect(maxUsage).toBeLessThanOrEqual(limitMib * MIB)
  } finally {
    // The page cache of one case is not left to the next, where it would count for free.
    writeFileSync(join(group, 'memory.force_empty'), '0')
    rmdirSync(group)
  }
}
