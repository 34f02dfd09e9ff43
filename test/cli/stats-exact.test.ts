// stats of numbers that float64 has no digits, or no room, for; and of nothing.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addHalves, addNumbers } from '../../src/cli/stats-count.ts'
import {
  bucketOf,
  emptyTally,
  histogram,
  meanOf,
  mergeTally,
  percentile,
  spreadOver,
  stdOf,
} from '../../src/cli/stats-kernel.ts'
import { save } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'
import { output } from './command.ts'

const inFolder = temporaryFolder()

const near = (actual: number, expected: number, relative: number): void => {
  expect(Math.abs(actual - expected), `${actual} for ${expected}`).toBeLessThanOrEqual(Math.abs(expected) * relative)
}

describe('every kind of typed array', () => {
  const kinds = {
    Int8Array,
    Uint8Array,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float32Array,
    Float64Array,
  }

  test.each(Object.entries(kinds))('%s: as the numbers one by one', (name, Kind) => {
    const isBig = name.startsWith('Big')
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 32 }), { maxLength: 40 }),
        fc.nat(9),
        (list, copies) => {
          const repeated = Array.from({ length: copies * 300 + 1 }, () => list).flat()
          const values = isBig
            ? (Kind as BigInt64ArrayConstructor).from(repeated, BigInt)
            : (Kind as Float64ArrayConstructor).from(repeated)
          const numbers = Array.from(values as ArrayLike<number | bigint>, Number)
          const [tally, parts, rest] = [emptyTally(), emptyTally(), emptyTally()]
          addNumbers(tally, values)
          addNumbers(parts, values.subarray(0, list.length))
          addNumbers(rest, values.subarray(list.length))
          mergeTally(parts, rest)
          const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length
          const std = Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length)
          const size = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          for (const found of [tally, parts]) {
            expect([found.finite, found.zero]).toEqual([numbers.length, numbers.filter((value) => value === 0).length])
            expect(found.buckets.reduce((sum, count) => sum + count, 0)).toBe(numbers.length)
            if (numbers.length === 0) continue
            expect([found.min + 0, found.max + 0]).toEqual([
              numbers.reduce((a, b) => Math.min(a, b)) + 0,
              numbers.reduce((a, b) => Math.max(a, b)) + 0,
            ])
            expect(Math.abs(meanOf(found) - mean)).toBeLessThanOrEqual(size * 1e-11)
            expect(Math.abs(stdOf(found) - std)).toBeLessThanOrEqual(size * 1e-8)
            const middle = percentile(found, spreadOver(found), 50)
            const sorted = numbers.toSorted((a, b) => a - b)
            const [low, high] = [Math.floor, Math.ceil].map((round) => sorted[round((sorted.length - 1) / 2)] as number)
            expect(middle).toBeGreaterThanOrEqual((low as number) - 0.004 * Math.abs(low as number))
            expect(middle).toBeLessThanOrEqual((high as number) + 0.004 * Math.abs(high as number))
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  test('float16, by its bits', () => {
    const tally = emptyTally()
    addHalves(tally, Uint16Array.of(0x3c00, 0xc000, 0x7c00, 0xfc00, 0x7e00, 0, 0x8000))
    expect(tally).toMatchObject({ finite: 4, nan: 1, posInf: 1, negInf: 1, zero: 2, min: -2, max: 1 })
    near(meanOf(tally), -0.25, 1e-15)
  })
})

describe('integers beyond 2^53', () => {
  test('have exact extremes, and moments of what tells them apart', () => {
    const base = 2n ** 62n
    const values = BigInt64Array.from({ length: 9000 }, (_, i) => base + BigInt(i % 3))
    const [whole, parts] = [emptyTally(), emptyTally()]
    addNumbers(whole, values)
    for (let start = 0; start < values.length; start += 1000) {
      const part = emptyTally()
      addNumbers(part, values.subarray(start, start + 1000))
      mergeTally(parts, part)
    }
    for (const tally of [whole, parts]) {
      expect(tally.exact).toMatchObject({ min: base, max: base + 2n, sum: 9000n * (base + 1n) })
      expect(meanOf(tally)).toBe(2 ** 62)
      near(stdOf(tally), Math.sqrt(2 / 3), 1e-6)
    }
  })

  test('in text, in JSON and along an axis', async () => {
    const path = inFolder('big.npy')
    const values = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 7n]
    await save(path, BigInt64Array.from(values), { shape: [2, 2] })
    const [min, max] = [String(values[1]), String(values[0])]
    expect(JSON.parse(await output('stats', '--json', path))).toMatchObject({ min, max, mean: (2 ** 53 + 7) / 4 })
    const text = await output('stats', path)
    expect(text).toContain(min)
    expect(text).toContain(max)
    expect(JSON.parse(await output('stats', '--json', '--axis', '0', path))).toMatchObject({
      min: [String(2n ** 53n + 1n), min],
      max: [max, 7],
    })
    const unsigned = inFolder('unsigned.npy')
    await save(unsigned, BigUint64Array.of(2n ** 64n - 1n, 2n ** 64n - 3n))
    expect(JSON.parse(await output('stats', '--json', unsigned))).toMatchObject({
      min: String(2n ** 64n - 3n),
      max: String(2n ** 64n - 1n),
      std: 1,
    })
    expect(JSON.parse(await output('stats', '--json', '--axis', '0', unsigned))).toMatchObject({ std: [1] })
    expect(await output('stats', '--axis', '0', unsigned)).toContain(String(2n ** 64n - 3n))
  })
})

