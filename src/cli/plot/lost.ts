// Where lines have elements that an axis of values has no place for: bands along the edges, each of a colour of its own.

import { type Page, SIZES, textAt } from './frame.ts'
import { runsOf } from './runs.ts'
import { element } from './svg.ts'
import { textWidth } from './text-width.ts'
import type { Theme } from './theme.ts'
import type { Lost, Trace } from './trace.ts'

const BAND = 4
/** One element among thousands must be seen. */
const LEAST_WIDTH = 3

/** Along the edge that it is nearest to: what is infinite at the upper one, the rest above each other at the lower one. */
export function lostBands(traces: readonly Trace[], lost: readonly Lost[], { box }: Page, theme: Theme): string[] {
  const { count, block, mean } = traces[0] as Trace
  const atBottom: readonly Lost[] = lost.filter((what) => what !== 'inf')
  return lost.flatMap((what) => {
    const up = atBottom.indexOf(what)
    const y = up < 0 ? box.y : box.y + box.height - (up + 1) * BAND
    const places = mean.map((_, i) => (traces.some((trace) => (trace.lost[what][i] as number) > 0) ? 1 : Number.NaN))
    return runsOf(places).map(([start, stop]) => {
      const x = box.x + (start * block * box.width) / count
      const end = box.x + (Math.min(count, stop * block) / count) * box.width
      const width = Math.max(LEAST_WIDTH, end - x)
      return element('rect', { x, y, width, height: BAND, fill: theme.lost[what] })
    })
  })
}

const SWATCH = 12
const GAP = 6
const BETWEEN = 14
/** Between the keys and the edge of the figure. */
const PADDING = 18

/** The names of these bands, on the right of the lowest line. */
export function lostKey(
  lost: readonly Lost[],
  { width, height }: Page,
  theme: Theme,
): { readonly width: number; readonly drawn: readonly string[] } {
  const lengths = lost.map((what) => SWATCH + GAP + textWidth(what, SIZES.tick))
  const all = lengths.reduce((sum, length) => sum + length + BETWEEN, lost.length === 0 ? 0 : -BETWEEN)
  const y = height - 14
  let x = width - PADDING - all
  const drawn = lost.flatMap((what, i) => {
    const from = x
    x += (lengths[i] as number) + BETWEEN
    return [
      element('rect', { x: from, y: y - 6, width: SWATCH, height: BAND, fill: theme.lost[what] }),
      textAt(what, from + SWATCH + GAP, y, SIZES.tick, theme.ink),
    ]
  })
  return { width: all, drawn }
}
