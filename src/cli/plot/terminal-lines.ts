// Lines of braille dots and bars of block characters.

import { schemeTableau10 } from 'd3-scale-chromatic'
import { countText } from '../text.ts'
import { hasTwoBars } from './bins.ts'
import type { Rgb } from './colours.ts'
import type { Reading } from './cost.ts'
import { binsText, countsOf, heightNorm, rangeAsked } from './histogram.ts'
import { linesWithin } from './lines.ts'
import type { Look } from './look.ts'
import type { Norm } from './norm.ts'
import { type Cell, clipped, labelRow, painted, plain, type Screen } from './screen.ts'
import { type Subject, subtitleOf } from './subject.ts'
import { indexTicks, shortText, twoTicks, valueTicks } from './ticks.ts'
import type { Lost, Trace } from './trace.ts'

const MOST_ROWS = 20
const LABEL_WIDTH = 10
/** The dots of a braille character, by row and column. */
const DOTS = [
  [1, 8],
  [2, 16],
  [4, 32],
  [64, 128],
] as const

/** Title, and what was done to the elements. */
export function heading(subject: Subject, look: Look, text: string, { columns }: Screen): string[] {
  const lines = [look.title ?? subject.name, ...(look.subtitle === false ? [] : [subtitleOf(subject.layout, text)])]
  return lines.map((line) => clipped(line, columns))
}

/** Lines, in braille. */
export async function linePicture(subject: Subject, look: Look, reading: Reading, screen: Screen): Promise<string> {
  const columns = Math.max(10, screen.columns - LABEL_WIDTH - 2)
  const rows = Math.max(4, Math.min(MOST_ROWS, screen.rows - 6))
  const { traces, names, norm, text } = await linesWithin(subject, 2 * columns, look, reading)
  const colours = traces.map((_, i) => inkOf(schemeTableau10[i] as string))
  const canvas = new Canvas(columns, rows)
  for (const [i, trace] of traces.entries()) drawTrace(canvas, trace, norm, i)
  const labels = new Map<number, string>()
  for (const { at, label } of valueTicks(norm, Math.max(2, Math.floor(rows / 4))).ticks) {
    labels.set(Math.min(rows - 1, Math.floor((1 - at) * rows)), label.replaceAll('\u2009', ' '))
  }
  const { note } = valueTicks(norm, Math.max(2, Math.floor(rows / 4)))
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = clipped(labels.get(row) ?? '', LABEL_WIDTH).padStart(LABEL_WIDTH)
    return `${label} ${labels.has(row) ? '┤' : '│'}${painted(canvas.row(row, colours), screen.depth)}`.trimEnd()
  })
  const along = subject.extents[1] as Subject['extents'][0]
  const below = labelRow(indexTicks(along, Math.max(2, Math.floor(columns / 12))).ticks, columns)
  const legend = traces.length === 1 ? [] : [legendOf(subject, names, colours, screen)]
  const indent = ' '.repeat(LABEL_WIDTH + 1)
  // Without it the labels would be wrong.
  const scale = look.subtitle === false && note !== '' ? [clipped(note, screen.columns)] : []
  return `${[...heading(subject, look, subtitleOf(text, note), screen), ...scale, ...lines, `${indent}└${lostRow(traces, columns)}`, `${indent} ${below}`, ...legend].join('\n')}\n`
}

function legendOf(
  subject: Subject,
  names: readonly string[],
  colours: readonly Rgb[],
  { depth, columns }: Screen,
): string {
  const keys = names.flatMap((name, i): Cell[] => [
    { text: '━', ink: colours[i] as Rgb, ground: null },
    ...plain(` ${name}  `),
  ])
  const cells = [...plain(`${' '.repeat(LABEL_WIDTH + 2)}${subject.extents[0]?.name}  `), ...keys]
  return painted(cells.slice(0, columns), depth).trimEnd()
}

function inkOf(text: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16)) as unknown as Rgb
}

/** In the order in which they hide each other where several fall together. */
const MARKS: readonly (readonly [what: Lost, mark: string])[] = [
  ['≤ 0', '0'],
  ['\u2212inf', '↓'],
  ['inf', '↑'],
  ['NaN', '×'],
]

/** The axis, marked where lines have what has no place. */
function lostRow(traces: readonly Trace[], columns: number): string {
  const marks = new Array<string>(columns).fill('─')
  for (const [what, mark] of MARKS) {
    for (const { lost, block, count } of traces) {
      for (const [i, many] of lost[what].entries()) {
        if (many > 0) marks[Math.min(columns - 1, Math.floor((i * block * columns) / count))] = mark
      }
    }
  }
  return marks.join('')
}

