// The colour bar: pointed where there are numbers beyond its ends, and the colour of what is no number.

import { encode } from 'fast-png'
import { hex, type Palette } from './colours.ts'
import { type Axis, nameOf, type Page, SIZES, textAt, upwardsWithin } from './frame.ts'
import { element, imageOf } from './svg.ts'
import { textWidth } from './text-width.ts'
import type { Theme } from './theme.ts'

const [GAP, NARROW_GAP] = [18, 12]
const WIDTH = 14
const POINT = 10
const TICK = 8
/** Narrower figures have a bar nearer to the data. */
const NARROW = 500
/** Labels are rarely wider than this. */
const [USUAL, NARROW_USUAL] = [45, 33]

export interface Bar {
  readonly axis: Axis
  readonly palette: Palette
  readonly under: boolean
  readonly over: boolean
  /** Colours of what has no place on the bar, by their index, and what they stand for. */
  readonly keys: readonly Key[]
  /** Indices of the colours from below upwards, where these are all that there are. */
  readonly only?: readonly number[]
}

export interface Key {
  readonly index: number
  readonly text: string
}

/** What the figure keeps free on the right, before the labels are known and when they are. */
export function barRoom(width: number | undefined, axis?: Axis): number {
  const isNarrow = width !== undefined && width < NARROW
  const usual = isNarrow ? NARROW_USUAL : USUAL
  const widest = Math.max(usual, ...(axis?.ticks.map(({ label }) => textWidth(label, SIZES.tick)) ?? []))
  return Math.ceil((isNarrow ? NARROW_GAP : GAP) + WIDTH + TICK + widest + TICK + SIZES.name + 6)
}

/** Beside the data. */
export function colourBar(page: Page, { axis, palette, under, over, keys, only }: Bar, theme: Theme): string[] {
  const spare = page.spare ?? 0
  const box = { ...page.box, y: page.box.y - spare / 2, height: page.box.height + spare }
  const x = box.x + box.width + (page.width < NARROW ? NARROW_GAP : GAP)
  const top = box.y + (over ? POINT : 0)
  const bottom = box.y + box.height - (under ? POINT : 0)
  const { colours } = palette
  const { steps } = palette
  const shown = only ?? Array.from({ length: steps }, (_, i) => i)
  const png = encode({
    width: 1,
    height: shown.length,
    data: Uint8Array.from(shown.toReversed()),
    channels: 1,
    depth: 8,
    palette: colours.slice(0, steps).map((colour) => [...colour] as [number, number, number]),
  })
  const points = (...corners: [number, number][]): string => corners.map(([a, b]) => `${a},${b.toFixed(2)}`).join(' ')
  const polygon = (colour: string, corners: string): string => element('polygon', { points: corners, fill: colour })
  const left = `${x}`
  const outline = `M${left} ${bottom.toFixed(2)}${under ? `L${x + WIDTH / 2} ${(bottom + POINT).toFixed(2)}` : ''}L${x + WIDTH} ${bottom.toFixed(2)}L${x + WIDTH} ${top.toFixed(2)}${over ? `L${x + WIDTH / 2} ${(top - POINT).toFixed(2)}` : ''}L${left} ${top.toFixed(2)}Z`
  const places = axis.ticks.map(({ at, label }) => ({ y: bottom - at * (bottom - top), label }))
  const widest = Math.max(0, ...axis.ticks.map(({ label }) => textWidth(label, SIZES.tick)))
  const key = box.y + box.height + 9
  return [
    imageOf(png, { x, y: top, width: WIDTH, height: bottom - top }),
    ...(over
      ? [polygon(hex(colours[steps - 1] as never), points([x, top], [x + WIDTH, top], [x + WIDTH / 2, top - POINT]))]
      : []),
    ...(under
      ? [polygon(hex(colours[0] as never), points([x, bottom], [x + WIDTH, bottom], [x + WIDTH / 2, bottom + POINT]))]
      : []),
    element('path', { d: outline, fill: 'none', stroke: theme.spine, 'stroke-width': 0.8 }),
    element(
      'g',
      { stroke: theme.spine, 'stroke-width': 0.8 },
      ...places.map(({ y }) => element('line', { x1: x + WIDTH, y1: y, x2: x + WIDTH + 4, y2: y })),
    ),
    ...places.map(({ y, label }) => textAt(label, x + WIDTH + TICK, y + SIZES.tick * 0.36, SIZES.tick, theme.ink)),
    upwardsWithin(
      nameOf(axis),
      x + WIDTH + TICK + widest + TICK + SIZES.name * 0.8,
      box.y + box.height / 2,
      page,
      theme,
    ),
    ...keys.flatMap(({ index, text }, i) => [
      element('rect', {
        x,
        y: key + 14 * i,
        width: WIDTH,
        height: 10,
        fill: hex(colours[index] as never),
        stroke: theme.spine,
        'stroke-width': 0.8,
      }),
      textAt(text, x + WIDTH + TICK, key + 14 * i + 9, SIZES.tick, theme.ink),
    ]),
  ]
}
