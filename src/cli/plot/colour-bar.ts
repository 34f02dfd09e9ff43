// The colour bar: pointed where there are numbers beyond its ends, and the colour of what is no number.

import { encode } from 'fast-png'
import { BAD, hex, type Palette } from './colours.ts'
import { type Axis, type Box, nameOf, SIZES, textAt, textUpwards } from './frame.ts'
import { element, imageOf } from './svg.ts'
import { textWidth } from './text-width.ts'
import type { Theme } from './theme.ts'

const GAP = 18
const WIDTH = 14
const POINT = 10
/** What the figure keeps free on the right. */
export const BAR_ROOM = 112

export interface Bar {
  readonly axis: Axis
  readonly palette: Palette
  readonly under: boolean
  readonly over: boolean
  /** What has the colour of NaN, in words; nothing when nothing has. */
  readonly bad: string
}

/** Beside a box. */
export function colourBar(box: Box, { axis, palette, under, over, bad }: Bar, theme: Theme): string[] {
  const x = box.x + box.width + GAP
  const top = box.y + (over ? POINT : 0)
  const bottom = box.y + box.height - (under ? POINT : 0)
  const { colours } = palette
  const steps = BAD
  const png = encode({
    width: 1,
    height: steps,
    data: Uint8Array.from({ length: steps }, (_, i) => steps - 1 - i),
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
    ...places.map(({ y, label }) => textAt(label, x + WIDTH + 8, y + SIZES.tick * 0.36, SIZES.tick, theme.ink)),
    textUpwards(
      nameOf(axis),
      x + WIDTH + 8 + widest + 8 + SIZES.name * 0.8,
      box.y + box.height / 2,
      SIZES.name,
      theme.ink,
    ),
    ...(bad === ''
      ? []
      : [
          element('rect', {
            x,
            y: key,
            width: WIDTH,
            height: 10,
            fill: hex(colours[BAD] as never),
            stroke: theme.spine,
            'stroke-width': 0.8,
          }),
          textAt(bad, x + WIDTH + 8, key + 9, SIZES.tick, theme.ink),
        ]),
  ]
}
