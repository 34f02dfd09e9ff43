// The file beside an archive that keeps access points: who believes it, and when.

import { chmodSync, existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type NpzOptions, openNpz } from '../../src/index.ts'
import { hasNativeInflate } from '../../src/storage/inflater.ts'
import { expectBytes, seededRandom, temporaryFolder } from '../support/sources.ts'
import { compressible, npyOf, type Part, zipOf } from './hand-made.ts'

const temporary = temporaryFolder()
const LENGTH = 1_500_000
const plain = compressible(LENGTH, seededRandom(5))
const image = npyOf('uint8', [LENGTH], plain)

function write(name: string, ...parts: Part[]): string {
  const path = temporary(name)
  writeFileSync(path, zipOf(parts))
  return path
}

describe.runIf(hasNativeInflate())('the file that keeps access points', () => {
  const options: NpzOptions = { indexCache: true, indexSpacing: 65_536 }
  const part: Part = { name: 'x.npy', data: image, method: 8, packed: zlib.deflateRawSync(image, { memLevel: 4 }) }

  async function indexed(name: string): Promise<{ path: string; index: string }> {
    const path = write(name, part, { ...part, name: 'y.npy' })
    using z = openNpz(path, options)
    await z.buildIndex('x')
    return { path, index: `${path}.npymap-index` }
  }

  function isKnown(path: string, key = 'x'): boolean {
    using z = openNpz(path, options)
    const { seekable } = z.info(key)
    expectBytes(z.get(key).slice('1234567:1238567').toTypedArray(), plain.subarray(1_234_567, 1_238_567))
    return seekable
  }

  it('makes the next opening seekable', async () => {
    const { path, index } = await indexed('kept.npz')
    expect(existsSync(index)).toBe(true)
    expect([isKnown(path, 'x'), isKnown(path, 'y')]).toEqual([true, false])
    {
      using z = openNpz(path, options)
      expectBytes((await z.load('x')).toBytes(), plain)
      await z.buildIndex('y')
    }
    expect([isKnown(path, 'x'), isKnown(path, 'y')]).toEqual([true, true])
    expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('comes of reading to the end, too', async () => {
    const path = write('passed.npz', part)
    {
      using z = openNpz(path, options)
      expectBytes(await z.get('x').read(), plain)
    }
    await expect.poll(() => existsSync(`${path}.npymap-index`)).toBe(true)
    expect(isKnown(path)).toBe(true)
  })

  it('is not made unless it is asked for', async () => {
    const path = write('unasked.npz', part)
    using z = openNpz(path)
    await z.buildIndex('x')
    expect(existsSync(`${path}.npymap-index`)).toBe(false)
  })

  it('is not readable by more people than the archive', async () => {
    const path = write('private.npz', part)
    chmodSync(path, 0o600)
    using z = openNpz(path, options)
    await z.buildIndex('x')
    expect(statSync(`${path}.npymap-index`).mode % 0o1000).toBe(0o600)
  })

  it('is not believed for another archive, or another time', async () => {
    const { path } = await indexed('touched.npz')
    const bytes = readFileSync(path)
    utimesSync(path, new Date(), new Date(1_700_000_000_000))
    expect(isKnown(path)).toBe(false)
    const longer = await indexed('longer.npz')
    writeFileSync(longer.path, Buffer.concat([bytes, Buffer.from('x')]))
    expect(isKnown(longer.path)).toBe(false)
  })

  it('is not believed when a byte of it is wrong, or the end missing', async () => {
    const { path, index } = await indexed('broken.npz')
    const bytes = readFileSync(index)
    for (const at of [0, 9, 13, 17, 25, 33, 41, 60, 70, 100, 5000, bytes.byteLength - 1]) {
      const broken = Buffer.from(bytes)
      broken[at]! ^= 1
      writeFileSync(index, broken)
      expect([at, isKnown(path)]).toEqual([at, false])
    }
    for (const length of [0, 10, 39, 40, 90, bytes.byteLength - 1]) {
      writeFileSync(index, bytes.subarray(0, length))
      expect([length, isKnown(path)]).toEqual([length, false])
    }
  })

  it('with points that lie outside is not believed', async () => {
    const { path, index } = await indexed('outside.npz')
    const bytes = readFileSync(index)
    for (const [at, value] of [
      [72, -1],
      [72, 1e15],
      [80, 1e15],
      [80, Number.NaN],
      [72, 70_000.5],
      [80, 1000.5],
    ] as const) {
      const wrong = Buffer.from(bytes)
      wrong.writeDoubleLE(value, at)
      wrong.writeUInt32LE(zlib.crc32(wrong.subarray(16)), 12)
      writeFileSync(index, wrong)
      expect([at, value, isKnown(path)]).toEqual([at, value, false])
    }
  })

  it.runIf(process.getuid?.() !== 0)('may be missing where the folder is not writable', async () => {
    const path = write('readonly.npz', part)
    chmodSync(dirname(path), 0o500)
    try {
      using z = openNpz(path, options)
      await z.buildIndex('x')
      expect(z.info('x').seekable).toBe(true)
    } finally {
      chmodSync(dirname(path), 0o700)
    }
  })
})
