// planTakeReads against a naive walk; what it promises sources that can only read: ascending, each place once, few reads.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { denseStrides, type Region, regionExtent, type TakenRegion } from '../../src/storage/byte-source.ts'
import { SCRATCH_BYTE_LENGTH } from '../../src/storage/read-plan.ts'
import { takePlan, takePortably, takeStrided } from '../../src/storage/take.ts'
import { planTakeReads, type TakeRead } from '../../src/storage/take-plan.ts'
import { takeByReads, takeByReadsAsync } from '../../src/storage/take-reads.ts'

const words = fc.constantFrom<[itemSize: number, wordSize: number][]>([1, 1], [4, 4], [8, 4], [3, 1], [24, 1], [600, 1])
const axes = fc.record({
  extent: fc.integer({ min: 1, max: 6 }),
  gap: fc.constantFrom(0, 0, 0, 0, 1, 100, 5000, 70_000, 400_000),
  backwards: fc.boolean(),
})

/** Indices along an axis of a region: any order of axes, gaps small and large, backwards; no two elements overlap. */
const regions = fc
  .record({
    axes: fc.array(axes, { minLength: 1, maxLength: 4 }),
    word: words,
    order: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
    margin: fc.integer({ min: 0, max: 20 }),
    axis: fc.nat(),
    long: fc.constantFrom(1, 1, 50),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
  })
  .map((drawn) => {
    const [itemSize, wordSize] = drawn.word
    let reach = itemSize
    const axis = drawn.axis % drawn.axes.length
    const laid = drawn.axes.map(({ extent, gap, backwards }, i) => {
      const stride = reach + gap
      const length = i === axis ? extent * drawn.long : extent
      reach = stride * length
      return { extent: length, stride: backwards ? -stride : stride, key: drawn.order[i]!, taken: i === axis }
    })
    laid.sort((a, b) => a.key - b.key)
    const shape = laid.map(({ extent }) => extent)
    const byteStrides = laid.map(({ stride }) => stride)
    const back = byteStrides.reduce((sum, stride, i) => sum + Math.min(0, stride * (shape[i]! - 1)), 0)
    const region: Region = { byteOffset: drawn.margin - back, shape, byteStrides, itemSize }
    const at = laid.findIndex(({ taken }) => taken)
    const taken: TakenRegion = { region, axis: at, indices: Float64Array.from(drawn.picks, (n) => n % shape[at]!) }
    return { taken, wordSize, byteLength: regionExtent(region).high + drawn.margin }
  })
  .filter(({ byteLength }) => byteLength < 30_000_000)

const file = new Uint8Array(30_000_000)
for (let i = 0, state = 12345; i < file.length; i++) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0
  file[i] = state >>> 16
}

function targetOf({ region, axis, indices }: TakenRegion): Uint8Array {
  return new Uint8Array(region.shape.with(axis, indices.length).reduce((product, n) => product * n, region.itemSize))
}

/** Byte by byte. */
function naive({ region, axis, indices }: TakenRegion, wordSize: number): Uint8Array {
  const out: number[] = []
  const walk = (depth: number, at: number): void => {
    if (depth < region.shape.length) {
      const step = region.byteStrides[depth]!
      if (depth === axis) for (const index of indices) walk(depth + 1, at + index * step)
      else for (let i = 0; i < region.shape[depth]!; i++) walk(depth + 1, at + i * step)
      return
    }
    for (let word = 0; word < region.itemSize; word += wordSize) {
      for (let i = 0; i < wordSize; i++) out.push(file[at + word + wordSize - 1 - i]!)
    }
  }
  walk(0, region.byteOffset)
  return Uint8Array.from(out)
}

const equal = (a: Uint8Array, b: Uint8Array): void => expect(Buffer.compare(a, b)).toBe(0)
const rows = (count: number, itemSize: number, indices: number[]): TakenRegion => ({
  region: { byteOffset: 100, shape: [count], byteStrides: [itemSize], itemSize },
  axis: 0,
  indices: Float64Array.from(indices),
})
const ranges = (reads: Iterable<TakeRead>): number[][] => [...reads].map((r) => [r.byteOffset, r.byteLength])

