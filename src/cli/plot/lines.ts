// Lines: every element, or the band from the least to the greatest of each block with the mean in it.

import { schemeTableau10 } from 'd3-scale-chromatic'
import type { Reading } from './cost.ts'
import { framed, marginsFor, type Page, SIZES, subtitleLines, textAt, ticksAcross, ticksUp } from './frame.ts'
import { percentilesOf, rangeOf } from './limits.ts'
import type { Look } from './look.ts'
import { lostBands, lostKey } from './lost.ts'
import { linearNorm, logNorm, type Norm, nothingAboveZero } from './norm.ts'
import { isWhole } from './numbers.ts'
import { chartOptions, checkRoom, fullPage } from './page.ts'
import { runsOf } from './runs.ts'
import { lostText, type Subject, subtitleOf } from './subject.ts'
import { element, num } from './svg.ts'
import { textWidth } from './text-width.ts'
import { THEMES, type Theme } from './theme.ts'
import { indexTicks, valueTicks } from './ticks.ts'
import { lostOf, type Trace, traceOf, traceText } from './trace.ts'

/** Lines with what they are called. */
export interface Lines {
  readonly traces: readonly Trace[]
  readonly names: readonly string[]
  readonly norm: Norm
  readonly text: string
}

/** Room above and below the lines. */
const PAD = 0.04
/** Points this far apart get a dot each. */
const DOT_DISTANCE = 12

/** Reads, in at most so many points a line. */
export async function linesWithin(subject: Subject, most: number, look: Look, reading: Reading): Promise<Lines> {
  const { view, extents } = subject
  const isLog = look.log === true
  const count = view.shape[0] as number
  const share = { ...reading, budget: Math.floor(reading.budget / count) }
  const traces: Trace[] = []
  for (let i = 0; i < count; i++) traces.push(await traceOf(view.slice(i), most, share, isLog))
  const [which] = extents as [Subject['extents'][0]]
  const names = traces.map((_, i) => `${which.start + which.step * i}`)
  const first = traces[0] as Trace
  const text = subtitleOf(traceText(first), lostText(lostOf(traces), first.seen < first.block))
  return { traces, names, norm: normOf(traces, look, isWhole(view.dtype)), text }
}

function normOf(traces: readonly Trace[], look: Look, whole: boolean): Norm {
  const { vmin, vmax, robust, log = false } = look
  const all = traces.flatMap(({ low, high }) => [...low, ...high]).filter(Number.isFinite)
  if (log && all.length === 0 && traces.some(({ lost }) => lost['≤ 0'].some((count) => count > 0))) {
    throw nothingAboveZero()
  }
  const range = rangeOf(percentilesOf(all), { vmin, vmax, robust: robust ?? [0, 100], whole })
  if (!Number.isFinite(range.low) || !Number.isFinite(range.high)) return linearNorm({ low: 0, high: 1 })
  const { low, high } = range
  if (log)
    return logNorm(low === high ? { low: low / 2, high: high * 2 } : padded(range, look, (v) => Math.log(v), Math.exp))
  if (low < high) return linearNorm(padded(range, look, Number, Number))
  const half = Math.abs(low) / 10 || 1
  return linearNorm({ low: low - half, high: high + half })
}

function padded(
  { low, high }: { low: number; high: number },
  { vmin, vmax }: Look,
  to: (value: number) => number,
  from: (value: number) => number,
): { low: number; high: number } {
  const pad = (to(high) - to(low)) * PAD
  return { low: vmin ?? from(to(low) - pad), high: vmax ?? from(to(high) + pad) }
}

