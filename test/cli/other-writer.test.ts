// A file that somebody appends to does not get another in its place.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { load, NpyWriter, NpzWriter, openNpz, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap, output } from './command.ts'

const inFolder = temporaryFolder()

describe.skipIf(loadAddon() === null)('repack and slice', () => {
  test('over an .npy file that is appended to', async () => {
    const [from, to] = [inFolder('from.npy'), inFolder('to.npy')]
    await save(from, [1, 2, 3])
    await save(to, [4])
    const writer = await NpyWriter.append(to)
    for (const written of [false, true]) {
      if (written) await writer.checkpoint()
      for (const args of [
        ['repack', from, to],
        ['repack', to, to, '--astype', 'float32'],
        ['slice', from, '0', to],
      ]) {
        expect(await npymap(args)).toMatchObject({ code: 3, stderr: expect.stringContaining('another writer') })
      }
      await writer.write(Float64Array.of(5))
    }
    await writer.close()
    expect((await load(to)).toArray()).toEqual([4, 5, 5])
    const old = readFileSync(to)
    expect((await npymap(['repack', to, to, '--astype', 'uint8', '--level', '3'])).code).toBe(2)
    expect(readFileSync(to).equals(old)).toBe(true)
    await output('repack', from, to)
    expect((await load(to)).toArray()).toEqual([1, 2, 3])
  })

  test('over an archive that is appended to', async () => {
    const [from, to] = [inFolder('from.npy'), inFolder('to.npz')]
    await save(from, [1, 2, 3])
    await savez(to, { a: [1] })
    const writer = await NpzWriter.append(to)
    await writer.write('b', [2])
    for (const args of [
      ['repack', from, to],
      ['repack', to, to],
      ['slice', from, '0', to],
    ]) {
      expect(await npymap(args)).toMatchObject({ code: 3, stderr: expect.stringContaining('another writer') })
    }
    await writer.close()
    using z = openNpz(to)
    expect([...z.keys()]).toEqual(['a', 'b'])
  })
})
