// Reading with a checksum in one pass: right for any range, and told when the bytes are lost on the way.

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { savez } from '../../src/index.ts'
import { type Addon, loadAddon, type MappingHandle, MappingMode } from '../../src/native/binding.ts'
import { openNpz } from '../../src/npz/npz-file.ts'
import { MappedSource } from '../../src/storage/mapped.ts'

const addon = loadAddon() as Addon
const folder = mkdtempSync(join(tmpdir(), 'npymap-read-crc32-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PIECE = 256 * 1024
const content = Uint8Array.from({ length: 3 * PIECE + 17 }, (_, i) => (i * 2654435761) % 251)
const path = join(folder, 'content')
writeFileSync(path, content)

describe.skipIf(addon === null)('readCrc32', () => {
  it('gives the bytes and the CRC-32 of any range', async () => {
    const source = MappedSource.open(addon, path, 'r')
    const start = fc.integer({ min: 0, max: content.length })
    const length = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: PIECE - 2, max: 3 * PIECE }))
    await fc.assert(
      fc.asyncProperty(start, length, async (from, most) => {
        const expected = content.subarray(from, from + most)
        const into = new Uint8Array(expected.length)
        expect(await source.readCrc32(from, into)).toBe(expected.length === 0 ? 0 : zlib.crc32(expected))
        expect(Buffer.compare(into, expected)).toBe(0)
      }),
    )
    await expect(source.readCrc32(content.length, new Uint8Array(1))).rejects.toThrow(RangeError)
    await expect(source.readCrc32(-1, new Uint8Array(1))).rejects.toThrow(RangeError)
    source.close()
    await expect(source.readCrc32(0, new Uint8Array(1))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('checks in C what would be unsafe', () => {
    const { EBADF, EINVAL, ERANGE } = constants.errno
    const handle = addon.open(path, MappingMode.read, new Uint8Array(0)) as MappingHandle
    const refused = (...args: unknown[]) => (addon.readCrc32 as (...args: unknown[]) => unknown)(...args)
    expect(refused(handle, content.length, new Uint8Array(1))).toBe(-ERANGE)
    expect(refused(handle, -1, new Uint8Array(1))).toBe(-EINVAL)
    expect(refused(handle, 0, new Float32Array(1))).toBe(-EINVAL)
    expect(refused({}, 0, new Uint8Array(1))).toBe(-EINVAL)
    addon.close(handle)
    // A closed handle is an ordinary object.
    expect([-EBADF, -EINVAL]).toContain(refused(handle, 0, new Uint8Array(1)))
  })

  it('goes on when the source is closed meanwhile', async () => {
    const source = MappedSource.open(addon, path, 'r')
    const into = new Uint8Array(content.length)
    const reading = source.readCrc32(0, into)
    source.close()
    await reading.then(
      (crc) => expect(crc).toBe(zlib.crc32(content)),
      (error) => expect(error).toMatchObject({ code: 'ERR_CLOSED' }),
    )
  })

  it('a member whose archive is cut short is a FaultError, never zeros', async () => {
    const cut = join(folder, 'cut.npz')
    await savez(cut, { a: new Float64Array(4 * 1024 * 1024).fill(1.5) })
    const archive = openNpz(cut)
    truncateSync(cut, 10 * 1024 * 1024 + 100)
    await expect(archive.load('a')).rejects.toMatchObject({ code: 'ERR_FAULT', path: cut })
    await expect(archive.load('a', { verify: false })).rejects.toMatchObject({ code: 'ERR_FAULT', path: cut })
    archive.close()
  })
})
