// The addon's codec verbs against node:zlib, on this thread and on the pool, and what they do with arguments, sizes and data
// that lie.

import { constants } from 'node:os'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Addon, buildInfo, loadAddon } from '../../src/native/binding.ts'

const { EILSEQ, EINVAL, ENOSPC, ENOTSUP, ERANGE } = constants.errno
const addon = loadAddon() as Addon
const nothing = new Uint8Array(0)
const hasCodec = (addon?.codec ?? null) !== null

const bytesOf = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 3000 }))
    .map(([pattern, count]) => Uint8Array.from({ length: count * 20 }, (_, i) => pattern[(i * i) % pattern.length]!)),
)

function outputFor(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(addon.deflateBound(bytes.byteLength))
}

it('buildInfo tells which codec there is', () => {
  const { codec } = buildInfo()
  if (addon === null) expect(codec).toBe('fflate')
  else expect(codec).toBe(addon.codec ?? 'zlib')
})

describe.runIf(addon !== null && !hasCodec)('without a codec', () => {
  it('everything is refused', () => {
    expect(addon.codecMaxLevel).toBe(-1)
    const some = new Uint8Array(100)
    expect(addon.deflate(some, 0, 100, 6, 0, true, new Uint8Array(1000))).toBe(-ENOTSUP)
    expect(addon.inflateBlocks(some, some, Float64Array.of(0, 10, 0, 10, 1), false, nothing)).toBe(-ENOTSUP)
  })
})

