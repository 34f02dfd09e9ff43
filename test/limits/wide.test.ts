// The command on arrays one row of which is more than memory, in a group whose memory is limited.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildInfo, NpyWriter, open, openNpz } from '../../src/index.ts'
import { buildOnce } from '../writing/own-child.ts'
import { limitedCommand } from './limited.ts'

const LIMIT_MIB = 256
const LENGTH = 1024 ** 3 / 16

describe.runIf(buildInfo().addon)(`half a GiB in ${LIMIT_MIB} MiB, in one row`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-wide-'))
  const path = join(directory, 'wide.npy')
  const out = (name: string): string => join(directory, name)
  beforeAll(async () => {
    await buildOnce()
    const block = new Float64Array(1024 ** 2)
    const writer = await NpyWriter.create(path, { dtype: 'float64', shape: [1, LENGTH] })
    for (let start = 0; start < LENGTH; start += block.length) {
      for (let i = 0; i < block.length; i++) block[i] = start + i
      await writer.write(block)
    }
    await writer.close()
  }, 3_600_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const limited = limitedCommand('wide', LIMIT_MIB, path)

  test('stats', async () => {
    const said = await limited('stats', ['stats', path, '--json'])
    if (said === '') return
    expect(JSON.parse(said)).toMatchObject({ min: 0, max: LENGTH - 1, zero: 1, mean: (LENGTH - 1) / 2 })
  }, 3_600_000)

  test('stats along an axis', async () => {
    const said = await limited('axis', ['stats', path, '--json', '--axis', '1'])
    if (said === '') return
    expect(JSON.parse(said)).toMatchObject({ shape: [1], min: [0], max: [LENGTH - 1] })
  }, 3_600_000)

  test('diff', async () => {
    const said = await limited('diff', ['diff', path, path, '--json'])
    if (said === '') return
    expect(JSON.parse(said)).toMatchObject({ equal: true, size: LENGTH })
  }, 3_600_000)

  test('a part to text, and all of it to raw bytes', async () => {
    if ((await limited('csv', ['slice', path, '..., ::16', out('a.csv')])) === '') return
    rmSync(out('a.csv'))
    await limited('raw', ['slice', path, '...', out('a.raw')])
    rmSync(out('a.raw'))
  }, 3_600_000)

  test('repack to another dtype, and back from a deflated archive', async () => {
    if ((await limited('cast', ['repack', path, out('n.npy'), '--astype', 'float32'])) === '') return
    {
      using a = open(out('n.npy'))
      expect(a.shape).toEqual([1, LENGTH])
      expect(a.get(0, 1_000_003)).toBe(1_000_003)
    }
    rmSync(out('n.npy'))
    await limited('deflate', ['repack', path, `${out('z.npz')}:x`, '--astype', 'int32', '--level', '1'])
    {
      using z = openNpz(out('z.npz'))
      expect(z.get('x').get(0, LENGTH - 7)).toBe(LENGTH - 7)
    }
    await limited('inflate', ['repack', `${out('z.npz')}:x`, out('s.npz')])
    await limited('inflate-npy', ['repack', `${out('z.npz')}:x`, out('b.npy')])
    using a = open(out('b.npy'))
    expect(a.get(0, LENGTH - 7)).toBe(LENGTH - 7)
    using z = openNpz(out('s.npz'))
    expect(z.get('x').get(0, LENGTH - 7)).toBe(LENGTH - 7)
  }, 3_600_000)
})
