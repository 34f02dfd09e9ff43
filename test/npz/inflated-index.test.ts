// Starting in the middle of deflated members: at chunks with a seek index, and at access points.

import { writeFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, it, test } from 'vitest'
import { FormatError, openNpz } from '../../src/index.ts'
import { AccessPoints, type RestartPoint, WindowBudget, windowOf } from '../../src/storage/access-points.ts'
import { HeapSource } from '../../src/storage/heap.ts'
import { InflatePool } from '../../src/storage/inflate-pool.ts'
import { InflatedSource } from '../../src/storage/inflated.ts'
import { hasNativeInflate } from '../../src/storage/inflater.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder, thrownBy } from '../support/sources.ts'
import { chunkedPart, chunkIndex, chunkOffsets, compressible, npyOf, type Part, zipOf } from './hand-made.ts'

const temporary = temporaryFolder()
const LENGTH = 1_500_000
const plain = compressible(LENGTH, seededRandom(5))
const image = npyOf('uint8', [LENGTH], plain)
const CHUNK = 65_536
const native = hasNativeInflate()

/** Memory that tells how much of it was read. */
class CountingSource extends HeapSource {
  bytesRead = 0

  override read(byteOffset: number, into: Uint8Array): void {
    this.bytesRead += into.byteLength
    super.read(byteOffset, into)
  }
}

function write(name: string, ...parts: Part[]): string {
  const path = temporary(name)
  writeFileSync(path, zipOf(parts))
  return path
}

describe('a member with a seek index', () => {
  const part = chunkedPart('x.npy', image, CHUNK)

  it('is seekable at once, anywhere', async () => {
    using z = openNpz(write('chunked.npz', part, { name: 'y', data: plain.subarray(0, 10) }))
    expect(z.info('x').seekable).toBe(true)
    const x = z.get('x')
    const random = seededRandom(9)
    for (let i = 0; i < 30; i++) {
      const at = Math.floor(random() * (LENGTH - 70_000))
      expectBytes(x.slice(`${at}:${at + 70_000}`).toTypedArray(), plain.subarray(at, at + 70_000))
    }
    expectBytes(await x.read(), plain)
    expectBytes((await z.load('x')).toBytes(), plain)
    await z.buildIndex('x')
    expect(z.get('y').shape).toEqual([10])
  })

  it('is inflated from the chunk, not from its beginning', () => {
    const offsets = chunkOffsets(part)
    const packed = part.packed as Buffer
    const source = new CountingSource(Uint8Array.from(packed))
    const inflated = new InflatedSource(
      {
        source,
        byteOffset: 0,
        compressedByteLength: packed.byteLength,
        uncompressedByteLength: image.byteLength,
        crc32: zlib.crc32(image),
        member: 'x.npy',
        chunks: () => ({ chunkByteLength: CHUNK, chunkByteOffsets: Float64Array.from(offsets) }),
      },
      new InflatePool({ cacheByteLength: 1 << 20, indexSpacing: 1 << 20 }),
    )
    const bytes = new Uint8Array(1000)
    inflated.read(1_400_000, bytes)
    expectBytes(bytes, image.subarray(1_400_000, 1_401_000))
    expect(source.bytesRead).toBeLessThan(70_000)
  })

  /** The same chunks with an index that lies. */
  function lying(change: (offsets: number[]) => void): string {
    const offsets = chunkOffsets(part)
    change(offsets)
    const packed = part.packed as Buffer
    const after = chunkIndex('x.npy', image.byteLength, packed.byteLength, CHUNK, offsets)
    return write('lying.npz', { ...part, after })
  }

  it.each<[string, (offsets: number[]) => void]>([
    ['a byte late', (offsets) => offsets.fill(offsets[5]! + 1, 5, 6)],
    ['a byte early', (offsets) => offsets.fill(offsets[5]! - 1, 5, 6)],
    ['far too late', (offsets) => offsets.fill(offsets[6]! - 20, 5, 6)],
  ])('gives an error or the right bytes when its index has a chunk %s', async (_, change) => {
    const path = lying(change)
    let refused = 0
    const refuse = (error: unknown): void => {
      expect(error).toBeInstanceOf(FormatError)
      expect(error).toMatchObject({ member: 'x.npy', path })
      expect((error as Error).message).toMatch(/^(seek index|deflate stream): expected/)
      refused++
    }
    for (const [chunk, byteLength] of [4, 5, 6].flatMap((chunk) => [100, CHUNK, 2 * CHUNK].map((n) => [chunk, n]))) {
      using z = openNpz(path)
      expect(z.info('x').seekable).toBe(true)
      const at = chunk! * CHUNK - image.byteLength + LENGTH
      try {
        expectBytes(
          z
            .get('x')
            .slice(`${at}:${at + byteLength!}`)
            .toTypedArray(),
          plain.subarray(at, at + byteLength!),
        )
      } catch (error) {
        refuse(error)
      }
    }
    expect(refused).toBeGreaterThanOrEqual(3)
    using z = openNpz(path)
    const loaded = await z.load('x').catch(refuse)
    if (loaded) expectBytes(loaded.toBytes(), plain)
  })

  it('is found out by load when every chunk is another', async () => {
    const path = lying((offsets) => offsets.splice(1, 22, ...offsets.slice(2), offsets[22]! + 30))
    using z = openNpz(path)
    expect(z.info('x').seekable).toBe(true)
    expect(await rejectionOf(z.load('x'))).toBeInstanceOf(FormatError)
    const last = `${LENGTH - 100}:`
    expect(() => z.get('x').slice(last).toTypedArray()).toThrow(/^seek index: .* no end of a chunk before byte/)
  })

  it('is ignored when it is that of another member', async () => {
    const other = chunkedPart('y.npy', image, CHUNK)
    using z = openNpz(write('other.npz', { ...part, after: other.after as Buffer }))
    expect(z.info('x').seekable).toBe(false)
    expectBytes((await z.load('x')).toBytes(), plain)
  })
})

