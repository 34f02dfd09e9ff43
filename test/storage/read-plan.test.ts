// planReads and planWrites against a naive walk over every element.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { denseStrides, type Region, regionExtent } from '../../src/storage/byte-source.ts'
import { type FileAccess, FileSource } from '../../src/storage/file.ts'
import { HeapSource } from '../../src/storage/heap.ts'
import { planReads, planWrites, SCRATCH_BYTE_LENGTH } from '../../src/storage/read-plan.ts'
import { copyPortably } from '../../src/storage/strided.ts'

/** Byte offsets of every element in C order. */
function* offsets(region: Region, axis = 0, at = region.byteOffset): Generator<number> {
  if (axis === region.shape.length) yield at
  else
    for (let i = 0; i < region.shape[axis]!; i++) yield* offsets(region, axis + 1, at + i * region.byteStrides[axis]!)
}

function naiveGather(file: Uint8Array, region: Region, wordSize: number): Uint8Array {
  const out: number[] = []
  for (const at of offsets(region)) {
    const item = [...file.subarray(at, at + region.itemSize)]
    for (let word = 0; word < item.length; word += Math.max(1, wordSize)) {
      const bytes = item.slice(word, word + Math.max(1, wordSize))
      out.push(...(wordSize > 1 ? bytes.reverse() : bytes))
    }
  }
  return Uint8Array.from(out)
}

const words = fc.constantFrom<[itemSize: number, wordSize: number][]>(
  [1, 1],
  [2, 1],
  [4, 4],
  [8, 4],
  [8, 8],
  [3, 1],
  [24, 1],
)

/** Regions of a file: any order of axes, gaps small and large, backwards, broadcast (for reading only). */
function regions(broadcast: boolean): fc.Arbitrary<{ region: Region; wordSize: number; byteLength: number }> {
  const axis = fc.record({
    extent: fc.integer({ min: 0, max: 6 }),
    gap: fc.constantFrom(0, 0, 0, 1, 5, 100, 5000, 70_000),
    backwards: fc.boolean(),
    repeat: broadcast ? fc.constantFrom(false, false, false, true) : fc.constant(false),
  })
  return fc
    .record({
      axes: fc.array(axis, { maxLength: 4 }),
      word: words,
      order: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      margin: fc.integer({ min: 0, max: 20 }),
    })
    .map(({ axes, word: [itemSize, wordSize], order, margin }) => {
      // Laid out from the innermost outwards, then shuffled.
      let reach = itemSize
      const laid = axes.map(({ extent, gap, backwards, repeat }) => {
        const stride = repeat ? 0 : reach + gap
        if (!repeat) reach = stride * Math.max(1, extent)
        return { extent, stride: backwards ? -stride : stride }
      })
      const shuffled = laid.map((value, i) => ({ value, key: order[i]! })).sort((a, b) => a.key - b.key)
      const shape = shuffled.map(({ value }) => value.extent)
      const byteStrides = shuffled.map(({ value }) => value.stride + 0)
      const back = byteStrides.reduce((sum, stride, i) => sum + Math.min(0, stride * (shape[i]! - 1)), 0)
      const region = { byteOffset: margin - (shape.includes(0) ? 0 : back), shape, byteStrides, itemSize }
      const byteLength = Math.max(regionExtent(region).high, region.byteOffset) + margin
      return { region, wordSize, byteLength }
    })
    .filter(({ byteLength }) => byteLength < 1_500_000)
}

function randomBytes(byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength)
  for (let i = 0, state = 12345; i < byteLength; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state >>> 16
  }
  return bytes
}

