// What is around the data: title, axes, ticks, grid; and where it has room.

import { documentOf, element, escaped } from './svg.ts'
import { fitted, textWidth } from './text-width.ts'
import type { Theme } from './theme.ts'
import type { Ticks } from './ticks.ts'

export const SIZES = { title: 14, subtitle: 11, name: 12, tick: 11 } as const
const PADDING = 14
const LEADING = 4
const LINE = SIZES.subtitle + LEADING
const BETWEEN = '  ·  '
const TICK = 4
const GAP = 5
const BOTTOM = TICK + GAP + SIZES.tick + 8 + SIZES.name + PADDING

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Axis extends Ticks {
  readonly name: string
}

/** A figure and the part of it that is for the data. */
export interface Page {
  readonly width: number
  readonly height: number
  readonly box: Box
  /** Free above and below the box together, where the data is less high than what is beside it. */
  readonly spare?: number
}

/** Room that is not for the data. */
export interface Margins {
  readonly top: number
  readonly right: number
  readonly bottom: number
  readonly left: number
}

/** Room for a title, lines below it, and for axes with these labels. */
export function marginsFor(yLabels: readonly string[], right: number, subtitleLines: number): Margins {
  const widest = Math.max(0, ...yLabels.map((label) => textWidth(label, SIZES.tick)))
  return {
    top: PADDING + SIZES.title + (subtitleLines === 0 ? 0 : 8 + subtitleLines * LINE - LEADING) + 12,
    right: Math.max(right, 18),
    bottom: BOTTOM,
    left: Math.ceil(PADDING + SIZES.name + 8 + widest + GAP + TICK),
  }
}

