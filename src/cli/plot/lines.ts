// Lines: every element, or the band from the least to the greatest of each block with the mean in it.

import { schemeTableau10 } from 'd3-scale-chromatic'
import type { Reading } from './cost.ts'
import { framed, marginsFor, type Page, SIZES, textAt, ticksAcross, ticksUp } from './frame.ts'
import { percentilesOf, rangeOf } from './limits.ts'
import type { Look } from './look.ts'
import { linearNorm, logNorm, type Norm, nothingAboveZero } from './norm.ts'
import { isWhole } from './numbers.ts'
import { fullPage } from './page.ts'
import { nanText, type Subject, subtitleOf } from './subject.ts'
import { element, num } from './svg.ts'
import { textWidth } from './text-width.ts'
import { THEMES, type Theme } from './theme.ts'
import { indexTicks, valueTicks } from './ticks.ts'
import { type Trace, traceOf, traceText } from './trace.ts'

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
  const count = view.shape[0] as number
  const share = { ...reading, budget: Math.floor(reading.budget / count) }
  const traces: Trace[] = []
  for (let i = 0; i < count; i++) traces.push(await traceOf(view.slice(i), most, share))
  const [which] = extents as [Subject['extents'][0]]
  const names = traces.map((_, i) => `${which.start + which.step * i}`)
  const nanCount = traces.reduce((sum, trace) => sum + trace.nanCount, 0)
  const first = traces[0] as Trace
  const text = subtitleOf(traceText(first), nanText(nanCount, first.seen < first.block))
  return { traces, names, norm: normOf(traces, look, isWhole(view.dtype)), text }
}

function normOf(traces: readonly Trace[], look: Look, whole: boolean): Norm {
  const { vmin, vmax, robust, log = false } = look
  const all = traces.flatMap(({ low, high }) => [...low, ...high]).filter((value) => !log || value > 0)
  if (log && all.length === 0 && traces.some(({ low }) => low.some((value) => value <= 0))) throw nothingAboveZero()
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
  const options = { ...look, width: look.width, height: look.height ?? 400, aspect: undefined }
  const guess = fullPage(marginsFor(['0.00'], 0), options)
  const lines = await linesWithin(
    subject,
    Math.max(2, Math.round(guess.box.width * Math.min(2, look.scale))),
    look,
    reading,
  )
  const { traces, names, norm, text } = lines
  const y = { ...valueTicks(norm, ticksUp(guess.box.height)), name: subject.quantity }
  const legend =
    traces.length > 1
      ? Math.max(...[...names, subject.extents[0]?.name ?? ''].map((n) => textWidth(n, SIZES.tick))) + 44
      : 0
  const page = fullPage(
    marginsFor(
      y.ticks.map(({ label }) => label),
      legend,
    ),
    options,
  )
  const most = ticksAcross(page.box.width, (count) => indexTicks(along, count).ticks)
  const colours = traces.map((_, i) => (traces.length === 1 ? theme.fill : (schemeTableau10[i] as string)))
  const clip = element('clipPath', { id: 'data' }, element('rect', { ...page.box }))
  const drawn = traces.map((trace, i) => lineOf(trace, norm, page, colours[i] as string))
  const bands = nanBands(traces, page, theme)
  return framed({
    page,
    theme,
    title: look.title ?? subject.name,
    subtitle: subtitleOf(subject.layout, text),
    x: { ...indexTicks(along, most), name: along.name },
    y,
    downwards: false,
    grid: ['y'],
    inside: [clip, element('g', { 'clip-path': 'url(#data)' }, ...drawn, ...bands)],
    beside: [
      ...(traces.length > 1 ? legendOf(subject.extents[0]?.name ?? '', names, colours, page, theme) : []),
      ...(bands.length === 0 ? [] : nanKey(page, theme)),
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

/** Runs of numbers, between what has no place. */
function runsOf(places: Float64Array): [start: number, stop: number][] {
  const runs: [number, number][] = []
  for (let i = 0; i < places.length; i++) {
    if (!Number.isFinite(places[i])) continue
    const last = runs.at(-1)
    if (last !== undefined && last[1] === i) last[1] = i + 1
    else runs.push([i, i + 1])
  }
  return runs
}

const BAND = 4

/** Along the bottom, where a line has NaN. */
function nanBands(traces: readonly Trace[], { box }: Page, theme: Theme): string[] {
  const { count, block, nan } = traces[0] as Trace
  const places = nan.map((_, i) => (traces.some((trace) => (trace.nan[i] as number) > 0) ? 1 : Number.NaN))
  return runsOf(places).map(([start, stop]) => {
    const from = box.x + (start * block * box.width) / count
    const width = Math.max(1, (Math.min(count, stop * block) / count) * box.width + box.x - from)
    return element('rect', { x: from, y: box.y + box.height - BAND, width, height: BAND, fill: theme.bad })
  })
}

function nanKey({ width, height }: Page, theme: Theme): string[] {
  const x = width - 18 - textWidth('NaN', SIZES.tick)
  const y = height - 14
  return [
    element('rect', { x: x - 18, y: y - 6, width: 12, height: BAND, fill: theme.bad }),
    textAt('NaN', x, y, SIZES.tick, theme.ink),
  ]
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
