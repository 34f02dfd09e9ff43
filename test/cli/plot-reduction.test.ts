// Arrays made as small as a picture: checked against plain loops, and against the bytes that a file has in memory after it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { binsOf } from '../../src/cli/plot/bins.ts'
import { pagesByteLength, type Reading } from '../../src/cli/plot/cost.ts'
import { everyText, gridOf, gridText, shareText, stepFor, stepsWithin } from '../../src/cli/plot/grid.ts'
import { numbersOf } from '../../src/cli/plot/numbers.ts'
import { blocksWithin, lostOf, traceOf, traceText } from '../../src/cli/plot/trace.ts'
import { buildInfo, Memmap, type NdView, open, openNpz, save, savezCompressed } from '../../src/index.ts'

const temp = mkdtempSync(join(tmpdir(), 'npymap-plot-'))
afterAll(() => rmSync(temp, { recursive: true, force: true }))

const MiB = 1024 * 1024
const signal = new AbortController().signal
const reading = (budget = 64 * MiB): Reading => ({ budget, signal, onRead: () => {} })
let files = 0

async function arrayOf(shape: number[], value: (i: number) => number, order: 'C' | 'F' = 'C'): Promise<NdView> {
  const path = join(temp, `${files++}.npy`)
  const size = shape.reduce((product, extent) => product * extent, 1)
  const data = Float64Array.from({ length: size }, (_, i) => value(i))
  await save(path, data, { shape, order })
  return open(path)
}

/** Means of blocks as one would write them down. */
function meansOf(view: NdView, rowStep: number, colStep: number): number[] {
  const [height, width] = view.shape as [number, number]
  const means: number[] = []
  for (let row = 0; row < height; row += rowStep) {
    for (let col = 0; col < width; col += colStep) {
      const block: number[] = []
      for (let i = row; i < Math.min(height, row + rowStep); i++) {
        for (let j = col; j < Math.min(width, col + colStep); j++) block.push(view.get(i, j) as number)
      }
      const numbers = block.filter((value) => !Number.isNaN(value))
      means.push(numbers.length === 0 ? Number.NaN : numbers.reduce((sum, value) => sum + value, 0) / numbers.length)
    }
  }
  return means
}

const near = (values: ArrayLike<number>): number[] => Array.from(values, (value) => Number(value.toPrecision(10)))

describe('heat maps', () => {
  const noise = (i: number): number => ((i * 7919) % 1009) / 7 - 50

  test('an array that fits is taken as it is', async () => {
    const view = await arrayOf([3, 4], noise)
    const grid = await gridOf(view, { rows: 10, cols: 10 }, reading())
    expect(grid).toMatchObject({ rows: 3, cols: 4, rowStep: 1, colStep: 1, how: 'all', nanCount: 0 })
    expect([...grid.values]).toEqual([...(view.toTypedArray() as Float64Array)])
    expect(gridText(grid)).toBe('')
  })

  test.each([
    [101, 37, 10, 10, 'C'],
    [37, 101, 36, 7, 'C'],
    [64, 64, 8, 64, 'F'],
    [1000, 3, 99, 2, 'F'],
  ] as const)('block means of %i x %i in %i x %i, order %s', async (height, width, rows, cols, order) => {
    const view = await arrayOf([height, width], noise, order)
    const grid = await gridOf(view, { rows, cols }, reading())
    expect(grid.rows).toBeLessThanOrEqual(rows)
    expect(grid.cols).toBeLessThanOrEqual(cols)
    expect(near(grid.values)).toEqual(near(meansOf(view, Math.ceil(height / rows), Math.ceil(width / cols))))
    expect(gridText(grid)).toBe(`block means of ${Math.ceil(height / rows)} × ${Math.ceil(width / cols)}`)
  })

  test('means leave NaN out, unless there is nothing else', async () => {
    const view = await arrayOf([4, 4], (i) => (i < 2 || i === 4 || i === 5 || i === 10 ? Number.NaN : i))
    const { values, nanCount } = await gridOf(view, { rows: 2, cols: 2 }, reading())
    expect([...values]).toEqual([Number.NaN, 4.5, 10.5, (11 + 14 + 15) / 3])
    expect(nanCount).toBe(5)
  })

  test('beyond the budget rows and columns are sampled, at their places', async () => {
    const view = await arrayOf([600, 500], (i) => i)
    const grid = await gridOf(view, { rows: 50, cols: 40 }, reading(400_000))
    expect(grid.how).toBe('sample')
    const sample = view.slice(`::${grid.rowStep}`, `::${grid.colStep}`)
    expect([grid.rows, grid.cols]).toEqual(sample.shape)
    expect([...grid.values]).toEqual([...(sample.toTypedArray() as Float64Array)])
    expect(pagesByteLength(sample)).toBeLessThanOrEqual(400_000)
    expect(gridText(grid)).toBe(`${everyText(grid.rowStep)} row, ${everyText(grid.colStep)} column`)
    const turned = await gridOf(view.transpose(), { rows: 40, cols: 50 }, reading(400_000))
    expect([...turned.values]).toEqual([...(sample.transpose().toTypedArray() as Float64Array)])
  })

  test.each([
    [1_000_000, [0, 1, 2]],
    [100_000, [0, 1, 2]],
    [1_000_000, [1, 0, 2]],
  ])('channels of one read are those of a read each (budget %i, axes %j)', async (budget, axes) => {
    const view = (await arrayOf([300, 200, 3], noise)).transpose(...axes)
    const most = { rows: 40, cols: 50 }
    const grid = await gridOf(view, most, reading(budget))
    expect(grid.channels).toBe(3)
    for (const channel of [0, 1, 2]) {
      const { values, ...rest } = await gridOf(view.slice('...', channel), most, reading(budget))
      expect({ ...grid, channels: 1, values: [], nanCount: 0 }).toEqual({ ...rest, values: [] })
      expect(near(grid.values.filter((_, i) => i % 3 === channel))).toEqual(near(values))
    }
  })

  test('a deflated member is sampled the same', async () => {
    const view = await arrayOf([600, 500], (i) => i % 1000)
    const path = join(temp, 'z.npz')
    await savezCompressed(path, { w: view })
    const archive = openNpz(path)
    const most = { rows: 50, cols: 40 }
    const [stored, deflated] = [
      await gridOf(view, most, reading(400_000)),
      await gridOf(archive.get('w'), most, reading(400_000)),
    ]
    archive.close()
    expect(deflated).toEqual(stored)
  })

  test('long steps are round', () => {
    expect(
      [
        [10, 20],
        [1000, 3],
        [9_999, 10],
        [129_199_000, 1000],
        [7003, 1],
      ].map(([count, most]) => stepFor(count as number, most as number)),
    ).toEqual([1, 334, 1000, 130_000, 7100])
  })

  test('ordinals', () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 112, 123].map(everyText).join(' ').replaceAll('every ', '')).toBe(
      '1st 2nd 3rd 4th 11th 12th 13th 21st 112th 123rd',
    )
    expect(everyText(12_000)).toBe('every 12 000th')
  })

  test('shares, in digits that people read', () => {
    expect(shareText(64_512, 292_968)).toBe('22 % of the elements, 64 512 of every 292 968')
    expect(shareText(999, 1000)).toBe('99 % of the elements, 999 of every 1 000')
    expect(shareText(1, 30_000)).toBe('0.003 % of the elements, 1 of every 30 000')
  })
})

