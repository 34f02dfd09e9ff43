// A pass over much more data than memory, in a group whose memory is limited: `for await` over chunks() keeps little in
// memory, whatever the source, and so do slices at random places. `CHUNKS_GIB=32 CHUNKS_LIMIT_MIB=256` reads more.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildInfo, NpyWriter, NpzWriter, open } from '../../src/index.ts'
import { evict } from '../support/evict.ts'
import { inMemoryGroup } from '../support/memory-group.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { buildOnce, runOwnChild } from '../writing/own-child.ts'

const GIB = Number(process.env.CHUNKS_GIB ?? 1)
const LIMIT_MIB = Number(process.env.CHUNKS_LIMIT_MIB ?? 128)
const MIB = 1024 * 1024
const COLUMNS = 4096

describe.runIf(buildInfo().addon)(`a pass over ${GIB} GiB in ${LIMIT_MIB} MiB`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-pass-'))
  const path = join(directory, 'a.npy')
  const archive = join(directory, 'a.npz')
  const foreign = join(directory, 'numpy.npz')
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
    if (!hasNumpy) return
    runPython(`
import numpy as np
np.savez_compressed(${JSON.stringify(foreign)}, deflated=np.load(${JSON.stringify(path)}, mmap_mode="r"))
`)
  }, 3_600_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const everywhere = ['deflated member, anywhere', 'stored member, anywhere', 'member of NumPy’s archive, anywhere']
  test.each(['mapped', 'mapped r+', 'pread', 'scattered', 'stored member', 'deflated member', ...everywhere])(
    '%s',
    async (how) => {
      if (how.includes('NumPy') && !hasNumpy) {
        console.info('skipped: there is no NumPy to write it')
        return
      }
      await inMemoryGroup(how.replaceAll(/[^a-zA-Z]+/g, '-'), LIMIT_MIB, async (group) => {
        // In the cache of those who wrote them, they would count for free.
        for (const file of [path, archive, foreign]) if (existsSync(file)) evict(file)
        // The default where the limit is 256 MiB or more.
        const cacheByteLength = Math.min(64, LIMIT_MIB / 4) * MIB
        const args = [how, path, archive, foreign, String(cacheByteLength)]
        const child = new URL('./children/pass.mjs', import.meta.url)
        const found = JSON.parse(await runOwnChild(child, args, {}, group)) as { maxRss: number; maxAnonymous: number }
        expect(found.maxAnonymous).toBeLessThan(LIMIT_MIB * MIB)
        const [rss, anonymous] = [found.maxRss, found.maxAnonymous].map((bytes) => Math.round(bytes / MIB))
        return `${how}, ${GIB} GiB: RSS at most ${rss} MiB, ${anonymous} of it not pages of files`
      })
    },
    3_600_000,
  )
})
