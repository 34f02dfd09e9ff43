// Blocks inflated straight from a mapping: as from memory, refused where they are not what they are said to be, and told when
// the bytes are lost on the way.

import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { savezCompressed } from '../../src/index.ts'
import { type Addon, BlockKind, loadAddon, type MappingHandle, MappingMode } from '../../src/native/binding.ts'
import { openNpz } from '../../src/npz/npz-file.ts'
import { inflateBlocks } from '../../src/storage/block-inflater.ts'
import { MappedSource } from '../../src/storage/mapped.ts'
import { runLater, runNow } from '../../src/storage/steps.ts'

const { EBADF, EILSEQ, EINVAL, ENOMEM } = constants.errno
const addon = loadAddon() as Addon
const hasCodec = (addon?.codec ?? null) !== null
const folder = mkdtempSync(join(tmpdir(), 'npymap-inflate-blocks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MARK = Uint8Array.of(0x00, 0x00, 0xff, 0xff)
const CHUNK = 10_000
const PLAIN = Uint8Array.from({ length: 5 * CHUNK + 77 }, (_, i) => (i * i) % 253)
const HEAD = 13

const DAMAGED = expect.stringMatching(/^ERR_(INTEGRITY|FORMAT)$/)

interface Packed {
  readonly path: string
  /** Of every chunk, where it begins and ends in the file. */
  readonly ends: readonly (readonly [number, number])[]
}

/** A file of a few bytes, and then chunks that inflate alone. */
function pack(name: string): Packed {
  const path = join(folder, name)
  const parts: Uint8Array[] = [new Uint8Array(HEAD)]
  const ends: [number, number][] = []
  let at = HEAD
  for (let start = 0; start < PLAIN.length; start += CHUNK) {
    const last = start + CHUNK >= PLAIN.length
    const finishFlush = last ? zlib.constants.Z_FINISH : zlib.constants.Z_SYNC_FLUSH
    const chunk = zlib.deflateRawSync(PLAIN.subarray(start, start + CHUNK), { finishFlush })
    parts.push(chunk)
    ends.push([at, at + chunk.byteLength])
    at += chunk.byteLength
  }
  writeFileSync(path, Buffer.concat(parts))
  return { path, ends }
}

function numbersOf({ ends }: Packed, first: number, stop: number): Float64Array {
  return Float64Array.from(
    ends.slice(first, stop).flatMap(([start, end], i) => {
      const chunk = first + i
      const kind = (chunk === 0 ? BlockKind.begins : 0) + (chunk === ends.length - 1 ? BlockKind.ends : 0)
      const length = Math.min(CHUNK, PLAIN.length - chunk * CHUNK)
      return [start, end, i * CHUNK, i * CHUNK + length, kind]
    }),
  )
}

describe.runIf(addon !== null && hasCodec)('inflateBlocks of a mapping', () => {
  it('gives any run of chunks, with the CRC-32 of each, on this thread and off it', async () => {
    const packed = pack('chunks')
    const source = MappedSource.open(addon, packed.path, 'r')
    const chunk = fc.integer({ min: 0, max: packed.ends.length })
    await fc.assert(
      fc.asyncProperty(chunk, chunk, fc.boolean(), async (one, other, later) => {
        const [first, stop] = [Math.min(one, other), Math.max(one, other)]
        const plain = PLAIN.subarray(first * CHUNK, stop * CHUNK)
        const output = new Uint8Array(plain.length)
        const numbers = numbersOf(packed, first, stop)
        const work = { output, numbers, withCrc: true, before: MARK }
        expect(later ? await source.inflateBlocksAsync(work) : source.inflateBlocks(work)).toBe(0)
        expect(Buffer.compare(output, plain)).toBe(0)
        for (let i = 0; i < stop - first; i++) {
          expect(numbers[5 * i + 4]).toBe(zlib.crc32(plain.subarray(i * CHUNK, (i + 1) * CHUNK)))
        }
      }),
    )
    source.close()
    expect(() =>
      source.inflateBlocks({ output: PLAIN, numbers: new Float64Array(0), withCrc: false, before: MARK }),
    ).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })

  it('refuses a block that does not stand behind the mark, and ranges outside the file', async () => {
    const packed = pack('refused')
    const handle = addon.open(packed.path, MappingMode.read, new Uint8Array(0)) as MappingHandle
    const output = new Uint8Array(CHUNK)
    const [start, end] = packed.ends[2]!
    const run = async (numbers: number[], before: Uint8Array = MARK): Promise<number> => {
      // The numbers are written to: each run has its own.
      const status = addon.inflateBlocks(handle, output, Float64Array.from(numbers), false, before)
      expect(await addon.inflateBlocksAsync(handle, output, Float64Array.from(numbers), false, before)).toBe(status)
      return status
    }
    expect(await run([start, end, 0, CHUNK, BlockKind.middle])).toBe(0)
    expect(await run([start, end, 0, CHUNK, BlockKind.middle], Uint8Array.of(1, 2, 3))).toBe(-EILSEQ)
    expect(await run([start, end, 0, CHUNK, BlockKind.begins], Uint8Array.of(1, 2, 3))).toBe(0)
    expect(await run([start, end - 1, 0, CHUNK, BlockKind.middle])).toBe(-EILSEQ)
    expect(await run([3, end, 0, CHUNK, BlockKind.middle])).toBe(-EINVAL)
    const { size } = statSync(packed.path)
    expect(await run([size - 10, size + 1, 0, CHUNK, BlockKind.middle])).toBe(-EINVAL)
    expect(await run([size, size, 0, 0, BlockKind.middle])).toBe(-EILSEQ)
    addon.close(handle)
    expect([-EBADF, -EINVAL]).toContain(await run([start, end, 0, CHUNK, BlockKind.middle]))
  })

  it('goes on when the source is closed meanwhile', async () => {
    const packed = pack('closed')
    const source = MappedSource.open(addon, packed.path, 'r')
    const output = new Uint8Array(PLAIN.length)
    const numbers = numbersOf(packed, 0, packed.ends.length)
    const work = source.inflateBlocksAsync({ output, numbers, withCrc: false, before: MARK })
    source.close()
    await work.then(
      (status) => {
        expect(status).toBe(0)
        expect(Buffer.compare(output, PLAIN)).toBe(0)
      },
      (error) => expect(error).toMatchObject({ code: 'ERR_CLOSED' }),
    )
  })

  it('memory that cannot be had is an OsError that names the file', async () => {
    const source = MappedSource.open(addon, pack('no-memory').path, 'r')
    source.inflateBlocks = () => -ENOMEM
    source.inflateBlocksAsync = async () => -ENOMEM
    const block = { start: HEAD, end: HEAD + 10, outputStart: 0, outputEnd: 10, first: true, last: true }
    const work = {
      source,
      blocks: [block],
      output: new Uint8Array(10),
      before: MARK,
      withCrc: false,
      spare: null,
    }
    const expected = { code: 'ENOMEM', errno: -ENOMEM, path: source.path }
    expect(() => runNow(inflateBlocks(work))).toThrow(expect.objectContaining(expected))
    await expect(runLater(inflateBlocks(work), () => {})).rejects.toMatchObject(expected)
    source.close()
  })

  it('a member whose archive is cut short is a FaultError, loaded or read, whether it is checked or not', async () => {
    const path = join(folder, 'cut.npz')
    const values = Float64Array.from({ length: 1024 * 1024 }, (_, i) => Math.sin(i))
    const verified = [true, false]
    for (const verify of verified) {
      await savezCompressed(path, { a: values })
      const archive = openNpz(path)
      truncateSync(path, 2 * 1024 * 1024 + 100)
      await expect(archive.load('a', { verify })).rejects.toMatchObject({ code: 'ERR_FAULT', path })
      archive.close()
    }
    await savezCompressed(path, { a: values })
    const archive = openNpz(path)
    const array = archive.get('a')
    truncateSync(path, 2 * 1024 * 1024 + 100)
    expect(() => array.slice(`${values.length - 4}:`).toTypedArray()).toThrow(
      expect.objectContaining({ code: 'ERR_FAULT' }),
    )
    archive.close()
  })

  it('a member in one stream is inflated where it is mapped; cut short or changed meanwhile, that is told', async () => {
    const path = join(folder, 'whole.npz')
    const values = Float64Array.from({ length: 1024 * 1024 }, (_, i) => Math.sin(i))
    // One block: no chunks, as in archives by others.
    const one = { blockByteLength: 16 * 1024 * 1024 }
    await savezCompressed(path, { a: values }, one)
    const archive = openNpz(path)
    const loaded = (await archive.load('a')).toBytes()
    expect(Buffer.compare(loaded, new Uint8Array(values.buffer))).toBe(0)
    const bytes = readFileSync(path)
    const loads = Array.from({ length: 4 }, () =>
      archive.load('a').then(
        () => 'loaded',
        (error: unknown) => error,
      ),
    )
    for (let at = 1024; at < bytes.length - 1024; at += 4096) bytes[at]! ^= 0x5a
    writeFileSync(path, bytes, { flag: 'r+' })
    for (const error of await Promise.all(loads)) {
      if (typeof error !== 'string') expect(error).toMatchObject({ code: DAMAGED, path })
    }
    await expect(archive.load('a')).rejects.toMatchObject({ code: DAMAGED, path })
    truncateSync(path, 2 * 1024 * 1024 + 100)
    await expect(archive.load('a')).rejects.toMatchObject({ code: 'ERR_FAULT', path })
    archive.close()
  })
})
