// Images: uint8 as grey, RGB or RGBA.

import { encode } from 'fast-png'
import type { NdView } from '../../index.ts'
import type { Reading } from './cost.ts'
import { framed, marginsFor, type Page, subtitleLines, ticksUp } from './frame.ts'
import { type Grid, gridOf, gridText } from './grid.ts'
import { cellsImage, indexAxes, pageOptions, pixelsOf } from './heat.ts'
import type { Look } from './look.ts'
import { cellsPage, checkRoom } from './page.ts'
import type { Subject } from './subject.ts'
import { THEMES } from './theme.ts'
import { indexTicks } from './ticks.ts'

/** Cells of 1, 3 or 4 channels, one after the other. */
export interface Pixels {
  readonly grid: Grid
  readonly channels: number
  readonly data: Uint8Array
}

/** Reads, in at most so many cells. */
export async function pixelsWithin(
  { view }: Subject,
  most: { readonly rows: number; readonly cols: number },
  reading: Reading,
): Promise<Pixels> {
  if (view.ndim === 2 || hasPixels(view)) {
    const grid = await gridOf(view, most, reading)
    const data = new Uint8Array(grid.values.length)
    for (let i = 0; i < data.length; i++) data[i] = Math.round(grid.values[i] as number)
    return { grid, channels: grid.channels, data }
  }
  const channels = view.shape[2] as number
  const planes: Grid[] = []
  for (let channel = 0; channel < channels; channel++) {
    planes.push(await gridOf(view.slice('...', channel), most, reading))
  }
  const grid = planes[0] as Grid
  const data = new Uint8Array(grid.values.length * channels)
  for (const [channel, { values }] of planes.entries()) {
    for (let i = 0; i < values.length; i++) data[i * channels + channel] = Math.round(values[i] as number)
  }
  return { grid, channels, data }
}

/** True when the channels of a pixel lie together: planes would be read as often as there are channels. */
function hasPixels({ byteStrides }: NdView): boolean {
  const [down, across, between] = byteStrides.map(Math.abs) as [number, number, number]
  return between < down && between < across
}

/** The figure, as SVG. */
export async function imageFigure(subject: Subject, look: Look, reading: Reading): Promise<string> {
  const [down, across] = subject.extents as [Subject['extents'][0], Subject['extents'][0]]
  const rowLabels = indexTicks(down, ticksUp(look.height ?? 500)).ticks.map(({ label }) => label)
  const pageWith = (lines: number): Page => {
    const margins = marginsFor(rowLabels, 0, lines)
    checkRoom(margins, pageOptions(look))
    return cellsPage(margins, down.count, across.count, pageOptions(look))
  }
  const usual = pageWith(look.subtitle === false ? 0 : 1)
  const { grid, channels, data } = await pixelsWithin(subject, pixelsOf(usual, look.scale), reading)
  const subtitle = subtitleLines(look, usual.width, [subject.layout, gridText(grid)])
  const page = pageWith(subtitle.length)
  const png = encode({ width: grid.cols, height: grid.rows, data, channels, depth: 8 })
  return framed({
    page,
    theme: THEMES[look.theme],
    title: look.title ?? subject.name,
    subtitle,
    ...indexAxes(subject, page, look),
    downwards: look.origin === 'upper',
    grid: [],
    inside: [cellsImage(png, grid, subject, page, look)],
    beside: [],
  })
}
