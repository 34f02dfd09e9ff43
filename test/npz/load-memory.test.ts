// A loaded member is in memory once: not beside the pages of the file that it was copied or inflated from.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { savez, savezCompressed } from '../../src/npz/savez.ts'
import { temporaryFolder } from '../support/sources.ts'

const child = fileURLToPath(new URL('children/load-memory.mjs', import.meta.url))
const inFolder = temporaryFolder()
const MIB = 1024 ** 2
const LENGTH = 64 * MIB
/** Pieces in flight, and what Node takes meanwhile. */
const MOST_BESIDE = 40 * MIB

test.skipIf(process.platform !== 'linux').each([
  { how: 'stored', write: savez },
  { how: 'deflated', write: savezCompressed },
])('loads $how data into its own length and little more', async ({ how, write }) => {
  const path = inFolder(`${how}.npz`)
  let state = 1
  const noise = Uint32Array.from({ length: LENGTH / 4 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  })
  await write(path, { noise, one: [1] })
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', child, path, 'noise'], { encoding: 'utf8' })
  const { size, grown } = JSON.parse(stdout || `"${stderr}"`) as { size: number; grown: number }
  expect(size).toBe(LENGTH / 4)
  expect(grown).toBeGreaterThan(LENGTH * 0.9)
  expect(grown).toBeLessThan(LENGTH + MOST_BESIDE)
})