describe('access points', () => {
  const packed = zlib.deflateRawSync(image, { memLevel: 4 })

  function inflated(source: HeapSource, cacheByteLength = 200_000): InflatedSource {
    return new InflatedSource(
      {
        source,
        byteOffset: 0,
        compressedByteLength: packed.byteLength,
        uncompressedByteLength: image.byteLength,
        crc32: zlib.crc32(image),
        member: 'x.npy',
      },
      new InflatePool({ cacheByteLength, indexSpacing: 100_000 }),
    )
  }

  it.runIf(native)('come of reading, and spare reading again', async () => {
    const source = new CountingSource(Uint8Array.from(packed))
    const array = inflated(source)
    const bytes = new Uint8Array(1000)
    array.read(1_000_000, bytes)
    expect(array.seekable).toBe(false)
    source.bytesRead = 0
    array.read(500_000, bytes)
    expectBytes(bytes, image.subarray(500_000, 501_000))
    expect(source.bytesRead).toBeLessThan(200_000)
    await array.buildIndex()
    expect(array.seekable).toBe(true)
    source.bytesRead = 0
    array.read(1_400_000, bytes)
    expectBytes(bytes, image.subarray(1_400_000, 1_401_000))
    expect(source.bytesRead).toBeLessThan(200_000)
  })

  it.runIf(native)('are where zlib can start', async () => {
    const recorded = await recordedPoints()
    expect(recorded.length).toBeGreaterThan(10)
    expect(recorded.some(({ bits }) => bits > 0)).toBe(true)
    for (const point of recorded) {
      expect(point.crc).toBe(zlib.crc32(image.subarray(0, point.byteOffset)))
      const before = image.subarray(Math.max(0, point.byteOffset - 32_768), point.byteOffset)
      expectBytes(point.window, before)
    }
  })

  async function recordedPoints(): Promise<(RestartPoint & { window: Uint8Array })[]> {
    let known: AccessPoints | null = null
    const array = new InflatedSource(
      {
        source: new HeapSource(Uint8Array.from(packed)),
        byteOffset: 0,
        compressedByteLength: packed.byteLength,
        uncompressedByteLength: image.byteLength,
        crc32: zlib.crc32(image),
        member: 'x.npy',
        onIndexed: (points) => {
          known = points
        },
      },
      new InflatePool({ cacheByteLength: 1 << 24, indexSpacing: 100_000 }),
    )
    await array.buildIndex()
    return (known as AccessPoints | null)?.points.map((point) => ({ ...point, window: windowOf(point)! })) ?? []
  }

  const point = (byteOffset: number, window: Uint8Array): Parameters<AccessPoints['add']>[0] => ({
    byteOffset,
    compressedByteOffset: byteOffset,
    bits: 0,
    byte: 0,
    crc: null,
    window,
  })

  it('thin out when their windows outgrow the budget', async () => {
    const budget = new WindowBudget(20 * 32_768)
    const points = new AccessPoints(100_000, budget)
    const noise = Uint8Array.from({ length: 32_768 }, seededNoise())
    for (let at = 0; at < 10_000_000; at += 50_000) {
      points.add(point(at, noise))
      expect(budget.used).toBeLessThanOrEqual(budget.byteLength)
    }
    await points.settled()
    expect(points.spacing).toBe(800_000)
    const distances = points.points.slice(1).map(({ byteOffset }, i) => byteOffset - points.points[i]!.byteOffset)
    expect(Math.max(...distances)).toBeLessThanOrEqual(800_000)
    expect(points.nearest(3_333_333)!.byteOffset).toBeLessThanOrEqual(3_333_333)
    expect(points.nearest(0)).toBe(null)
    points.close()
    expect(budget.used).toBe(0)
  })

  it('deflate their windows where that pays, once memory is short', async () => {
    const budget = new WindowBudget(1 << 18)
    const points = new AccessPoints(100_000, budget)
    const noise = Uint8Array.from({ length: 32_768 }, seededNoise())
    points.add(point(100_000, plain.subarray(0, 32_768)))
    points.add(point(200_000, noise))
    await points.settled()
    expect(points.points.map(({ deflated }) => deflated)).toEqual([false, false])
    await points.shrink()
    expect(points.points.map(({ deflated }) => deflated)).toEqual([true, false])
    expectBytes(windowOf(points.points[0]!)!, plain.subarray(0, 32_768))
    expect(budget.used).toBe(points.points[0]!.window.byteLength + 32_768)
    expect(windowOf({ ...points.points[0]!, window: noise })).toBe(null)
    for (let at = 300_000; budget.used <= budget.byteLength / 2; at += 100_000) {
      points.add(point(at, plain.subarray(0, 32_768)))
    }
    await points.settled()
    expect(budget.used).toBeLessThanOrEqual(budget.byteLength / 2)
  })

  function seededNoise(): () => number {
    const random = seededRandom(11)
    return () => Math.floor(random() * 256)
  }
})

test('an index can be given up', async () => {
  const path = write('aborted.npz', { name: 'x.npy', data: image, method: 8 })
  using z = openNpz(path)
  const aborted = AbortSignal.abort()
  expect(await rejectionOf(z.buildIndex('x', { signal: aborted }))).toMatchObject({ name: 'AbortError' })
  expect(thrownBy(() => z.info('nothing')).message).toContain('there is no member')
  expect(await rejectionOf(z.load('x', { signal: aborted }))).toMatchObject({ name: 'AbortError' })
})