/** Parts that say something as lines that are as long as the page is wide: one where the height is told, none where unwanted. */
export function subtitleLines(
  { subtitle = true, height }: { readonly subtitle?: boolean; readonly height?: number },
  width: number,
  parts: readonly string[],
): string[] {
  if (!subtitle) return []
  const words = parts.flatMap((part) => (part === '' ? [] : part.split(BETWEEN)))
  if (height !== undefined) return [words.join(BETWEEN)]
  const lines: string[] = []
  for (const word of words) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)}${BETWEEN}${word}`
    if (lines.length === 0 || textWidth(longer, SIZES.subtitle) > width - 2 * PADDING) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines
}

/** Text, at a place. */
export function textAt(text: string, x: number, y: number, size: number, fill: string, anchor = 'start'): string {
  return element(
    'text',
    { x, y, 'font-size': size, fill, 'text-anchor': anchor === 'start' ? undefined : anchor },
    escaped(text),
  )
}

/** Text that reads upwards, centred at a place. */
export function textUpwards(text: string, x: number, y: number, size: number, fill: string): string {
  const turn = `rotate(-90 ${x.toFixed(2)} ${y.toFixed(2)})`
  return element('text', { x, y, 'font-size': size, fill, 'text-anchor': 'middle', transform: turn }, escaped(text))
}

/** A name with the note of its ticks. */
export function nameOf({ name, note }: Axis): string {
  return note === '' ? name : name === '' ? note : `${name} (${note})`
}

export interface Frame {
  readonly page: Page
  readonly theme: Theme
  readonly title: string
  readonly subtitle: readonly string[]
  /** So much of the lowest line, on the right, is for keys. */
  readonly keyWidth?: number
  readonly x: Axis
  readonly y: Axis
  /** True when the first row is at the top. */
  readonly downwards: boolean
  /** Lines across the data, at its ticks. */
  readonly grid: readonly ('x' | 'y')[]
  readonly inside: readonly string[]
  readonly beside: readonly string[]
}

/** The whole figure. */
export function framed({
  page,
  theme,
  title,
  subtitle,
  keyWidth = 0,
  x,
  y,
  downwards,
  grid,
  inside,
  beside,
}: Frame): string {
  const { width, height, box } = page
  const xs = x.ticks.map(({ at, label }) => ({ place: box.x + at * box.width, label }))
  const ys = y.ticks.map(({ at, label }) => ({ place: box.y + (downwards ? at : 1 - at) * box.height, label }))
  const bottom = box.y + box.height
  const line = (x1: number, y1: number, x2: number, y2: number): string => element('line', { x1, y1, x2, y2 })
  const lines = [
    ...(grid.includes('x') ? xs.map(({ place }) => line(place, box.y, place, bottom)) : []),
    ...(grid.includes('y') ? ys.map(({ place }) => line(box.x, place, box.x + box.width, place)) : []),
  ]
  const marks = [
    ...xs.map(({ place }) => line(place, bottom, place, bottom + TICK)),
    ...ys.map(({ place }) => line(box.x - TICK, place, box.x, place)),
  ]
  const below = bottom + TICK + GAP + SIZES.tick * 0.76
  const labels = [
    ...xs.map(({ place, label }) => textAt(label, place, below, SIZES.tick, theme.ink, 'middle')),
    ...ys.map(({ place, label }) =>
      textAt(label, box.x - TICK - GAP, place + SIZES.tick * 0.36, SIZES.tick, theme.ink, 'end'),
    ),
  ]
  return documentOf(
    width,
    height,
    element('rect', { width, height, fill: theme.background }),
    ...heading(page, title, subtitle, theme),
    element('g', { stroke: theme.grid, 'stroke-width': 0.8 }, ...lines),
    ...inside,
    element('g', { stroke: theme.spine, 'stroke-width': 0.8, fill: 'none' }, element('rect', { ...box }), ...marks),
    ...labels,
    nameBelow(nameOf(x), page, keyWidth, theme),
    upwardsWithin(nameOf(y), besideLabels(y, box), box.y + box.height / 2, page, theme),
    ...beside,
  )
}

/** In the middle below the data, or as near to it as long names and keys let it be. */
function nameBelow(name: string, { width, height, box }: Page, keyWidth: number, theme: Theme): string {
  const right = width - PADDING - (keyWidth === 0 ? 0 : keyWidth + PADDING)
  const { text, size } = fitted(name, right - PADDING, SIZES.name, 8)
  const half = textWidth(text, size) / 2
  const middle = Math.max(PADDING + half, Math.min(box.x + box.width / 2, right - half))
  // Near to its axis, where the page is higher than the data asks for.
  const y = Math.min(height - PADDING, box.y + box.height + BOTTOM - PADDING)
  return textAt(text, middle, y, size, theme.ink, 'middle')
}

/** Near to the labels, where the page is wider than the data asks for. */
function besideLabels({ ticks }: Axis, { x }: Box): number {
  const widest = Math.max(0, ...ticks.map(({ label }) => textWidth(label, SIZES.tick)))
  return Math.max(PADDING + SIZES.name * 0.8, x - TICK - GAP - widest - 8 - SIZES.name * 0.2)
}

/** The name of an axis that reads upwards: beside its middle, as long as the page is high enough for that. */
export function upwardsWithin(name: string, x: number, y: number, { height }: Page, theme: Theme): string {
  const { text, size } = fitted(name, height - 2 * PADDING, SIZES.name, 8)
  const half = textWidth(text, size) / 2
  return textUpwards(text, x, Math.max(PADDING + half, Math.min(y, height - PADDING - half)), size, theme.ink)
}

/** Title and subtitle start where the data does, or further left when they are long. */
function heading({ width, box }: Page, title: string, subtitle: readonly string[], theme: Theme): string[] {
  const lines = [
    { ...fitted(title, width - 2 * PADDING, SIZES.title, 10), y: PADDING + SIZES.title * 0.8, fill: theme.ink },
    ...subtitle.map((line, i) => ({
      ...fitted(line, width - 2 * PADDING, SIZES.subtitle, 8),
      y: PADDING + SIZES.title + 8 + SIZES.subtitle * 0.8 + i * LINE,
      fill: theme.muted,
    })),
  ]
  const longest = Math.max(...lines.map(({ text, size }) => textWidth(text, size)))
  const left = Math.max(PADDING, Math.min(box.x, width - PADDING - longest))
  return lines.filter(({ text }) => text !== '').map(({ text, size, y, fill }) => textAt(text, left, y, size, fill))
}

/** How many ticks have room side by side; at least two. */
export function ticksAcross(width: number, labelsFor: (most: number) => readonly { readonly label: string }[]): number {
  for (let most = 10; most > 2; most--) {
    const labels = labelsFor(most)
    const widest = Math.max(0, ...labels.map(({ label }) => textWidth(label, SIZES.tick)))
    if (labels.length * (widest + 18) <= width) return most
  }
  return 2
}

/** How many ticks have room on top of each other; one where there is hardly any. */
export function ticksUp(height: number): number {
  return Math.max(height < 40 ? 1 : 2, Math.min(8, Math.floor(height / 40)))
}
