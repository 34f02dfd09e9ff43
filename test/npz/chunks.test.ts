// Seekable members by whole chunks: every byte range through the cache and around it, checksums once all was seen, and what is
// said when the chunks are not what the index says.

import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IntegrityError, openNpz } from '../../src/index.ts'
import { hasBlockCodec } from '../../src/storage/block-inflater.ts'
import type { Region } from '../../src/storage/byte-source.ts'
import { HeapSource } from '../../src/storage/heap.ts'
import { InflatePool } from '../../src/storage/inflate-pool.ts'
import { InflatedSource } from '../../src/storage/inflated.ts'
import { newInflater } from '../../src/storage/inflater.ts'
import { expectBytes, seededRandom, temporaryFolder } from '../support/sources.ts'
import { chunkedPart, chunkOffsets, compressible, npyOf, zipOf } from './hand-made.ts'

const temporary = temporaryFolder()
const LENGTH = 700_001
const plain = compressible(LENGTH, seededRandom(5))
const SIZES = [4096, 32_768, 65_536, 100_000, 262_144, 699_999]
const parts = new Map(SIZES.map((size) => [size, chunkedPart('x', plain, size)]))

interface Lies {
  readonly crc32?: number
  readonly packed?: Uint8Array
  readonly offsets?: Float64Array
}

function sourceOf(size: number, cacheByteLength: number, lies: Lies = {}): InflatedSource {
  const part = parts.get(size)!
  const packed = Uint8Array.from(lies.packed ?? part.packed!)
  const chunkByteOffsets = lies.offsets ?? Float64Array.from(chunkOffsets(part))
  return new InflatedSource(
    {
      source: new HeapSource(packed as Uint8Array<ArrayBuffer>),
      byteOffset: 0,
      compressedByteLength: packed.byteLength,
      uncompressedByteLength: LENGTH,
      crc32: lies.crc32 ?? CRC,
      member: 'x',
      chunks: () => ({ chunkByteLength: size, chunkByteOffsets }),
    },
    new InflatePool({ cacheByteLength, indexSpacing: 1 << 20 }, newInflater, true, true),
  )
}

const CRC = crcOf(plain)

function crcOf(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

const range = (byteOffset: number, byteLength: number): Region => ({
  byteOffset,
  shape: [],
  byteStrides: [],
  itemSize: byteLength,
})

describe.runIf(hasBlockCodec())('whole chunks', () => {
  it('give any range, through the cache and around it, on this thread and others', async () => {
    const place = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
    const property = fc.asyncProperty(
      fc.constantFrom(...SIZES),
      fc.constantFrom(0, 70_000, 300_000, 4_000_000),
      fc.array(fc.tuple(place, fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 12 }),
      async (size, cacheByteLength, reads) => {
        const source = sourceOf(size, cacheByteLength)
        const all = reads.map(async ([[a, b], short, later]) => {
          const byteOffset = Math.floor(a * LENGTH)
          const byteLength = Math.floor(b * (LENGTH - byteOffset) * (short ? 0.02 : 1))
          const bytes = new Uint8Array(byteLength)
          if (later) await source.gatherAsync(range(byteOffset, byteLength), bytes, 1)
          else source.read(byteOffset, bytes)
          expectBytes(bytes, plain.subarray(byteOffset, byteOffset + byteLength))
        })
        await Promise.all(all)
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })

  it.each(SIZES)('of %i bytes: the CRC-32 of any range', async (size) => {
    const source = sourceOf(size, 1 << 20)
    for (const [start, stop] of [
      [0, LENGTH],
      [1, LENGTH],
      [0, size],
      [size >> 1, LENGTH - 7],
      [size, size],
      [5, 9],
    ] as const) {
      const bytes = new Uint8Array(stop - start)
      expect(await source.readAround(start, bytes, { crc: 'own' })).toBe(crcOf(plain.subarray(start, stop)))
      expectBytes(bytes, plain.subarray(start, stop))
      expect(await source.readAround(start, bytes.fill(0), { crc: 'none' })).toBe(0)
      expectBytes(bytes, plain.subarray(start, stop))
    }
  })

  it.each([131_072, 1 << 20])(
    'are checked against the CRC-32 once all were seen, in any order (cache of %i)',
    (cache) => {
      const source = sourceOf(65_536, cache, { crc32: CRC ^ 1 })
      const bytes = new Uint8Array(65_536)
      for (const chunk of [3, 9, 1, 0, 4, 10, 3, 5, 8, 2, 7]) {
        const byteOffset = chunk * 65_536
        source.read(byteOffset, bytes.subarray(0, Math.min(40_000, LENGTH - byteOffset)))
      }
      expect(source.damaged).toBe(false)
      expect(() => source.read(6 * 65_536, bytes)).toThrow(IntegrityError)
      expect(source.damaged).toBe(true)
      expect(() => source.read(0, bytes)).toThrow(/crc-32: expected/)
    },
  )

  it('a bit flipped anywhere: a typed error, or equal data where it means nothing', async () => {
    const image = npyOf('uint8', [40_000], plain.subarray(0, 40_000))
    const part = chunkedPart('x.npy', image, 8192)
    const random = seededRandom(8)
    const seen = new Map<string, number>()
    for (let round = 0; round < 400; round++) {
      const packed = Buffer.from(part.packed as Uint8Array)
      packed[Math.floor(random() * packed.byteLength)]! ^= 1 << Math.floor(random() * 8)
      const path = temporary('flipped.npz')
      writeFileSync(path, zipOf([{ ...part, packed }]))
      using z = openNpz(path)
      const loaded = await z.load('x').catch((error: Error & { member?: string }) => error)
      if (!(loaded instanceof Error)) {
        expectBytes(loaded.toBytes(), plain.subarray(0, 40_000))
        seen.set('equal', (seen.get('equal') ?? 0) + 1)
        continue
      }
      const error = loaded
      expect(['FormatError', 'IntegrityError'], String(error)).toContain(error.name)
      expect(error.member).toBe('x.npy')
      seen.set(error.name, (seen.get(error.name) ?? 0) + 1)
    }
    expect(seen.get('equal') ?? 0).toBeLessThan(20)
    expect(seen.size).toBeGreaterThan(1)
  })

  it('that are not where the index says are named, and the rest is read', () => {
    const offsets = Float64Array.from(chunkOffsets(parts.get(65_536)!))
    offsets[4] = offsets[4]! + 3
    const source = sourceOf(65_536, 1 << 20, { offsets })
    const bytes = new Uint8Array(100)
    expect(() => source.read(4 * 65_536 + 50_000, bytes)).toThrow(/seek index|deflate stream/)
    for (const chunk of [3, 5]) {
      source.read(chunk * 65_536 + 50_000, bytes)
      expectBytes(bytes, plain.subarray(chunk * 65_536 + 50_000, chunk * 65_536 + 50_100))
    }
  })

  it('are inflated once while they are in the cache', () => {
    const source = sourceOf(65_536, 1 << 20)
    const bytes = new Uint8Array(10)
    source.read(200_000, bytes)
    expect(source.residentByteLength(0, LENGTH)).toBe(65_536)
    expect(source.residentByteLength(200_000, 10)).toBe(10)
    source.read(260_000, bytes)
    source.read(262_140, bytes)
    expect(source.residentByteLength(0, LENGTH)).toBe(2 * 65_536)
  })
})
