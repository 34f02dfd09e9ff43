// Histograms, as bars.

import { type BinOptions, type Bins, binsOf, hasTwoBars } from './bins.ts'
import type { Reading } from './cost.ts'
import { framed, marginsFor, subtitleLines, ticksAcross, ticksUp } from './frame.ts'
import type { Look } from './look.ts'
import { linearNorm, logNorm, type Norm } from './norm.ts'
import { isWhole } from './numbers.ts'
import { chartOptions, checkRoom, fullPage } from './page.ts'
import { nanText, type Subject, subtitleOf } from './subject.ts'
import { element, num } from './svg.ts'
import { THEMES } from './theme.ts'
import { shortText, type Ticks, twoTicks, valueTicks } from './ticks.ts'

/** Above the highest bar. */
const HEADROOM = 1.05

/** Counts, of all or of what the budget lets be read. */
export async function countsOf({ view }: Subject, look: Look, reading: Reading): Promise<Bins> {
  return binsOf(view, rangeAsked(look), reading)
}

/** Options that say which numbers are counted. */
export function rangeAsked({ vmin, vmax, robust, bins }: Look): BinOptions {
  return { vmin, vmax, robust, bins }
}

/** What the bars do not show. */
export function binsText({ text, below, above, nanCount, size, low, width, counts }: Bins): string {
  const share = (count: number): string => `${shortText(Number(((100 * count) / size).toPrecision(2)))} %`
  return subtitleOf(
    text,
    below === 0 ? '' : `${share(below)} below ${shortText(low)}`,
    above === 0 ? '' : `${share(above)} above ${shortText(low + width * counts.length)}`,
    nanText(nanCount, text !== ''),
  )
}

/** How high a count is. */
export function heightNorm(counts: readonly number[], log: boolean): Norm {
  const most = Math.max(1, ...counts)
  // A bar of one must be seen.
  return log ? logNorm({ low: 0.5, high: most * 1.5 }) : linearNorm({ low: 0, high: most * HEADROOM })
}

/** The figure, as SVG. */
export async function histogramFigure(subject: Subject, look: Look, reading: Reading): Promise<string> {
  const theme = THEMES[look.theme]
  const bins = await countsOf(subject, look, reading)
  const { low, width, counts } = bins
  const norm = linearNorm({ low, high: low + width * counts.length })
  const heights = heightNorm(counts, look.log === true)
  const options = chartOptions(look)
  const subtitle = subtitleLines(look, options.width, [subject.layout, binsText(bins)])
  const y = {
    ...valueTicks(heights, ticksUp(options.height - 110), true),
    name: look.ylabel ?? (bins.text === '' ? 'count' : 'count among those read'),
  }
  const margins = marginsFor(
    y.ticks.map(({ label }) => label),
    0,
    subtitle.length,
  )
  checkRoom(margins, options)
  const page = fullPage(margins, options)
  const { box } = page
  const isTwo = hasTwoBars(subject.view, rangeAsked(look))
  const inset = isTwo ? box.width / 10 : 0
  const bars = counts.flatMap((count, i) => {
    if (count === 0) return []
    const from = box.x + (i / counts.length) * box.width + inset
    const to = box.x + ((i + 1) / counts.length) * box.width - inset
    const height = Math.max(0, heights.at(count)) * box.height
    return `M${num(from)} ${num(box.y + box.height)}V${num(box.y + box.height - height)}H${num(to)}V${num(box.y + box.height)}Z`
  })
  const gap =
    box.width / counts.length > 4
      ? { stroke: theme.background, 'stroke-width': 0.8 }
      : { stroke: theme.fill, 'stroke-width': 0.3 }
  const ticksFor = (most: number): Ticks => (isTwo ? twoTicks() : valueTicks(norm, most, isWhole(subject.view.dtype)))
  const most = ticksAcross(box.width, (count) => ticksFor(count).ticks)
  return framed({
    page,
    theme,
    title: look.title ?? subject.name,
    subtitle,
    x: { ...ticksFor(most), name: look.xlabel ?? look.label ?? subject.quantity },
    y,
    downwards: false,
    grid: ['y'],
    inside: [element('path', { d: bars.join(''), fill: theme.fill, ...gap })],
    beside: [],
  })
}