/** From point to point, and in each from the least to the greatest. */
function drawTrace(canvas: Canvas, { count, block, low, high }: Trace, norm: Norm, line: number): void {
  const place = (value: number): number => Math.floor((1 - norm.at(value)) * canvas.height)
  let before: readonly [x: number, top: number, bottom: number] | null = null
  for (let i = 0; i < low.length; i++) {
    const [top, bottom] = [place(high[i] as number), place(low[i] as number)]
    if (!Number.isFinite(top) || !Number.isFinite(bottom)) {
      before = null
      continue
    }
    const x = Math.min(canvas.width - 1, Math.floor((Math.min(count, (i + 0.5) * block) / count) * canvas.width))
    canvas.column(x, top, bottom, line)
    if (before !== null) joined(canvas, before, [x, top, bottom], line)
    before = [x, top, bottom]
  }
}

type Span = readonly [x: number, top: number, bottom: number]

function joined(canvas: Canvas, from: Span, to: Span, line: number): void {
  const start = to[1] > from[2] ? from[2] : Math.max(from[1], Math.min(from[2], to[2]))
  const end = Math.max(to[1], Math.min(to[2], start))
  const steps = Math.max(Math.abs(to[0] - from[0]), Math.abs(end - start))
  for (let step = 1; step < steps; step++) {
    const along = step / steps
    const y = Math.round(start + along * (end - start))
    canvas.column(Math.round(from[0] + along * (to[0] - from[0])), y, y, line)
  }
}

/** Dots, two by four in a character. */
class Canvas {
  readonly width: number
  readonly height: number
  readonly #columns: number
  readonly #dots: Uint8Array
  readonly #lines: Uint8Array

  constructor(columns: number, rows: number) {
    this.#columns = columns
    this.width = 2 * columns
    this.height = 4 * rows
    this.#dots = new Uint8Array(columns * rows)
    this.#lines = new Uint8Array(columns * rows)
  }

  column(x: number, top: number, bottom: number, line: number): void {
    for (let y = Math.max(0, top); y <= Math.min(this.height - 1, bottom); y++) {
      const at = Math.floor(y / 4) * this.#columns + Math.floor(x / 2)
      const dot = DOTS[y % 4]?.[x % 2] as number
      if (Math.floor((this.#dots[at] as number) / dot) % 2 === 0) this.#dots[at]! += dot
      this.#lines[at] = line
    }
  }

  row(row: number, colours: readonly Rgb[]): Cell[] {
    return Array.from({ length: this.#columns }, (_, column) => {
      const at = row * this.#columns + column
      const dots = this.#dots[at] as number
      if (dots === 0) return { text: ' ', ink: null, ground: null }
      return { text: String.fromCodePoint(0x2800 + dots), ink: colours[this.#lines[at] as number] as Rgb, ground: null }
    })
  }
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A histogram, a bar a line. */
export async function barPicture(subject: Subject, look: Look, reading: Reading, screen: Screen): Promise<string> {
  const rows = Math.max(4, Math.min(MOST_ROWS, screen.rows - 4))
  const bins = await countsOf(subject, { ...look, bins: look.bins ?? rows }, reading)
  const { counts, low, width } = bins
  const norm = heightNorm(counts, look.log === true)
  const single = subject.view.dtype.name.includes('int') || subject.view.dtype.name === 'bool'
  const isTwo = hasTwoBars(subject.view, rangeAsked(look))
  const labels = isTwo
    ? twoTicks().ticks.map(({ label }) => label)
    : counts.map((_, i) => shortText(low + i * width + (single ? 0.5 : 0)).replaceAll('\u2009', ' '))
  const labelWidth = Math.max(...labels.map((label) => label.length))
  const numbers = counts.map((count) => countText(count))
  const room = Math.max(8, screen.columns - labelWidth - 3 - Math.max(...numbers.map((text) => text.length)))
  const most = norm.at(Math.max(1, ...counts))
  const ink = inkOf(schemeTableau10[0] as string)
  const lines = counts.map((count, i) => {
    const eighths = count === 0 ? 0 : Math.max(1, Math.round((norm.at(count) / most) * room * 8))
    const bar = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] as string)
    const cells = [...bar].map((text) => ({ text, ink, ground: null }))
    return `${(labels[i] as string).padStart(labelWidth)} ${painted(cells, screen.depth)} ${numbers[i]}`
  })
  return `${[...heading(subject, look, binsText(bins), screen), ...lines].join('\n')}\n`
}