describe.runIf(hasCodec)('codec', () => {
  it('what it deflates, zlib inflates, at any level, alone and before others', async () => {
    const property = fc.asyncProperty(
      bytesOf,
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom(0, 0.02, 0.5, 1),
      fc.boolean(),
      async (bytes, level, minSaving, later) => {
        const parts: Uint8Array[] = []
        for (const last of [false, true]) {
          const output = outputFor(bytes)
          const args = [bytes, 0, bytes.byteLength, level, minSaving, last, output] as const
          const made = later ? await addon.deflateAsync(...args) : addon.deflate(...args)
          expect(made).toBeGreaterThan(0)
          parts.push(output.subarray(0, made))
          if (last) expect(Buffer.compare(zlib.inflateRawSync(output.subarray(0, made)), bytes)).toBe(0)
          else expect(Buffer.from(output.subarray(made - 4, made)).toString('hex')).toBe('0000ffff')
        }
        const both = zlib.inflateRawSync(Buffer.concat(parts))
        expect(Buffer.compare(both, Buffer.concat([bytes, bytes]))).toBe(0)
      },
    )
    await fc.assert(property, { numRuns: 150 })
  })

  it('what zlib deflates, it inflates, with the CRC-32 of each block', async () => {
    const property = fc.asyncProperty(
      fc.array(bytesOf, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 9 }),
      fc.boolean(),
      async (all, level, later) => {
        const packed = all.map((bytes, i) => {
          const finishFlush = i === all.length - 1 ? zlib.constants.Z_FINISH : zlib.constants.Z_SYNC_FLUSH
          return zlib.deflateRawSync(bytes, { level, finishFlush })
        })
        const input = Uint8Array.from(Buffer.concat([...packed, Buffer.alloc(5, 0xaa)]))
        const before = Buffer.from(input)
        const plain = Buffer.concat(all)
        const output = new Uint8Array(plain.byteLength)
        let [at, outputAt] = [0, 0]
        const blocks = all.flatMap((bytes, i) => {
          const [start, outputStart] = [at, outputAt]
          at += packed[i]!.byteLength
          outputAt += bytes.byteLength
          return [start, at, outputStart, outputAt, i === all.length - 1 ? 1 : 0]
        })
        const numbers = Float64Array.from(blocks)
        const args = [input, output, numbers, true, nothing] as const
        expect(later ? await addon.inflateBlocksAsync(...args) : addon.inflateBlocks(...args)).toBe(0)
        expect(Buffer.compare(output, plain)).toBe(0)
        expect(all.map((_, i) => numbers[5 * i + 4])).toEqual(all.map((bytes) => zlib.crc32(bytes)))
        expect(Buffer.compare(input, before)).toBe(0)
      },
    )
    await fc.assert(property, { numRuns: 150 })
  })

  it('sizes that lie are -EILSEQ, whichever way', () => {
    const plain = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 31)
    const packed = zlib.deflateRawSync(plain)
    const input = Uint8Array.from(Buffer.concat([packed, Buffer.alloc(10)]))
    const run = (end: number, length: number, last: 0 | 1): number =>
      addon.inflateBlocks(input, new Uint8Array(6000), Float64Array.of(0, end, 0, length, last), false, nothing)
    expect(run(packed.length, 5000, 1)).toBe(0)
    for (const [end, length, last] of [
      [packed.length, 4999, 1],
      [packed.length, 5001, 1],
      [packed.length, 0, 1],
      [packed.length - 1, 5000, 1],
      [packed.length + 1, 5000, 1],
      [packed.length, 5000, 0],
      [0, 5000, 1],
      [0, 5000, 0],
    ] as const) {
      expect(run(end, length, last), `${end} ${length} ${last}`).toBe(-EILSEQ)
    }
  })

  it('any bytes at all: an answer', () => {
    const property = fc.property(fc.uint8Array({ minLength: 6, maxLength: 400 }), fc.boolean(), (bytes, last) => {
      const end = last ? bytes.byteLength : bytes.byteLength - 5
      const blocks = Float64Array.of(0, end, 0, 1000, last ? 1 : 0)
      expect([0, -EILSEQ]).toContain(addon.inflateBlocks(bytes, new Uint8Array(1000), blocks, true, nothing))
    })
    fc.assert(property, { numRuns: 2000 })
  })

  it('arguments that would leave the memory are refused, on this thread and on the pool', async () => {
    const input = new Uint8Array(100)
    const output = new Uint8Array(100)
    const wrong: [number[], number][] = [
      [[0, 101, 0, 10, 1], EINVAL],
      [[0, 96, 0, 10, 0], EINVAL],
      [[0, 10, 0, 101, 1], EINVAL],
      [[5, 4, 0, 10, 1], EINVAL],
      [[-1, 4, 0, 10, 1], EINVAL],
      [[Number.NaN, 4, 0, 10, 1], EINVAL],
      [[0, Number.POSITIVE_INFINITY, 0, 10, 1], EINVAL],
      [[0, 2 ** 60, 0, 10, 1], EINVAL],
      [[2 ** 53, 2 ** 53, 0, 10, 1], EINVAL],
      [[0, 10, 0, 10], EINVAL],
      [[0, 10, 0, 10, 4], EINVAL],
      [[0, 10, 0, 10, -1], EINVAL],
      [[0, 10, 0, 10, Number.NaN], EINVAL],
    ]
    for (const [numbers, errno] of wrong) {
      const blocks = Float64Array.from(numbers)
      expect(addon.inflateBlocks(input, output, blocks, true, nothing), String(numbers)).toBe(-errno)
      expect(await addon.inflateBlocksAsync(input, output, blocks, true, nothing)).toBe(-errno)
    }
    const bound = addon.deflateBound(100)
    expect(addon.deflate(input, 0, 100, 6, 0, true, new Uint8Array(bound - 1))).toBe(-ENOSPC)
    expect(addon.deflate(input, 0, 101, 6, 0, true, new Uint8Array(bound))).toBe(-ERANGE)
    expect(addon.deflate(input, 3, 2, 6, 0, true, new Uint8Array(bound))).toBe(-EINVAL)
    expect(addon.deflate(input, 0, 100, 13, 0, true, new Uint8Array(bound))).toBe(-EINVAL)
    expect(addon.deflate(input, 0, 100, 6, 2, true, new Uint8Array(bound))).toBe(-EINVAL)
    expect(await addon.deflateAsync(input, 0, 100, -1, 0, true, new Uint8Array(bound))).toBe(-EINVAL)
  })

  it('many at once, by more threads than there are idle compressors', async () => {
    const plain = Uint8Array.from({ length: 50_000 }, (_, i) => (i * i) % 251)
    const wanted = outputFor(plain)
    const length = addon.deflate(plain, 0, plain.byteLength, 6, 0.02, false, wanted)
    const all = Array.from({ length: 40 }, async () => {
      const output = outputFor(plain)
      expect(await addon.deflateAsync(plain, 0, plain.byteLength, 6, 0.02, false, output)).toBe(length)
      expect(Buffer.compare(output.subarray(0, length), wanted.subarray(0, length))).toBe(0)
    })
    await Promise.all(all)
  })
})
