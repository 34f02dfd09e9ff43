// Large members, inflated in several places at once: right, checked, and over when they say they are.

import { writeFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ClosedError, FormatError, IntegrityError, type NpzFile, openNpz } from '../../src/index.ts'
import { FflateInflater } from '../../src/storage/fflate-inflater.ts'
import { HeapSource } from '../../src/storage/heap.ts'
import { InflatePool } from '../../src/storage/inflate-pool.ts'
import { InflatedSource } from '../../src/storage/inflated.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'
import { chunkedPart, chunkOffsets, compressible, npyOf, type Part, zipOf } from './hand-made.ts'

const temporary = temporaryFolder()
const LENGTH = 5_000_000
const plain = compressible(LENGTH, seededRandom(21))
const image = npyOf('uint8', [LENGTH], plain)
const chunked = chunkedPart('chunked.npy', image, 262_144)
const foreign: Part = { name: 'foreign.npy', data: image, method: 8, packed: zlib.deflateRawSync(image, { level: 1 }) }
const keys = ['chunked', 'foreign']
let count = 0

function open(parts: readonly Part[] = [chunked, foreign]): NpzFile {
  const path = temporary(`${count++}.npz`)
  writeFileSync(path, zipOf(parts))
  return openNpz(path, { indexSpacing: 524_288, cacheByteLength: 1 << 20, mmap: count % 2 === 0 })
}

/** One byte of the compressed data changed, at this part of its length. */
function broken(part: Part, at: number): Part {
  const packed = Buffer.from(part.packed as Uint8Array)
  packed[Math.floor(packed.byteLength * at)]! ^= 0x10
  return { ...part, packed }
}

describe.each(keys)('%s', (key) => {
  it('is loaded and read, before and after it was passed', async () => {
    using z = open()
    for (let round = 0; round < 2; round++) {
      const loaded = await z.load(key)
      expectBytes(loaded.typedArray as Uint8Array, plain)
      expect((loaded.typedArray as Uint8Array).byteOffset % 64).toBe(0)
      expectBytes((await z.load(key, { verify: false })).toBytes(), plain)
      expectBytes(await z.get(key).read(), plain)
      await z.buildIndex(key)
      expectBytes(await z.get(key).slice('123456:4876543').read(), plain.subarray(123_456, 4_876_543))
      const backwards = plain.subarray(2_000_001, 3_000_001).toReversed()
      expectBytes(z.get(key).slice('3000000:2000000:-1').toTypedArray(), backwards)
    }
  })

  it('is read by many at once', async () => {
    using z = open()
    const random = seededRandom(4)
    const array = z.get(key)
    await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const start = Math.floor(random() * LENGTH * 0.6)
        const stop = start + Math.floor(random() * LENGTH * 0.4)
        if (i % 4 === 0) expectBytes((await z.load(key)).toBytes(), plain)
        else expectBytes(await array.slice(`${start}:${stop}`).read(), plain.subarray(start, stop))
        const at = Math.floor(random() * LENGTH)
        expect(array.get(at)).toBe(plain[at])
      }),
    )
  })

  it('that is broken is refused by load, wherever that is', async () => {
    const part = key === 'chunked' ? chunked : foreign
    for (const at of [0.01, 0.3, 0.5, 0.99]) {
      using z = open([broken(part, at)])
      for (const sliceFirst of [false, true]) {
        if (sliceFirst) await z.buildIndex(key).catch(() => {})
        const error = await rejectionOf(z.load(key))
        expect(error instanceof IntegrityError || error instanceof FormatError).toBe(true)
        expect(error).toMatchObject({ member: `${key}.npy`, path: z.path })
      }
    }
    using z = open([{ ...part, crc: 5 }])
    for (let round = 0; round < 2; round++) expect(await rejectionOf(z.load(key))).toBeInstanceOf(IntegrityError)
    expectBytes((await z.load(key, { verify: false })).toBytes(), plain)
  })

  it('stays usable where another part is broken', async () => {
    using z = open([broken(key === 'chunked' ? chunked : foreign, 0.9)])
    expectBytes(z.get(key).slice(':3000000').toTypedArray(), plain.subarray(0, 3_000_000))
    expect(await rejectionOf(z.load(key))).toBeInstanceOf(Error)
  })

  it('can be given up and closed half-way, and nothing is written after that', async () => {
    for (const end of ['abort', 'close'] as const) {
      using z = open()
      await z.buildIndex(key)
      const array = z.get(key)
      const out = new Uint8Array(LENGTH)
      const controller = new AbortController()
      const reading = array.read({ out, signal: controller.signal }).then(
        () => null,
        (error: unknown) => error,
      )
      const loading = z.load(key, { signal: controller.signal }).then(
        () => null,
        (error: unknown) => error,
      )
      await new Promise((resolve) => setImmediate(resolve))
      if (end === 'abort') controller.abort()
      else z.close()
      for (const result of [await reading, await loading]) {
        if (result === null) continue
        if (end === 'close') expect(result).toBeInstanceOf(ClosedError)
        else expect(result).toMatchObject({ name: 'AbortError' })
      }
      const before = zlib.crc32(out)
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(zlib.crc32(out)).toBe(before)
    }
  })

  it('is right after a reader gave up in the middle', async () => {
    for (let delay = 0; delay < 6; delay++) {
      using z = open()
      const array = z.get(key)
      const controller = new AbortController()
      const loading = z.load(key, { signal: controller.signal }).catch(() => null)
      const deadline = performance.now() + 2 * delay
      while (performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      await loading
      for (let at = 0; at < LENGTH; at += 500_000) {
        expectBytes(array.slice(`${at}:${at + 1000}`).toTypedArray(), plain.subarray(at, at + 1000), `${delay} ${at}`)
      }
    }
  })
})

/** Inflates well, and slowly where it is asynchronous; tells how many are at work. */
class SlowInflater extends FflateInflater {
  static atWork = 0

  override async runAsync(...args: Parameters<FflateInflater['run']>): Promise<number> {
    SlowInflater.atWork++
    await new Promise((resolve) => setTimeout(resolve, 1 + (SlowInflater.atWork % 4) * 4))
    SlowInflater.atWork--
    return this.run(...args)
  }
}

it('is over only when nobody writes to the memory any more', async () => {
  const { packed, name } = chunked
  const offsets = chunkOffsets(chunked)
  // One of the places where work begins is none: that is known at once, and the others are in the middle of theirs.
  offsets[8]! += 1
  const source = new InflatedSource(
    {
      source: new HeapSource(Uint8Array.from(packed as Uint8Array)),
      byteOffset: 0,
      compressedByteLength: packed!.byteLength,
      uncompressedByteLength: image.byteLength,
      crc32: zlib.crc32(image),
      member: name,
      chunks: () => ({ chunkByteLength: 262_144, chunkByteOffsets: Float64Array.from(offsets) }),
    },
    new InflatePool({ cacheByteLength: 1 << 20, indexSpacing: 1 << 20 }, () => new SlowInflater(), true),
  )
  const reading = source.readAround(0, new Uint8Array(image.byteLength), { crc: 'own' })
  await expect.poll(() => SlowInflater.atWork, { interval: 1 }).toBe(3)
  expect(await rejectionOf(reading)).toBeInstanceOf(FormatError)
  expect(SlowInflater.atWork).toBe(0)
})
