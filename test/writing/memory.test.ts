// Much more data than memory: writers under a memory limit that the kernel enforces (cgroup v1). Over it the child is
// killed. `WRITE_GIB=20 WRITE_LIMIT_MIB=256` writes more.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { inMemoryGroup } from '../support/memory-group.ts'
import { buildOnce, runOwnChild } from './own-child.ts'

const GIB = process.env.WRITE_GIB ?? '1'
const LIMIT_MIB = Number(process.env.WRITE_LIMIT_MIB ?? 128)
describe(`${GIB} GiB in ${LIMIT_MIB} MiB`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-memory-'))
  beforeAll(buildOnce, 120_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test.each(['stream', 'strided', 'transposed'])(
    '%s',
    async (how) => {
      await inMemoryGroup(how, LIMIT_MIB, async (group) => {
        const stdout = await runOwnChild('memory', [how, GIB], { NPYMAP_TEST_DIR: directory }, group)
        const { maxRss } = JSON.parse(stdout) as { maxRss: number }
        rmSync(join(directory, 'small.npy'), { force: true })
        return `${how} ${GIB} GiB: RSS at most ${Math.round(maxRss / 1024 ** 2)} MiB`
      })
    },
    3_600_000,
  )
})
