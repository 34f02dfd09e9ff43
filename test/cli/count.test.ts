// stats and diff: against NumPy, and against simple controls.

import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { addNumbers } from '../../src/cli/stats-count.ts'
import { emptyTally, histogram, meanOf, mergeTally, percentile, spreadOver, stdOf } from '../../src/cli/stats-kernel.ts'
import { save, savezCompressed } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap, output } from './command.ts'

const inFolder = temporaryFolder()

/** Close enough for a sketch of 8 bits, or for rounding. */
const near = (actual: number, expected: number, relative: number): void => {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(Math.abs(expected) * relative + 1e-300)
}

describe('the kernel', () => {
  const numbers = fc.array(fc.double({ noDefaultInfinity: false }), { minLength: 1, maxLength: 300 })

  test('counts and extremes are those of the numbers, however they are split', () => {
    fc.assert(
      fc.property(numbers, fc.nat(300), (values, split) => {
        const [whole, parts, rest] = [emptyTally(), emptyTally(), emptyTally()]
        addNumbers(whole, values)
        addNumbers(parts, values.slice(0, split))
        addNumbers(rest, values.slice(split))
        mergeTally(parts, rest)
        const finite = values.filter(Number.isFinite)
        for (const tally of [whole, parts]) {
          expect(tally.finite).toBe(finite.length)
          expect(tally.nan).toBe(values.filter(Number.isNaN).length)
          expect([tally.posInf, tally.negInf]).toEqual(
            [Infinity, -Infinity].map((inf) => values.filter((v) => v === inf).length),
          )
          expect(tally.zero).toBe(finite.filter((value) => value === 0).length)
          if (finite.length > 0)
            expect([tally.min + 0, tally.max + 0]).toEqual([Math.min(...finite) + 0, Math.max(...finite) + 0])
          expect(tally.buckets.reduce((sum, count) => sum + count, 0)).toBe(finite.length)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('percentiles are within 0.4 % of a number that has this rank', () => {
    const sane = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 400 })
    fc.assert(
      fc.property(sane, fc.integer({ min: 0, max: 100 }), (values, percent) => {
        const tally = emptyTally()
        addNumbers(tally, values)
        const sorted = values.toSorted((a, b) => a - b)
        const rank = (percent / 100) * (sorted.length - 1)
        const [low, high] = [sorted[Math.floor(rank)] as number, sorted[Math.ceil(rank)] as number]
        const found = percentile(tally, spreadOver(tally), percent)
        const slack = 0.004 * Math.max(Math.abs(low), Math.abs(high)) + 1e-300
        expect(found).toBeGreaterThanOrEqual(low - slack)
        expect(found).toBeLessThanOrEqual(high + slack)
      }),
      { numRuns: 200 },
    )
  })

  test('zeros are zeros, and no percentile is above the greatest number', () => {
    const tally = emptyTally()
    addNumbers(tally, [0, 0, 0, 1])
    expect([10, 25, 50].map((percent) => percentile(tally, spreadOver(tally), percent))).toEqual([0, 0, 0])
    const close = emptyTally()
    addNumbers(close, [1, ...new Array<number>(1000).fill(1.004)])
    const found = [0, 0.05, 0.099, 0.1, 50, 100].map((percent) => percentile(close, spreadOver(close), percent))
    for (const value of found) expect(value).toBeLessThanOrEqual(1.004)
    expect(found.toSorted((a, b) => a - b)).toEqual(found)
  })

  test('moments of numbers far from zero keep their digits', () => {
    const tally = emptyTally()
    addNumbers(
      tally,
      Float64Array.from({ length: 100_000 }, (_, i) => 1e9 + (i % 2)),
    )
    near(meanOf(tally), 1e9 + 0.5, 1e-15)
    near(stdOf(tally), 0.5, 1e-9)
  })

  test('a histogram has every number once', () => {
    const tally = emptyTally()
    addNumbers(
      tally,
      Float64Array.from({ length: 10_000 }, (_, i) => i - 3000),
    )
    const { edges, counts } = histogram(tally, spreadOver(tally), 10)
    expect([edges[0], edges.at(-1)]).toEqual([-3000, 6999])
    near(
      counts.reduce((sum, count) => sum + count),
      10_000,
      0.001,
    )
    for (const count of counts) near(count, 1000, 0.03)
  })
})

describe.skipIf(!hasNumpy)('stats, as NumPy has them', () => {
  const cases = ['float64', 'float32', 'float16', '>f8', 'int8', 'uint16', '>i4', 'int64', 'uint64', 'bool']
  const path = (name: string): string => inFolder(`${name.replace('>', 'big-')}.npy`)
  interface Stats {
    readonly min: number
    readonly max: number
    readonly mean: number
    readonly std: number
    readonly zero: number
    readonly nan: number
  }
  let expected: Record<string, Stats> = {}

  beforeAll(() => {
    expected = JSON.parse(
      runPython(`
import json, numpy as np
rng = np.random.default_rng(5)
found = {}
for name in ${JSON.stringify(cases)}:
    a = rng.normal(3, 40, size=(700, 31))
    if name in ('uint16', 'uint64'): a = abs(a)
    if name == 'bool': a = a > 20
    if name == 'int8': a = a.clip(-120, 120)
    a = a.astype(name)
    if a.dtype.kind == 'f': a[5, 5] = a[6, 7] = np.nan
    np.save('${inFolder('')}/' + name.replace('>', 'big-') + '.npy', a)
    f = a.astype('f8')
    f = f[np.isfinite(f)]
    found[name] = dict(min=float(f.min()), max=float(f.max()), mean=float(f.mean()), std=float(f.std()), zero=int((f == 0).sum()), nan=int(a.size - f.size))
print(json.dumps(found))`),
    ) as Record<string, Stats>
  })

  test.each(cases)('%s', async (name) => {
    const found = JSON.parse(await output('stats', '--json', path(name))) as Stats
    const { min, max, mean, std, zero, nan } = expected[name] as Stats
    expect(found).toMatchObject({ min, max, zero, nan })
    near(found.mean, mean, 1e-12)
    near(found.std, std, 1e-12)
  })

  test('by several threads, of archives, of parts, along axes', async () => {
    const large = inFolder('large.npy')
    runPython(`import numpy as np; np.save('${large}', np.random.default_rng(1).normal(size=(90_000, 128)))`)
    const found = JSON.parse(await output('stats', '--json', large)) as Stats
    const want = JSON.parse(
      runPython(
        `import json, numpy as np; a = np.load('${large}'); print(json.dumps(dict(min=a.min(), max=a.max(), mean=a.mean(), std=a.std())))`,
      ),
    ) as Stats
    expect(found).toMatchObject({ min: want.min, max: want.max })
    near(found.mean, want.mean, 1e-9)
    near(found.std, want.std, 1e-12)

    const zipped = inFolder('z.npz')
    await savezCompressed(zipped, { x: Float64Array.from({ length: 1000 }, (_, i) => i) })
    expect(JSON.parse(await output('stats', '--json', `${zipped}:x`, '--select', '::2'))).toMatchObject({
      min: 0,
      max: 998,
      mean: 499,
    })
    for (const [axis, at] of [
      ['0', 3],
      ['1', 600],
      ['-1', 600],
    ] as const) {
      const along = JSON.parse(await output('stats', '--json', path('float64'), '--axis', axis)) as Record<
        string,
        number[]
      >
      const script = `import json, numpy as np; a = np.load('${path('float64')}'); print(json.dumps([float(f(a, axis=${axis})[${at}]) for f in (np.nanmin, np.nanmax, np.nanmean, np.nanstd)]))`
      const [min, max, mean, std] = JSON.parse(runPython(script)) as number[]
      expect([along.min![at], along.max![at]]).toEqual([min, max])
      near(along.mean![at] as number, mean as number, 1e-12)
      near(along.std![at] as number, std as number, 1e-12)
    }
  })
})

describe('stats', () => {
  test('of nothing, of NaN alone, and of what is no number', async () => {
    const [empty, nan, text, records] = ['empty', 'nan', 'text', 'records'].map((name) => inFolder(`${name}.npy`)) as [
      string,
      string,
      string,
      string,
    ]
    await save(empty, new Float64Array(0))
    await save(nan, [Number.NaN])
    await save(text, ['a'])
    await save(records, [{ v: 4 }], { dtype: [['v', '<f8']] })
    expect(JSON.parse(await output('stats', '--json', empty))).toMatchObject({ size: 0, min: null, mean: null })
    expect(await output('stats', nan)).toContain('nan   1 (100 %)')
    expect(await npymap(['stats', text])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected real numbers'),
    })
    expect(await npymap(['stats', records])).toMatchObject({ code: 2, stderr: expect.stringContaining('--field v') })
    expect(JSON.parse(await output('stats', '--json', records, '--field', 'v'))).toMatchObject({ mean: 4 })
    expect(await npymap(['stats', nan, '--axis', '4'])).toMatchObject({ code: 2 })
  })
})

describe('diff', () => {
  const [a, b] = ['da', 'db'].map((name) => inFolder(`${name}.npy`)) as [string, string]
  const differing = async (
    left: unknown,
    right: unknown,
    ...options: string[]
  ): Promise<{ code: number | null; found: Record<string, unknown> }> => {
    await save(a, left as never)
    await save(b, right as never)
    const { code, text, stderr } = await npymap(['diff', '--json', a, b, ...options])
    expect(stderr).toBe('')
    return { code, found: JSON.parse(text) as Record<string, unknown> }
  }

  test('equal', async () => {
    expect(await differing([1, 2], [1, 2])).toMatchObject({ code: 0, found: { equal: true } })
    expect(await differing(['x', 'y'], ['x', 'y'])).toMatchObject({ code: 0 })
    expect(await differing([[]], [[]])).toMatchObject({ code: 0 })
    expect(await differing(3, 3)).toMatchObject({ code: 0 })
  })

  test('byte order and memory order do not matter', async () => {
    const values = Float64Array.from({ length: 12 }, (_, i) => i)
    await save(a, values, { shape: [3, 4] })
    await save(b, values, { shape: [3, 4], dtype: '>f8' })
    await output('diff', a, b)
    await output('repack', b, b, '--to-order', 'F')
    await output('diff', a, b)
  })

  test('where, and by how much', async () => {
    expect(
      await differing(
        [
          [1, 2],
          [3, 4],
        ],
        [
          [1, 2],
          [3.5, 4.25],
        ],
      ),
    ).toMatchObject({
      code: 1,
      found: {
        equal: false,
        differing: 2,
        firstIndex: [1, 0],
        first: ['3.0', '3.5'],
        maxAbs: 0.5,
        maxAbsIndex: [1, 0],
      },
    })
    expect(await differing(['ab', 'cd'], ['ab', 'ce'])).toMatchObject({
      code: 1,
      found: { firstIndex: [1], differing: 1 },
    })
    expect(await differing([1n, 2n ** 60n], [1n, 2n ** 60n + 1n])).toMatchObject({
      code: 1,
      found: { maxAbs: 1, firstIndex: [1] },
    })
    expect(await differing([{ re: 1, im: 2 }], [{ re: 1, im: 3 }])).toMatchObject({ code: 1, found: { differing: 1 } })
  })

  test.skipIf(!hasNumpy)('the last digit of a longdouble', async () => {
    const script = `import numpy as np; x = np.array([1, 2], 'g'); np.save('${a}', x); np.save('${b}', x + np.finfo('g').eps)`
    runPython(script)
    expect(await npymap(['diff', a, b])).toMatchObject({ code: 1 })
    expect(await npymap(['diff', a, a])).toMatchObject({ code: 0 })
  })

  test('tolerances and NaN', async () => {
    expect(await differing([100], [101], '--rtol', '0.02')).toMatchObject({ code: 0 })
    expect(await differing([100], [101], '--atol', '0.5')).toMatchObject({ code: 1 })
    expect(await differing([Number.NaN], [Number.NaN])).toMatchObject({ code: 1 })
    expect(await differing([Number.NaN], [Number.NaN], '--equal-nan')).toMatchObject({ code: 0 })
    expect(await differing([Number.NaN], [1], '--equal-nan', '--atol', '9')).toMatchObject({ code: 1 })
    expect(await differing([Infinity], [Infinity])).toMatchObject({ code: 0 })
    expect(await differing([1], [Infinity], '--rtol', '1')).toMatchObject({ code: 1 })
  })

  test('shapes and dtypes', async () => {
    expect(await differing([1, 2], [[1, 2]])).toMatchObject({ code: 1, found: { apart: 'shapes: (2,) and (1, 2)' } })
    expect(await differing([1], [1n])).toMatchObject({ code: 1, found: { apart: 'dtypes: float64 and int64' } })
  })
})
