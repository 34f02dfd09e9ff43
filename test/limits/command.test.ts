// The command on much more data than memory, in a group whose memory is limited. `COMMAND_GIB=20 COMMAND_LIMIT_MIB=256` takes
// more of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildInfo, NpyWriter, open, openNpz } from '../../src/index.ts'
import { buildOnce } from '../writing/own-child.ts'
import { limitedCommand } from './limited.ts'

const GIB = Number(process.env.COMMAND_GIB ?? 1)
const LIMIT_MIB = Number(process.env.COMMAND_LIMIT_MIB ?? 256)
const COLUMNS = 1024
const ROWS = (GIB * 1024 ** 3) / (COLUMNS * 8)
const valueAt = (row: number, column: number): number => row * 2 + column / 1024

describe.runIf(buildInfo().addon)(`${GIB} GiB in ${LIMIT_MIB} MiB`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-command-'))
  const path = join(directory, 'a.npy')
  const out = (name: string): string => join(directory, name)
  beforeAll(async () => {
    await buildOnce()
    const block = new Float64Array(256 * COLUMNS)
    const writer = await NpyWriter.create(path, { dtype: 'float64', shape: [ROWS, COLUMNS] })
    for (let start = 0; start < ROWS; start += 256) {
      for (let i = 0; i < block.length; i++) block[i] = valueAt(start + Math.floor(i / COLUMNS), i % COLUMNS)
      await writer.write(block)
    }
    await writer.close()
  }, 3_600_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const limited = limitedCommand('command', LIMIT_MIB, path)

  test('stats', async () => {
    const said = await limited('stats', ['stats', path, '--json'])
    if (said === '') return
    expect(JSON.parse(said)).toMatchObject({ min: 0, max: valueAt(ROWS - 1, COLUMNS - 1), zero: 1 })
  }, 3_600_000)

  test('slice', async () => {
    if ((await limited('slice', ['slice', path, '::-3, ::2', out('s.npy')])) === '') return
    using a = open(out('s.npy'))
    expect(a.shape).toEqual([Math.ceil(ROWS / 3), COLUMNS / 2])
    for (const [i, j] of [
      [0, 0],
      [7, 3],
      [a.shape[0]! - 1, COLUMNS / 2 - 1],
    ] as const) {
      expect(a.get(i, j)).toBe(valueAt(ROWS - 1 - 3 * i, 2 * j))
    }
    rmSync(out('s.npy'))
  }, 3_600_000)

  test('repack to a deflated archive', async () => {
    if ((await limited('deflate', ['repack', path, `${out('z.npz')}:x`, '--level', '1'])) === '') return
    using z = openNpz(out('z.npz'))
    expect(z.get('x').get(ROWS - 3, 5)).toBe(valueAt(ROWS - 3, 5))
    rmSync(out('z.npz'))
  }, 3_600_000)

  test('repack to the other order', async () => {
    if ((await limited('order', ['repack', path, out('f.npy'), '--to-order', 'F'])) === '') return
    using a = open(out('f.npy'))
    expect(a.order).toBe('F')
    for (let i = 0; i < 500; i++) {
      const [row, column] = [Math.floor((i / 500) * ROWS), (i * 37) % COLUMNS]
      expect(a.get(row, column)).toBe(valueAt(row, column))
    }
    rmSync(out('f.npy'))
  }, 3_600_000)
})
