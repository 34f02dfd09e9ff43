// Bytes of deflated members at any place and in any order, from every kind of deflate stream, with zlib and with fflate.

import { writeFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import * as fflate from 'fflate'
import { afterAll, describe, expect, it, test } from 'vitest'
import { ClosedError, IntegrityError } from '../../src/index.ts'
import { hasBlockCodec } from '../../src/storage/block-inflater.ts'
import type { ByteSource, Region } from '../../src/storage/byte-source.ts'
import { FflateInflater } from '../../src/storage/fflate-inflater.ts'
import { HeapSource } from '../../src/storage/heap.ts'
import { InflatePool } from '../../src/storage/inflate-pool.ts'
import { InflatedSource } from '../../src/storage/inflated.ts'
import { hasNativeInflate, newInflater } from '../../src/storage/inflater.ts'
import { openSource } from '../../src/storage/open-source.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'
import { chunkedPart, chunkOffsets, compressible } from './hand-made.ts'

const temporary = temporaryFolder()
const LENGTH = 300_001
const plain = compressible(LENGTH, seededRandom(1))
const chunked = chunkedPart('x', plain, 32_768)

const { constants } = zlib
/** The same bytes from everything that deflates. */
const streams: Record<string, Uint8Array> = {
  'level 0': zlib.deflateRawSync(plain, { level: 0 }),
  'level 1': zlib.deflateRawSync(plain, { level: 1 }),
  'level 6': zlib.deflateRawSync(plain, { level: 6 }),
  'level 9': zlib.deflateRawSync(plain, { level: 9 }),
  'small blocks': zlib.deflateRawSync(plain, { level: 6, memLevel: 1 }),
  'fixed codes': zlib.deflateRawSync(plain, { strategy: constants.Z_FIXED }),
  'runs only': zlib.deflateRawSync(plain, { strategy: constants.Z_RLE }),
  'small window': zlib.deflateRawSync(plain, { windowBits: 9 }),
  fflate: fflate.deflateSync(plain, { level: 6 }),
  chunks: chunked.packed as Uint8Array,
}

interface Engine {
  readonly name: string
  pool(cacheByteLength: number): InflatePool
}

const SPACING = 20_000
const engines: Engine[] = [
  {
    name: 'fflate',
    pool: (cacheByteLength) =>
      new InflatePool({ cacheByteLength, indexSpacing: SPACING }, () => new FflateInflater(), false),
  },
]
for (const inBlocks of [false, true]) {
  if (!hasNativeInflate() || (inBlocks && !hasBlockCodec())) continue
  const pool = (cacheByteLength: number): InflatePool =>
    new InflatePool({ cacheByteLength, indexSpacing: SPACING }, newInflater, true, inBlocks)
  engines.push({ name: inBlocks ? 'zlib and whole chunks' : 'zlib', pool })
}

const opened: ByteSource[] = []
afterAll(() => {
  for (const source of opened) source.close()
})

/** The stream behind a few other bytes, mapped, read with pread, or in memory. */
function sourceOf(packed: Uint8Array, kind: 'mapped' | 'file' | 'heap'): ByteSource {
  const bytes = Uint8Array.from(Buffer.concat([Buffer.alloc(13, 'x'), packed, Buffer.alloc(9, 'y')]))
  if (kind === 'heap') return new HeapSource(bytes)
  const path = temporary(`${opened.length}.bin`)
  writeFileSync(path, bytes)
  const source = openSource(path, { mode: 'r', mmap: kind === 'mapped' })
  opened.push(source)
  return source
}

function inflatedOf(
  stream: string,
  pool: InflatePool,
  kind: 'mapped' | 'file' | 'heap' = 'heap',
  lies: { crc32?: number; uncompressedByteLength?: number; packed?: Uint8Array } = {},
): InflatedSource {
  const packed = lies.packed ?? (streams[stream] as Uint8Array)
  const offsets = Float64Array.from(chunkOffsets(chunked))
  return new InflatedSource(
    {
      source: sourceOf(packed, kind),
      byteOffset: 13,
      compressedByteLength: packed.byteLength,
      uncompressedByteLength: lies.uncompressedByteLength ?? LENGTH,
      crc32: lies.crc32 ?? zlib.crc32(plain),
      member: 'x',
      chunks: () => (stream === 'chunks' ? { chunkByteLength: 32_768, chunkByteOffsets: offsets } : null),
    },
    pool,
  )
}

const range = (byteOffset: number, byteLength: number): Region => ({
  byteOffset,
  shape: [],
  byteStrides: [],
  itemSize: byteLength,
})

describe.each(engines)('$name', (engine) => {
  test.each(Object.keys(streams))('%s, from end to end', async (stream) => {
    const source = inflatedOf(stream, engine.pool(1 << 20), 'mapped')
    const bytes = new Uint8Array(LENGTH)
    source.read(0, bytes)
    expectBytes(bytes, plain)
    await source.gatherAsync(range(0, LENGTH), bytes.fill(0), 1)
    expectBytes(bytes, plain)
    bytes.fill(0)
    for (let at = 0; at < LENGTH; at += 9973) source.read(at, bytes.subarray(at, at + 9973))
    expectBytes(bytes, plain)
  })

  test.each(Object.keys(streams))('%s, anywhere, sync and async at the same time', async (stream) => {
    const random = seededRandom(stream.length)
    const rounds = engine.name === 'fflate' ? 2 : 8
    for (const cacheByteLength of [0, 70_000, 300_000]) {
      const source = inflatedOf(stream, engine.pool(cacheByteLength), cacheByteLength === 0 ? 'file' : 'mapped')
      const place = (): [number, number] => {
        const byteLength = Math.floor(random() ** 4 * 100_000)
        return [Math.floor(random() * (LENGTH - byteLength)), byteLength]
      }
      for (let round = 0; round < rounds; round++) {
        const waiting = Array.from({ length: 4 }, async () => {
          const [byteOffset, byteLength] = place()
          const bytes = new Uint8Array(byteLength)
          await source.gatherAsync(range(byteOffset, byteLength), bytes, 1)
          expectBytes(bytes, plain.subarray(byteOffset, byteOffset + byteLength))
        })
        for (let i = 0; i < 4; i++) {
          const [byteOffset, byteLength] = place()
          const bytes = new Uint8Array(byteLength)
          source.read(byteOffset, bytes)
          expectBytes(bytes, plain.subarray(byteOffset, byteOffset + byteLength))
          const at = Math.floor(random() * LENGTH)
          expect(source.readElement((view, offset) => view.getUint8(offset), at, 1)).toBe(plain[at])
        }
        await Promise.all(waiting)
      }
    }
  })

  it('gathers backwards and in strides', async () => {
    const source = inflatedOf('level 6', engine.pool(200_000))
    const regions: Region[] = [
      { byteOffset: LENGTH - 1, shape: [LENGTH], byteStrides: [-1], itemSize: 1 },
      { byteOffset: 7, shape: [300, 40], byteStrides: [997, 13], itemSize: 4 },
      { byteOffset: 7 + 997 * 299, shape: [300, 40], byteStrides: [-997, 13], itemSize: 4 },
      { byteOffset: 5 + 39 * 13, shape: [40, 30], byteStrides: [-13, 9_001], itemSize: 2 },
      { byteOffset: 5, shape: [0, 30], byteStrides: [-13, 9_001], itemSize: 2 },
    ]
    const whole = new HeapSource(Uint8Array.from(plain))
    for (const region of regions) {
      const byteLength = region.shape.reduce((product, extent) => product * extent, region.itemSize)
      const [expected, actual] = [new Uint8Array(byteLength), new Uint8Array(byteLength)]
      whole.gather(region, expected, region.itemSize)
      source.gather(region, actual, region.itemSize)
      expectBytes(actual, expected)
      await source.gatherAsync(region, actual.fill(0), region.itemSize)
      expectBytes(actual, expected)
    }
  })

  it('never holds more pages than the cache may', async () => {
    const pool = engine.pool(200_000)
    const source = inflatedOf('level 6', pool)
    const random = seededRandom(3)
    for (let i = 0; i < 40; i++) {
      source.read(Math.floor(random() * (LENGTH - 500)), new Uint8Array(500))
      expect(pool.cache.heldByteLength).toBeLessThanOrEqual(200_000)
    }
    expect(pool.cache.heldByteLength).toBeGreaterThan(60_000)
    await source.prefetch(100_000, 50_000)
    expect(source.residentByteLength(100_000, 50_000)).toBe(50_000)
    pool.close()
    expect(pool.cache.heldByteLength).toBe(0)
  })

  it.each(['level 6', 'chunks'])('knows a wrong CRC-32 at the end of %s, and from then on', async (stream) => {
    const source = inflatedOf(stream, engine.pool(200_000), 'heap', { crc32: 1 })
    const bytes = new Uint8Array(LENGTH)
    source.read(0, bytes.subarray(0, 200_000))
    expectBytes(bytes.subarray(0, 200_000), plain.subarray(0, 200_000))
    for (let tries = 0; tries < 2; tries++) {
      const call = (): void => source.read(200_000, bytes.subarray(200_000))
      expect(call).toThrow(IntegrityError)
      expect(call).toThrow(/^crc-32: expected 00000001, got [0-9a-f]{8} \(in "x"\)$/)
    }
    expect(await rejectionOf(source.gatherAsync(range(0, 1), bytes.subarray(0, 1), 1))).toBeInstanceOf(IntegrityError)
  })

  it.each([LENGTH - 1, LENGTH + 1, LENGTH - 70_000])('knows that it has not %d bytes', (uncompressedByteLength) => {
    for (const stream of ['level 0', 'level 6', 'fixed codes']) {
      const source = inflatedOf(stream, engine.pool(1 << 20), 'heap', { uncompressedByteLength })
      const bytes = new Uint8Array(uncompressedByteLength)
      expect(() => source.read(0, bytes)).toThrow(/^member length: expected \d+ bytes of output, got (more|only \d+)/)
    }
  })

  it('knows a stream that was cut, and one that is none', () => {
    for (const stream of ['level 0', 'level 6', 'fixed codes']) {
      const packed = streams[stream] as Uint8Array
      for (const byteLength of [0, 1, 1000, packed.byteLength - 1]) {
        const source = inflatedOf(stream, engine.pool(1 << 20), 'heap', { packed: packed.subarray(0, byteLength) })
        expect(() => source.read(0, new Uint8Array(LENGTH))).toThrow(IntegrityError)
      }
    }
    const packed = new Uint8Array(5000).fill(0xff)
    const source = inflatedOf('level 6', engine.pool(1 << 20), 'heap', { packed })
    expect(() => source.read(0, new Uint8Array(LENGTH))).toThrow(/^deflate stream: expected deflated data/)
  })

  it('ends calls at work when it is closed', async () => {
    const source = inflatedOf('level 6', engine.pool(1 << 20), 'file')
    const bytes = new Uint8Array(LENGTH)
    const reading = source.gatherAsync(range(0, LENGTH), bytes, 1).then(
      () => null,
      (error: unknown) => error,
    )
    const indexing = source.buildIndex().then(
      () => null,
      (error: unknown) => error,
    )
    source.close()
    for (const result of [await reading, await indexing]) {
      if (result !== null) expect(result).toBeInstanceOf(ClosedError)
    }
    expect(() => source.read(0, bytes)).toThrow(ClosedError)
    expect(source.closed).toBe(true)
  })
})

test('an inflater without the addon keeps its output bounded', () => {
  const bomb = zlib.deflateRawSync(new Uint8Array(64 * 1024 * 1024), { level: 9 })
  const inflater = new FflateInflater()
  inflater.reset(0, 0, new Uint8Array(0))
  const output = new Uint8Array(1024)
  let consumed = 0
  for (let i = 0; i < 100; i++) {
    const input = { bytes: bomb, start: consumed, end: bomb.byteLength, last: true }
    expect(inflater.run(input, { bytes: output, start: 0, end: 1024 }, Number.POSITIVE_INFINITY, false)).toBe(0)
    consumed += inflater.outcome.consumed
  }
  // A hundred KiB were asked for: the first piece gave more than that.
  expect(consumed).toBeLessThanOrEqual(4096)
})

test.skipIf(!hasNativeInflate())('the host has an inflater', () => {
  expect(newInflater().boundaries).toBe(true)
})
