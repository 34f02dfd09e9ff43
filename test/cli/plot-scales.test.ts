// Ticks, ranges, colours, text: what stands beside the data.

import { SaxesParser } from 'saxes'
import { describe, expect, test } from 'vitest'
import { BAD, coloured, paletteOf } from '../../src/cli/plot/colours.ts'
import { extentsOf } from '../../src/cli/plot/extent.ts'
import { percentilesOf, rangeOf } from '../../src/cli/plot/limits.ts'
import { MAP_NAMES } from '../../src/cli/plot/look.ts'
import { centredNorm, linearNorm, logNorm } from '../../src/cli/plot/norm.ts'
import { cellsPage } from '../../src/cli/plot/page.ts'
import { clipped, labelRow, nearestOf256, painted, screenOf } from '../../src/cli/plot/screen.ts'
import { documentOf, element, escaped, num } from '../../src/cli/plot/svg.ts'
import { fitted, textWidth } from '../../src/cli/plot/text-width.ts'
import { indexTicks, powerText, shortText, valueTicks } from '../../src/cli/plot/ticks.ts'
import { parseSelection, select } from '../../src/cli/target.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { sampleView } from './plot-sample.ts'

const labels = ({ ticks }: { ticks: readonly { label: string }[] }): string =>
  ticks.map(({ label }) => label.replaceAll('\u2009', '_')).join(' ')

describe('axes', () => {
  test.each([
    ['', '0+1*6 0+1*8 0+1*10'],
    ['::2, 3', '0+2*3 0+1*10'],
    ['-1, 7:2:-2', '7-2*3 0+1*10'],
    ['..., 5:', '0+1*6 0+1*8 5+1*5'],
    ['None, 2, ..., ::-1', 'new 0+1*8 9-1*10'],
    ['[4:5]', '4+1*1 0+1*8 0+1*10'],
    ['100:', '0+1*0 0+1*8 0+1*10'],
  ])('%j keeps the indices of the array', async (selection, expected) => {
    const view = await sampleView([6, 8, 10])
    const extents = extentsOf(view, parseSelection(selection))
    expect(extents.map(({ count }) => count)).toEqual([...select(view, selection).shape])
    const text = extents.map(({ name, start, step, count }) =>
      name === 'new axis' ? 'new' : `${start}${step < 0 ? '' : '+'}${step}*${count}`,
    )
    expect(text.join(' ')).toBe(expected)
  })

  test('ticks are at the middle of elements', () => {
    expect(indexTicks({ name: '', count: 4, start: 0, step: 1 }, 8).ticks.map(({ at }) => at)).toEqual([
      0.125, 0.375, 0.625, 0.875,
    ])
    const { ticks } = indexTicks({ name: '', count: 100, start: 1000, step: -10 }, 5)
    expect(ticks.map(({ label }) => label)).toEqual(['200', '400', '600', '800', '1000'])
    expect(ticks.map(({ at }) => at)).toEqual([0.805, 0.605, 0.405, 0.205, 0.005])
  })

  test('numbers of any size have short labels', () => {
    const of = (low: number, high: number): string => {
      const made = valueTicks(linearNorm({ low, high }), 5)
      return `${labels(made)}${made.note === '' ? '' : ` | ${made.note}`}`
    }
    expect(of(0, 1)).toBe('0.0 0.5 1.0')
    expect(of(-3, 3)).toBe('−2 0 2')
    expect(of(0, 40_000)).toBe('0 10_000 20_000 30_000 40_000')
    expect(of(0, 4e-7)).toBe('0 1 2 3 4 | × 10⁻⁷')
    expect(of(1e9, 1e9 + 2)).toBe('0.0 0.5 1.0 1.5 2.0 | + 1\u2009000\u2009000\u2009000')
    expect(labels(indexTicks({ name: '', count: 10 ** 10, start: 0, step: 1 }, 5))).toBe('0 2 4 6 8')
    expect(indexTicks({ name: '', count: 10 ** 10, start: 0, step: 1 }, 5).note).toBe('× 10⁹')
    expect(labels(indexTicks({ name: '', count: 60_000, start: 0, step: 1 }, 4))).toBe('0 20_000 40_000')
    expect(labels(valueTicks(linearNorm({ low: 0, high: 1 }), 6, true))).toBe('0 1')
    expect([powerText(-12), shortText(-0.00012345), shortText(123456), shortText(1234)]).toEqual([
      '10⁻¹²',
      '−1.234 × 10⁻⁴',
      '1.235 × 10⁵',
      '1234',
    ])
  })

  test('never more ticks than were asked for, inside of the range', () => {
    for (let most = 1; most <= 10; most++) {
      for (const [low, high] of [
        [-1, 1],
        [-0.9999, 0.9999],
        [-1e-5, 1e-5],
        [0, 1],
        [-7.3, 11],
        [1e-9, 3e-9],
        [5, 5000],
      ] as const) {
        const { ticks } = valueTicks(linearNorm({ low, high }), most)
        expect(ticks.length).toBeLessThanOrEqual(Math.max(3, most))
        expect(ticks.length).toBeGreaterThanOrEqual(2)
        for (const { at } of ticks) expect(at >= -1e-9 && at <= 1 + 1e-9).toBe(true)
      }
    }
  })

  test('orders of magnitude', () => {
    expect(labels(valueTicks(logNorm({ low: 0.001, high: 1e6 }), 10))).toBe(
      '10⁻³ 10⁻² 10⁻¹ 10⁰ 10¹ 10² 10³ 10⁴ 10⁵ 10⁶',
    )
    expect(labels(valueTicks(logNorm({ low: 0.01, high: 2000 }), 10))).toBe('0.01 0.1 1 10 100 1000')
    expect(labels(valueTicks(logNorm({ low: 0.004, high: 0.06 }), 6))).toBe('5 × 10⁻³ 10⁻² 2 × 10⁻² 5 × 10⁻²')
    expect(labels(valueTicks(logNorm({ low: 3, high: 70 }), 6))).toBe('5 10 20 50')
  })
})