describe('planReads', () => {
  it('reads what a naive gather reads', () => {
    fc.assert(
      fc.property(regions(true), ({ region, wordSize, byteLength }) => {
        const file = randomBytes(byteLength)
        const { low, high } = regionExtent(region)
        const count = region.shape.reduce((product, extent) => product * extent, 1)
        const into = new Uint8Array(count * region.itemSize)
        for (const piece of planReads(region, wordSize)) {
          // Inside the region's extent, so that the check of the range before holds.
          expect(piece.fileByteOffset).toBeGreaterThanOrEqual(low)
          expect(piece.fileByteOffset + piece.byteLength).toBeLessThanOrEqual(high)
          const bytes = file.subarray(piece.fileByteOffset, piece.fileByteOffset + piece.byteLength)
          if (piece.direct) into.set(bytes, piece.targetByteOffset)
          else {
            expect(piece.byteLength).toBeLessThanOrEqual(SCRATCH_BYTE_LENGTH)
            copyPortably(into, piece.targetByteOffset, bytes, piece.scratchByteOffset, piece.plan)
          }
        }
        expect(Buffer.compare(into, naiveGather(file, region, wordSize))).toBe(0)
      }),
      { numRuns: 400 },
    )
  })

  it('reads a dense region in one piece, straight into the target', () => {
    const region = { byteOffset: 128, shape: [1000, 1000], byteStrides: [8000, 8], itemSize: 8 }
    expect([...planReads(region, 1)]).toMatchObject([{ fileByteOffset: 128, byteLength: 8_000_000, direct: true }])
    const rows = [...planReads({ ...region, shape: [3, 1000], byteStrides: [8_000_000, 8] }, 1)]
    expect(rows.map(({ direct, byteLength }) => [direct, byteLength])).toEqual(new Array(3).fill([true, 8000]))
  })

  it('passes scratch memory for a swapped dense region of any size, bounded', () => {
    const region = { byteOffset: 0, shape: [1000, 1000], byteStrides: [8000, 8], itemSize: 8 }
    const pieces = [...planReads(region, 8)]
    expect(Math.max(...pieces.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(SCRATCH_BYTE_LENGTH)
    expect(pieces.length).toBeLessThan(20)
  })

  it('is nothing for nothing', () => {
    expect([...planReads({ byteOffset: 0, shape: [3, 0], byteStrides: [8, 8], itemSize: 8 }, 1)]).toEqual([])
    expect([...planReads({ byteOffset: 0, shape: [3], byteStrides: [0], itemSize: 0 }, 1)]).toEqual([])
  })
})

/** A file in memory. */
function memoryFile(bytes: Uint8Array): FileAccess {
  return {
    readSync: (into, position) => {
      const count = Math.min(into.byteLength, bytes.byteLength - position)
      into.set(bytes.subarray(position, position + count))
      return count
    },
    read: async () => 0,
    writeSync: (from, position) => {
      bytes.set(from, position)
      return from.byteLength
    },
    sync: async () => {},
    byteLength: () => bytes.byteLength,
    isFile: () => false,
    close: () => {},
  }
}

describe('planWrites', () => {
  it('covers each element once and touches nothing else', () => {
    fc.assert(
      fc.property(regions(false), ({ region, byteLength }) => {
        const touched = new Uint8Array(byteLength)
        for (const { start, region: run } of planWrites(region)) {
          expect(run.byteOffset).toBe(
            start.reduce((at, i, axis) => at + i * region.byteStrides[axis]!, region.byteOffset),
          )
          // A run is dense: written in one piece.
          expect(
            run.shape.every(
              (extent, axis) => extent === 1 || run.byteStrides[axis] === denseStrides(run.shape, run.itemSize)[axis],
            ),
          ).toBe(true)
          const length = run.shape.reduce((product, extent) => product * extent, run.itemSize)
          for (let i = 0; i < length; i++) touched[run.byteOffset + i]! += 1
        }
        const expected = new Uint8Array(byteLength)
        for (const at of offsets(region)) expected.fill(1, at, at + region.itemSize)
        expect(Buffer.compare(touched, expected)).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('scatter writes what a naive one writes, and gather reads it back', () => {
    fc.assert(
      fc.property(regions(false), ({ region, wordSize, byteLength }) => {
        const before = randomBytes(byteLength)
        const file = before.slice()
        const source = new FileSource(memoryFile(file), { path: null, byteLength, writable: true })
        const count = region.shape.reduce((product, extent) => product * extent, 1)
        const values = randomBytes(count * region.itemSize).map((byte) => byte ^ 0x5a)
        const dense = {
          byteOffset: 0,
          shape: region.shape,
          byteStrides: denseStrides(region.shape, region.itemSize),
          itemSize: region.itemSize,
        }
        source.scatter(region, new HeapSource(values), dense, wordSize)
        const expected = before.slice()
        const swapped = naiveGather(values, dense, wordSize)
        let next = 0
        for (const at of offsets(region)) {
          expected.set(swapped.subarray(next, next + region.itemSize), at)
          next += region.itemSize
        }
        expect(Buffer.compare(file, expected)).toBe(0)
        const back = new Uint8Array(values.length)
        source.gather(region, back, wordSize)
        expect(Buffer.compare(back, values)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('cuts a long dense axis into pieces', () => {
    const runs = [...planWrites({ byteOffset: 0, shape: [3_000_000], byteStrides: [1], itemSize: 1 })]
    expect(runs.map(({ region }) => region.shape[0])).toEqual([
      SCRATCH_BYTE_LENGTH,
      SCRATCH_BYTE_LENGTH,
      3_000_000 - 2 * SCRATCH_BYTE_LENGTH,
    ])
  })
})