describe('40 GiB', () => {
  const path = join(temp, 'sparse.npy')
  const shape = [50_000, 107_374]
  const make = (): void => Memmap.create(path, { dtype: 'float64', shape, reserve: false }).close()

  test.skipIf(!buildInfo().addon)(
    'no more of the file than the budget comes into memory',
    { timeout: 60_000 },
    async () => {
      make()
      const view = open(path)
      const before = view.residentByteLength()
      await gridOf(view, { rows: 800, cols: 1300 }, reading(16 * MiB))
      const grid = view.residentByteLength() - before
      expect(grid).toBeGreaterThan(MiB)
      expect(grid).toBeLessThan(20 * MiB)
      await traceOf(view.slice(null, 5), 1400, reading(16 * MiB))
      const column = view.residentByteLength() - before - grid
      expect(column).toBeGreaterThan(MiB)
      expect(column).toBeLessThan(20 * MiB)
      const bins = await binsOf(
        view,
        { vmin: undefined, vmax: undefined, robust: undefined, bins: undefined },
        reading(16 * MiB),
      )
      expect(bins.size * 8).toBeLessThanOrEqual(16 * MiB)
      expect(bins.size * 8).toBeGreaterThan(8 * MiB)
      expect(view.residentByteLength() - before - grid - column).toBeLessThan(20 * MiB)
      view.close()
    },
  )

  test('steps are planned from strides alone', () => {
    make()
    const view = open(path)
    for (const budget of [MiB, 16 * MiB, 256 * MiB]) {
      const { rowStep, colStep } = stepsWithin(view, { rows: 800, cols: 1300 }, budget)
      const cost = pagesByteLength(view.slice(`::${rowStep}`, `::${colStep}`))
      expect(cost).toBeLessThanOrEqual(budget)
      expect(cost).toBeGreaterThan(budget / 4)
    }
    view.close()
  })
})