describe('ranges', () => {
  test('percentiles are those of NumPy', () => {
    const percentile = percentilesOf([5, Number.NaN, 1, 2, Number.POSITIVE_INFINITY, 10])
    expect([0, 25, 50, 90, 100].map(percentile)).toEqual([1, 1.75, 3.5, 8.5, 10])
  })

  test.skipIf(!hasNumpy)('asked of NumPy itself', () => {
    const values = Array.from({ length: 1001 }, (_, i) => Math.sin(i) * i)
    const told = runPython(
      `import numpy, json, sys; print(json.dumps(list(numpy.percentile(json.load(sys.stdin), [0.5, 37, 99.5]))))`,
      JSON.stringify(values),
    )
    const percentile = percentilesOf(values)
    for (const [i, value] of (JSON.parse(told) as number[]).entries())
      expect(percentile([0.5, 37, 99.5][i] as number)).toBeCloseTo(value, 10)
  })

  const options = { vmin: undefined, vmax: undefined, robust: undefined, whole: false }
  const outlier = percentilesOf([...Array.from({ length: 1000 }, (_, i) => i / 1000), 1e6])

  test('outliers of floats are left out, of whole numbers not; told ends stay', () => {
    expect(rangeOf(outlier, options).high).toBeLessThan(1)
    expect(rangeOf(outlier, { ...options, whole: true })).toEqual({ low: 0, high: 1e6 })
    expect(rangeOf(outlier, { ...options, robust: [0, 100] })).toEqual({ low: 0, high: 1e6 })
    expect(rangeOf(outlier, { ...options, vmin: -1, vmax: 7 })).toEqual({ low: -1, high: 7 })
    expect(rangeOf(percentilesOf([0, 0.5, 1]), options)).toEqual({ low: 0, high: 1 })
    expect(() => rangeOf(outlier, { ...options, vmin: 9, vmax: 7 })).toThrow('ends (7) before it begins (9)')
  })

  test('scales', () => {
    const centred = centredNorm({ low: -1, high: 3 }, 0, false)
    expect([centred.low, centred.high, centred.at(0), centred.at(3), centred.at(-1.5)]).toEqual([-3, 3, 0.5, 1, 0.25])
    const told = centredNorm({ low: -1, high: 3 }, 0, true)
    expect([told.at(-1), told.at(0), told.at(1.5)]).toEqual([0, 0.5, 0.75])
    const log = logNorm({ low: 1, high: 100 })
    expect([log.at(10), log.at(0), log.at(-3)]).toEqual([0.5, Number.NaN, Number.NaN])
    expect(linearNorm({ low: 7, high: 7 }).at(7)).toBe(0.5)
    expect(() => logNorm({ low: 0, high: 1 })).toThrow('above zero')
  })
})

