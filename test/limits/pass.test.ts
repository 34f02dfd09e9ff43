// A pass over much more data than memory, in a group whose memory is limited: `for await` over chunks() keeps little in
// memory, whatever the source. `CHUNKS_GIB=32 CHUNKS_LIMIT_MIB=256` reads more.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildInfo, NpyWriter, NpzWriter, open } from '../../src/index.ts'
import { evict } from '../support/evict.ts'
import { inMemoryGroup } from '../support/memory-group.ts'
import { buildOnce, runOwnChild } from '../writing/own-child.ts'

const GIB = Number(process.env.CHUNKS_GIB ?? 1)
const LIMIT_MIB = Number(process.env.CHUNKS_LIMIT_MIB ?? 128)
const MIB = 1024 * 1024
const COLUMNS = 4096

describe.runIf(buildInfo().addon)(`a pass over ${GIB} GiB in ${LIMIT_MIB} MiB`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-pass-'))
  const path = join(directory, 'a.npy')
  const archive = join(directory, 'a.npz')
  beforeAll(async () => {
    await buildOnce()
    const rowCount = (GIB * 1024 * MIB) / (COLUMNS * 4)
    const rows = Float32Array.from({ length: 512 * COLUMNS }, (_, i) => i % COLUMNS)
    const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null, COLUMNS] })
    for (let start = 0; start < rowCount; start += 512) {
      for (let row = 0; row < 512; row++) rows[row * COLUMNS] = start + row
      await writer.write(rows)
    }
    await writer.close()
    using array = open(path)
    const zip = await NpzWriter.create(archive)
    await zip.write('stored', array)
    await zip.write('deflated', array, { compress: { level: 1 } })
    await zip.close()
  }, 3_600_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test.each(['mapped', 'mapped r+', 'pread', 'scattered', 'stored member', 'deflated member'])(
    '%s',
    async (how) => {
      await inMemoryGroup(how.replaceAll(' ', '-'), LIMIT_MIB, async (group) => {
        // In the cache of those who wrote them, they would count for free.
        for (const file of [path, archive]) evict(file)
        const child = new URL('./children/pass.mjs', import.meta.url)
        const { maxRss } = JSON.parse(await runOwnChild(child, [how, path, archive], {}, group)) as { maxRss: number }
        // Scattered elements touch all pages, which stay the system's to take back.
        if (how !== 'scattered') expect(maxRss).toBeLessThan(LIMIT_MIB * MIB)
        return `${how}, ${GIB} GiB: RSS at most ${Math.round(maxRss / MIB)} MiB`
      })
    },
    3_600_000,
  )
})
