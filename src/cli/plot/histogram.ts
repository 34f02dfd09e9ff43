// Histograms, as bars.

import { type Bins, binsOf } from './bins.ts'
import type { Reading } from './cost.ts'
import { framed, marginsFor, ticksAcross, ticksUp } from './frame.ts'
import type { Look } from './look.ts'
import { linearNorm, logNorm, type Norm } from './norm.ts'
import { isWhole } from './numbers.ts'
import { fullPage } from './page.ts'
import { nanText, type Subject, subtitleOf } from './subject.ts'
import { element, num } from './svg.ts'
import { THEMES } from './theme.ts'
import { shortText, valueTicks } from './ticks.ts'

/** Above the highest bar. */
const HEADROOM = 1.05

/** Counts, of all or of what the budget lets be read. */
export async function countsOf({ view }: Subject, look: Look, reading: Reading): Promise<Bins> {
  const { vmin, vmax, robust, bins } = look
  return binsOf(view, { vmin, vmax, robust, bins }, reading)
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
  const options = { ...look, width: look.width, height: look.height ?? 400, aspect: undefined }
  const y = {
    ...valueTicks(heights, ticksUp(options.height - 110), true),
    name: bins.text === '' ? 'count' : 'count among those read',
  }
  const page = fullPage(
    marginsFor(
      y.ticks.map(({ label }) => label),
      0,
    ),
    options,
  )
  const { box } = page
  const bars = counts.flatMap((count, i) => {
    if (count === 0) return []
    const [from, to] = [box.x + (i / counts.length) * box.width, box.x + ((i + 1) / counts.length) * box.width]
    const height = Math.max(0, heights.at(count)) * box.height
    return `M${num(from)} ${num(box.y + box.height)}V${num(box.y + box.height - height)}H${num(to)}V${num(box.y + box.height)}Z`
  })
  const gap =
    box.width / counts.length > 4
      ? { stroke: theme.background, 'stroke-width': 0.8 }
      : { stroke: theme.fill, 'stroke-width': 0.3 }
  const most = ticksAcross(box.width, (count) => valueTicks(norm, count, isWhole(subject.view.dtype)).ticks)
  return framed({
    page,
    theme,
    title: look.title ?? subject.name,
    subtitle: subtitleOf(subject.layout, binsText(bins)),
    x: { ...valueTicks(norm, most, isWhole(subject.view.dtype)), name: subject.quantity },
    y,
    downwards: false,
    grid: ['y'],
    inside: [element('path', { d: bars.join(''), fill: theme.fill, ...gap })],
    beside: [],
  })
}