describe('numbers whose sums and squares float64 has no room for', () => {
  const large = Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? 1.5e308 : -1.5e308))

  test('mean, std and histogram', () => {
    const [tally, parts, rest] = [emptyTally(), emptyTally(), emptyTally()]
    addNumbers(tally, [...large, 1, 2, Number.NaN])
    addNumbers(parts, [1, 2, Number.NaN])
    addNumbers(rest, large)
    mergeTally(parts, rest)
    for (const found of [tally, parts]) {
      expect(Math.abs(meanOf(found))).toBeLessThan(1e295)
      near(stdOf(found), 1.5e308 * Math.sqrt(5000 / 5002), 1e-12)
      const { edges, counts } = histogram(found, spreadOver(found), 4)
      expect(edges.every(Number.isFinite)).toBe(true)
      expect(counts[0]).toBe(2500)
      expect(counts[3]).toBe(2500)
      expect(percentile(found, spreadOver(found), 99)).toBeLessThanOrEqual(1.5e308)
    }
    const same = emptyTally()
    addNumbers(same, new Float64Array(10_000).fill(1.7e308))
    expect([meanOf(same), stdOf(same)]).toEqual([1.7e308, 0])
    const wide = emptyTally()
    addNumbers(wide, new Float64Array(2048).fill(1e200))
    addNumbers(wide, new Float64Array(2048).fill(-1e200))
    near(stdOf(wide), 1e200, 1e-12)
  })

  test('along an axis', async () => {
    const path = inFolder('large.npy')
    await save(path, Float64Array.of(1.5e308, 1, -1.5e308, 2, 1.5e308, 3, -1.5e308, 4), { shape: [4, 2] })
    const found = JSON.parse(await output('stats', '--json', '--axis', '0', path)) as { mean: number[]; std: number[] }
    expect(Math.abs(found.mean[0] as number)).toBeLessThan(1e293)
    near(found.std[0] as number, 1.5e308, 1e-12)
    near(found.mean[1] as number, 2.5, 1e-15)
    near(found.std[1] as number, Math.sqrt(1.25), 1e-15)
  })
})

test('nothing, along any axis', async () => {
  const path = inFolder('nothing.npy')
  await save(path, new Float64Array(0), { shape: [0, 2] })
  expect(JSON.parse(await output('stats', '--json', path))).toMatchObject({ min: null, mean: null, std: null })
  expect(JSON.parse(await output('stats', '--json', '--axis', '0', path))).toEqual({
    shape: [2],
    min: [null, null],
    max: [null, null],
    mean: [null, null],
    std: [null, null],
    notFinite: [0, 0],
  })
  expect(JSON.parse(await output('stats', '--json', '--axis', '1', path))).toMatchObject({ shape: [0], min: [] })
  expect(await output('stats', '--axis', '0', path)).toMatch(/^ *0 +- +- +- +- +0$/m)
  expect(await output('stats', path)).toContain('0 elements')
})

test.each([Int32Array.of(-(2 ** 31), 2 ** 31 - 1, -1, 0, 1, 255, -257), Uint32Array.of(2 ** 32 - 1, 2 ** 31, 0, 3)])(
  '32-bit integers up to their limits are in the buckets of their values: %o',
  (values) => {
    const tally = emptyTally()
    addNumbers(tally, values)
    const expected = new Float64Array(tally.buckets.length)
    for (const value of values) expected[bucketOf(value)]!++
    expect(Buffer.compare(Buffer.from(tally.buckets.buffer), Buffer.from(expected.buffer))).toBe(0)
    expect([tally.min, tally.max, tally.zero]).toEqual([Math.min(...values), Math.max(...values), 1])
  },
)