describe('colours', () => {
  test('maps begin and end as they are known to', () => {
    expect(paletteOf('viridis').colours[0]).toEqual([68, 1, 84])
    expect(paletteOf('viridis').colours[254]).toEqual([253, 231, 37])
    expect(paletteOf('viridis_r').colours[0]).toEqual([253, 231, 37])
    expect(paletteOf('grey').colours[127]).toEqual([128, 128, 128])
    for (const name of MAP_NAMES) {
      const { colours } = paletteOf(name)
      expect(colours.length).toBe(256)
      expect(colours.slice(0, BAD).map(String)).not.toContain(String(colours[BAD]))
    }
    expect(() => paletteOf('jet')).toThrow('there is no "jet"')
    expect(() => paletteOf('constructor')).toThrow('there is no')
  })

  test('NaN has a colour of its own, what is beyond has that of the end', () => {
    const norm = linearNorm({ low: 0, high: 1 })
    expect([...coloured([-5, 0, 0.5, 1, 9, Number.NaN, Number.POSITIVE_INFINITY], norm)]).toEqual([
      0,
      0,
      127,
      254,
      254,
      BAD,
      254,
    ])
  })

  test('of terminals', () => {
    expect([
      nearestOf256([0, 0, 0]),
      nearestOf256([255, 255, 255]),
      nearestOf256([255, 0, 0]),
      nearestOf256([128, 128, 128]),
    ]).toEqual([16, 231, 196, 244])
    expect(screenOf({ columns: 100 }, { COLORTERM: 'truecolor' })).toEqual({ columns: 100, rows: 24, depth: 24 })
    expect(screenOf({}, { COLUMNS: '60', LINES: '10' })).toEqual({ columns: 60, rows: 10, depth: 8 })
    expect(screenOf({}, { COLORTERM: 'truecolor', NO_COLOR: '1' }).depth).toBe(0)
    expect(
      painted(
        [
          { text: 'a', ink: [1, 2, 3], ground: null },
          { text: 'b', ink: null, ground: null },
        ],
        24,
      ),
    ).toBe('\u001B[38;2;1;2;3;49ma\u001B[0mb')
    expect(clipped('\u001B[2Jabc', 20)).toBe('\uFFFD[2Jabc')
    expect(
      labelRow(
        [
          { at: 0, label: '0' },
          { at: 0.05, label: '1' },
          { at: 0.5, label: '10' },
        ],
        20,
      ),
    ).toBe('0        10')
  })
})

describe('SVG', () => {
  test('text is escaped, whatever it is', () => {
    const nasty = '<&>"\'\u0000\u001B\uD800\uFFFF]]> ü 日本 \u{1F600}'
    const text: string[] = []
    const parser = new SaxesParser()
    parser.on('error', (error) => {
      throw error
    })
    parser.on('text', (part) => text.push(part))
    parser.write(documentOf(1, 2, element('text', { x: Number.NaN, class: nasty }, escaped(nasty)))).close()
    expect(text.join('').trim()).toBe('<&>"\'\uFFFD\uFFFD\uFFFD\uFFFD]]> ü 日本 \u{1F600}')
  })

  test('numbers are short', () => {
    expect([num(1.005), num(-0.001), num(100), num(12.5)]).toEqual(['1', '0', '100', '12.5'])
  })

  test('titles are made to fit', () => {
    expect(fitted('short', 200, 14, 10)).toEqual({ text: 'short', size: 14 })
    const { text, size } = fitted('a'.repeat(100), 200, 14, 10)
    expect(size).toBe(10)
    expect(text).toMatch(/^a+…a+$/)
    expect(textWidth(text, size)).toBeLessThanOrEqual(200)
  })
})

describe('pages', () => {
  const margins = { top: 50, right: 100, bottom: 50, left: 50 }
  const none = { width: undefined, height: undefined, scale: 2, aspect: undefined }

  test('cells are whole pixels, and squares unless the array is long', () => {
    const square = cellsPage(margins, 10, 10, none)
    expect(square.box.width).toBe(square.box.height)
    expect((square.box.width * 2) % 10).toBe(0)
    const long = cellsPage(margins, 10, 1000, none)
    expect(long.box.height / 10).toBeGreaterThan((2 * long.box.width) / 1000)
    const forced = cellsPage(margins, 10, 1000, { ...none, aspect: 'equal' })
    expect(forced.box.height / 10).toBeCloseTo(forced.box.width / 1000, 5)
    expect(cellsPage(margins, 10, 10, { ...none, width: 900, height: 300 })).toMatchObject({ width: 900, height: 300 })
  })
})