describe('lines', () => {
  const wave = (i: number): number => (i % 97 === 5 ? Number.NaN : Math.sin(i / 10) * i)

  test('a short line is taken as it is', async () => {
    const view = await arrayOf([50], wave)
    const trace = await traceOf(view, 100, reading())
    expect(trace.block).toBe(1)
    expect([...trace.mean]).toEqual([...(view.toTypedArray() as Float64Array)])
    expect(traceText(trace)).toBe('')
  })

  test('least, greatest and mean of each block', async () => {
    const view = await arrayOf([10_007], wave)
    const trace = await traceOf(view, 100, reading())
    expect(trace).toMatchObject({ block: 101, seen: 101 })
    expect(lostOf([trace])[0]).toEqual(['NaN', 104])
    const all = view.toTypedArray() as Float64Array
    for (let i = 0; i < trace.low.length; i++) {
      const block = all.subarray(i * 101, (i + 1) * 101).filter((value) => !Number.isNaN(value))
      expect(trace.low[i]).toBe(Math.min(...block))
      expect(trace.high[i]).toBe(Math.max(...block))
      expect(trace.mean[i]).toBeCloseTo(block.reduce((sum, value) => sum + value, 0) / block.length, 8)
    }
    expect(traceText(trace)).toBe('min to max and mean of 101 elements each')
  })

  test('beyond the budget a part of each block', async () => {
    const view = await arrayOf([200_000], (i) => i)
    const trace = await traceOf(view, 20, reading(400_000))
    const { block, seen } = blocksWithin(view, 20, 400_000)
    expect(block).toBe(10_000)
    expect(seen).toBe((20_000 - 4096 - (20_000 % 8)) / 8)
    expect(trace.low[7]).toBe(70_000)
    expect(trace.high[7]).toBe(70_000 + seen - 1)
    expect(traceText(trace)).toBe('min to max and mean of 20 % of the elements, 1 988 of every 10 000')
  })

  test('what is NaN all through has no place', async () => {
    const view = await arrayOf([1000], (i) => (i >= 200 && i < 400 ? Number.NaN : 1))
    const { low, mean, lost } = await traceOf(view, 10, reading())
    expect(Number.isNaN(low[2]) && Number.isNaN(mean[3]) && low[1] === 1).toBe(true)
    expect([...lost.NaN]).toEqual([0, 0, 100, 100, 0, 0, 0, 0, 0, 0])
  })
})

describe('histograms', () => {
  const all = { vmin: undefined, vmax: undefined, robust: [0, 100] as const, bins: undefined }

  test('counts, as a plain loop has them', async () => {
    const view = await arrayOf([10, 100], (i) =>
      i === 3 ? Number.NaN : i === 4 ? Number.POSITIVE_INFINITY : Math.sqrt(i),
    )
    const { counts, low, width, nanCount, above, size } = await binsOf(view, { ...all, bins: 7 }, reading())
    const numbers = [...(view.toTypedArray() as Float64Array)].filter(Number.isFinite)
    const expected = new Array<number>(7).fill(0)
    for (const value of numbers) expected[Math.min(6, Math.floor((value - low) / width))]!++
    expect(counts).toEqual(expected)
    expect({ nanCount, above, size }).toEqual({ nanCount: 1, above: 1, size: 999 })
    expect([low, low + 7 * width]).toEqual([0, Math.sqrt(999)])
  })

  test('whole numbers get a bar each', async () => {
    const path = join(temp, 'u8.npy')
    await save(path, Uint8Array.from([3, 3, 5, 7, 7, 7]))
    const bins = await binsOf(open(path), { ...all, robust: undefined }, reading())
    expect(bins).toMatchObject({ low: 2.5, width: 1, counts: [2, 0, 1, 0, 3] })
  })

  test('beyond the budget it says what share was read', async () => {
    const view = await arrayOf([200_000], (i) => i)
    const { text } = await binsOf(view, { ...all, robust: undefined }, reading(400_000))
    expect(text).toMatch(/^\d+ % of the elements, [\d ]+ of every \d \d{3}$/)
  })

  test('what lies outside is counted, not shown', async () => {
    const view = await arrayOf([2000], (i) => (i === 0 ? -1e9 : i === 1 ? 1e9 : i / 2000))
    const { counts, below, above } = await binsOf(view, { ...all, robust: undefined }, reading())
    expect(below).toBeGreaterThan(0)
    expect(above).toBeGreaterThan(0)
    expect(counts.reduce((sum, count) => sum + count, 0) + below + above).toBe(2000)
  })

  test('one value, mostly', async () => {
    const view = await arrayOf([5000], (i) => (i === 77 ? 3 : 0))
    const { counts } = await binsOf(view, { ...all, robust: undefined }, reading())
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5000)
  })
})

describe('numbers of any type', () => {
  test.each([
    ['bool', [true, false], [1, 0]],
    ['int64', [-5n, 2n ** 53n], [-5, 2 ** 53]],
    ['uint64', [2n ** 64n - 1n], [2 ** 64]],
    [
      'float16',
      [1.5, -65504, 2 ** -24, Number.NaN, Number.NEGATIVE_INFINITY],
      [1.5, -65504, 2 ** -24, Number.NaN, Number.NEGATIVE_INFINITY],
    ],
    ['>f4', [1.5, -2], [1.5, -2]],
    ['complex64', [{ re: 3, im: -4 }], [5]],
    ['complex128', [{ re: 1e200, im: 0 }], [1e200]],
  ] as const)('%s', async (dtype, data, expected) => {
    const path = join(temp, `${files++}.npy`)
    await save(path, [...data] as never, { dtype })
    expect(Array.from(await numbersOf(open(path), signal))).toEqual(expected)
  })
})