describe('planTakeReads', () => {
  it('fills the target, in ascending order, no byte read twice, no long reads', async () => {
    await fc.assert(
      fc.asyncProperty(regions, async ({ taken, wordSize, byteLength }) => {
        const want = naive(taken, wordSize)
        const into = targetOf(taken)
        let at = 0
        takeByReads(taken, into, wordSize, (byteOffset, target) => {
          expect(byteOffset).toBeGreaterThanOrEqual(at)
          at = byteOffset + target.byteLength
          expect(at).toBeLessThanOrEqual(byteLength)
          target.set(file.subarray(byteOffset, at))
        })
        equal(into, want)

        const later = targetOf(taken)
        let under = 0
        let most = 0
        const read = async (byteOffset: number, target: Uint8Array): Promise<void> => {
          most = Math.max(most, ++under)
          await new Promise((resolve) => setImmediate(resolve))
          target.set(file.subarray(byteOffset, byteOffset + target.byteLength))
          under--
        }
        await takeByReadsAsync(taken, later, wordSize, read, { concurrency: 3 })
        equal(later, want)
        expect(most).toBeLessThanOrEqual(3)
      }),
      { numRuns: 300 },
    )
  })

  it('takes in memory what it takes by reads, with the addon and without', () => {
    fc.assert(
      fc.property(regions, ({ taken, wordSize }) => {
        const want = naive(taken, wordSize)
        for (const kernel of [takeStrided, takePortably]) {
          const into = targetOf(taken)
          kernel(into, 0, file, taken.region.byteOffset, takePlan(taken, wordSize), taken.indices)
          equal(into, want)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('reads neighbours together, and each row once', () => {
    expect(ranges(planTakeReads(rows(1e6, 4096, [7, 900, 8, 7, 901]), 1))).toEqual([
      [100 + 7 * 4096, 8192],
      [100 + 900 * 4096, 8192],
    ])
    expect(ranges(planTakeReads(rows(1e6, 4096, [5]), 1))).toEqual([[100 + 5 * 4096, 4096]])
    // A small gap is read, a large one is not.
    expect(ranges(planTakeReads(rows(1e6, 512, [0, 8, 40_000]), 1))).toEqual([
      [100, 9 * 512],
      [100 + 40_000 * 512, 512],
    ])
  })

  it('reads a range of columns as whole lines', () => {
    const taken = {
      region: { byteOffset: 0, shape: [100_000, 8], byteStrides: [32, 4], itemSize: 4 },
      axis: 1,
      indices: Float64Array.of(5, 2),
    }
    const reads = ranges(planTakeReads(taken, 1))
    expect(reads.length).toBeLessThan(5)
    for (const [, byteLength] of reads) expect(byteLength).toBeLessThanOrEqual(SCRATCH_BYTE_LENGTH)
  })

  it('reads a dense row of any size at once, and one that is asked for twice only once', () => {
    const big = 5 * SCRATCH_BYTE_LENGTH
    const reads = [...planTakeReads(rows(3, big, [2, 0, 2]), 1)]
    expect(reads.map((r) => [r.byteOffset, r.byteLength, r.targetByteOffset])).toEqual([
      [100, big, big],
      [100 + 2 * big, big, 0],
    ])
  })

  it('sorts what does not fit into one number', () => {
    const picks = Array.from({ length: 4096 }, (_, i) => (i * 2_654_435_761) % 2 ** 43)
    const taken = {
      region: { byteOffset: 0, shape: [2 ** 43], byteStrides: [1], itemSize: 1 },
      axis: 0,
      indices: Float64Array.from(picks),
    }
    let last = -1
    for (const { byteOffset, byteLength } of planTakeReads(taken, 1)) {
      expect(byteOffset).toBeGreaterThan(last)
      last = byteOffset + byteLength - 1
    }
  })

  it('has nothing to read for nothing', () => {
    expect(ranges(planTakeReads(rows(5, 8, []), 1))).toEqual([])
    expect(ranges(planTakeReads(rows(5, 0, [1, 2]), 1))).toEqual([])
    const { region } = rows(5, 8, [])
    const wide = { ...region, shape: [5, 0], byteStrides: denseStrides([5, 0], 8) }
    expect(ranges(planTakeReads({ region: wide, axis: 0, indices: Float64Array.of(1) }, 1))).toEqual([])
  })
})

describe('takeByReadsAsync', () => {
  const taken = rows(
    1000,
    10_000,
    [...new Array(1000).keys()].map((i) => (i * 7) % 1000),
  )
  const sparse = rows(
    1_000_000,
    10_000,
    [...new Array(500).keys()].map((i) => i * 7),
  )
  const into = targetOf(taken)
  const few = targetOf(sparse)

  it('begins no read after the signal, and waits for those under way', async () => {
    const controller = new AbortController()
    const why = new Error('enough')
    let begun = 0
    let ended = 0
    const read = async (): Promise<void> => {
      if (++begun === 5) controller.abort(why)
      await new Promise((resolve) => setTimeout(resolve, 2))
      ended++
    }
    const taking = takeByReadsAsync(sparse, few, 1, read, { concurrency: 3, signal: controller.signal })
    await expect(taking).rejects.toBe(why)
    expect(begun).toBeLessThanOrEqual(6)
    expect(ended).toBe(begun)
  })

  it('ends with the first error, when nothing is under way any more', async () => {
    let under = 0
    const read = async (byteOffset: number): Promise<void> => {
      under++
      await new Promise((resolve) => setTimeout(resolve, byteOffset > 1e6 ? 5 : 1))
      under--
      if (byteOffset > 1e6 && byteOffset < 1.2e6) throw new Error('broken')
    }
    await expect(takeByReadsAsync(sparse, few, 1, read, { concurrency: 4 })).rejects.toThrow('broken')
    expect(under).toBe(0)
    await takeByReadsAsync(taken, into, 1, async () => {}, { concurrency: 4 })
  })
})
