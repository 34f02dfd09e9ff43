// Much more data than memory: writers under a memory limit that the kernel enforces (cgroup v1). Over it the child is
// killed. `WRITE_GIB=20 WRITE_LIMIT_MIB=256` writes more.

import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildOnce, runOwnChild } from './own-child.ts'

const GIB = process.env.WRITE_GIB ?? '1'
const LIMIT_MIB = Number(process.env.WRITE_LIMIT_MIB ?? 128)
const MIB = 1024 * 1024
const isRoot = platform() === 'linux' && process.getuid?.() === 0

/** Makes a group with the limit, or says why there is none. */
function makeGroup(name: string): { readonly group: string } | { readonly reason: string } {
  const group = `/sys/fs/cgroup/memory/npymap-test-${process.pid}-${name}`
  try {
    mkdirSync(group)
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(LIMIT_MIB * MIB))
    return { group }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

describe(`${GIB} GiB in ${LIMIT_MIB} MiB`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-memory-'))
  beforeAll(buildOnce, 120_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test.each(['stream', 'strided', 'transposed'])(
    '%s',
    async (how) => {
      const made = makeGroup(how)
      if ('reason' in made) {
        // In CI as root there is no excuse, where the kernel has these groups.
        expect({ ci: process.env.CI !== undefined && isRoot, ...made }).toMatchObject({ ci: false })
        console.info(`skipped: no memory limit can be set here: ${made.reason}`)
        return
      }
      const { group } = made
      try {
        const stdout = await runOwnChild('memory', [how, GIB], { NPYMAP_TEST_DIR: directory }, group)
        const { maxRss } = JSON.parse(stdout) as { maxRss: number }
        const maxUsage = Number(readFileSync(join(group, 'memory.max_usage_in_bytes'), 'utf8'))
        const inMib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`
        console.info(`${how} ${GIB} GiB: RSS at most ${inMib(maxRss)}, with page cache ${inMib(maxUsage)}`)
        expect(maxUsage).toBeLessThanOrEqual(LIMIT_MIB * MIB)
      } finally {
        // The page cache of one case is not left to the next, where it would count for free.
        writeFileSync(join(group, 'memory.force_empty'), '0')
        rmdirSync(group)
        rmSync(join(directory, 'small.npy'), { force: true })
      }
    },
    3_600_000,
  )
})