/** The figure, as SVG. */
export async function lineFigure(subject: Subject, look: Look, reading: Reading): Promise<string> {
  const theme = THEMES[look.theme]
  const along = subject.extents[1] as Subject['extents'][0]
  const options = chartOptions(look)
  const guess = fullPage(marginsFor(['0.00'], 0, 1), options)
  const lines = await linesWithin(
    subject,
    Math.max(2, Math.round(guess.box.width * Math.min(2, look.scale))),
    look,
    reading,
  )
  const { traces, names, norm, text } = lines
  const y = { ...valueTicks(norm, ticksUp(guess.box.height)), name: look.ylabel ?? look.label ?? subject.quantity }
  const legend =
    traces.length > 1
      ? Math.max(...[...names, subject.extents[0]?.name ?? ''].map((n) => textWidth(n, SIZES.tick))) + 44
      : 0
  const subtitle = subtitleLines(look, guess.width, [subject.layout, text])
  const margins = marginsFor(
    y.ticks.map(({ label }) => label),
    legend,
    subtitle.length,
  )
  checkRoom(margins, options)
  const page = fullPage(margins, options)
  const most = ticksAcross(page.box.width, (count) => indexTicks(along, count).ticks)
  const colours = traces.map((_, i) => (traces.length === 1 ? theme.fill : (schemeTableau10[i] as string)))
  const clip = element('clipPath', { id: 'data' }, element('rect', { ...page.box }))
  const drawn = traces.map((trace, i) => lineOf(trace, norm, page, colours[i] as string))
  const lost = lostOf(traces).flatMap(([what, many]) => (many > 0 ? [what] : []))
  const key = lostKey(lost, page, theme)
  return framed({
    page,
    theme,
    title: look.title ?? subject.name,
    subtitle,
    keyWidth: key.width,
    x: { ...indexTicks(along, most), name: look.xlabel ?? along.name },
    y,
    downwards: false,
    grid: ['y'],
    inside: [clip, element('g', { 'clip-path': 'url(#data)' }, ...drawn, ...lostBands(traces, lost, page, theme))],
    beside: [
      ...(traces.length > 1 ? legendOf(subject.extents[0]?.name ?? '', names, colours, page, theme) : []),
      ...key.drawn,
    ],
  })
}

function lineOf(trace: Trace, norm: Norm, { box }: Page, colour: string): string {
  const { count, block, low, high, mean } = trace
  const x = (i: number): number => box.x + (Math.min(count, (i + 0.5) * block) / count) * box.width
  const y = (value: number): number => box.y + (1 - Math.max(-0.5, Math.min(1.5, norm.at(value)))) * box.height
  const point = (i: number, value: number): string => `${num(x(i))} ${num(y(value))}`
  const runs = runsOf(mean.map((value) => norm.at(value)))
  const stroke = {
    fill: 'none',
    stroke: colour,
    'stroke-width': 1.3,
    'stroke-linejoin': 'round',
    'stroke-linecap': 'round',
  }
  const path = runs.map(([start, stop]) => {
    const points = Array.from({ length: stop - start }, (_, k) => point(start + k, mean[start + k] as number))
    return `M${points.join('L')}${points.length === 1 ? 'h0.01' : ''}`
  })
  const line = element('path', { d: path.join(''), ...stroke })
  if (block === 1) return line + (box.width / count >= DOT_DISTANCE ? dots(runs, mean, x, y, colour) : '')
  const band = runsOf(low.map((value, i) => norm.at(value) + norm.at(high[i] as number))).map(([start, stop]) => {
    const there = Array.from({ length: stop - start }, (_, k) => point(start + k, high[start + k] as number))
    const back = Array.from({ length: stop - start }, (_, k) => point(stop - 1 - k, low[stop - 1 - k] as number))
    return `M${[...there, ...back].join('L')}Z`
  })
  const soft = { fill: colour, 'fill-opacity': 0.32, stroke: colour, 'stroke-opacity': 0.32, 'stroke-width': 0.6 }
  return element('path', { d: band.join(''), ...soft, 'stroke-linejoin': 'round' }) + line
}

function dots(
  runs: readonly [number, number][],
  values: Float64Array,
  x: (i: number) => number,
  y: (value: number) => number,
  fill: string,
): string {
  const all = runs.flatMap(([start, stop]) => Array.from({ length: stop - start }, (_, k) => start + k))
  return all.map((i) => element('circle', { cx: x(i), cy: y(values[i] as number), r: 2.2, fill })).join('')
}

function legendOf(
  title: string,
  names: readonly string[],
  colours: readonly string[],
  { box }: Page,
  theme: Theme,
): string[] {
  const x = box.x + box.width + 14
  return [
    textAt(title, x, box.y + 9, SIZES.tick, theme.muted),
    ...names.flatMap((name, i) => {
      const y = box.y + 28 + i * 18
      return [
        element('line', { x1: x, y1: y - 4, x2: x + 16, y2: y - 4, stroke: colours[i], 'stroke-width': 2.4 }),
        textAt(name, x + 22, y, SIZES.tick, theme.ink),
      ]
    }),
  ]
}
