// A group of processes with a limit of memory that the kernel enforces, page cache included (cgroup v1).

import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '../suite/run.ts'

const ROOT = '/sys/fs/cgroup/memory'

/** Why no limit could be set, of the last time; null when it was, or nobody asked. */
let missing: string | null = null
let used = false

/** What is to be said of the limit above the tables. */
export function memoryGroupNote(limit: string): string | null {
  if (missing !== null) return `No memory group here, so nothing limits the passes: ${missing}.`
  return used ? `Each pass runs in a memory group (cgroup v1) of ${limit}, page cache included.` : null
}

/** Runs a command in a new group of so many bytes, or without a limit where none can be set. */
export function inMemoryGroup<R>(byteLength: number, run: (wrap: (command: Command) => Command) => R): R {
  const group = join(ROOT, `npymap-bench-${process.pid}`)
  try {
    mkdirSync(group)
    try {
      writeFileSync(join(group, 'memory.limit_in_bytes'), String(byteLength))
    } catch (error) {
      rmdirSync(group)
      throw error
    }
  } catch (error) {
    missing = error instanceof Error ? error.message : String(error)
    return run((command) => command)
  }
  used = true
  try {
    // The shell enters the group and becomes the program, which has never been outside.
    return run((command) => ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(group, 'cgroup.procs'), ...command])
  } finally {
    // The page cache of one process is not left to the next, where it would count for free.
    writeFileSync(join(group, 'memory.force_empty'), '0')
    rmdirSync(group)
  }
}
