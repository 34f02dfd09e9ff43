// Heat maps: a colour for each element, or for each block of them.

import { encode } from 'fast-png'
import type { NdView } from '../../index.ts'
import { barRoom, colourBar, type Key } from './colour-bar.ts'
import { BAD, coloured, NOT_ABOVE_ZERO, type Palette, paletteOf } from './colours.ts'
import type { Reading } from './cost.ts'
import { framed, marginsFor, type Page, subtitleLines, ticksAcross, ticksUp } from './frame.ts'
import { type Grid, gridOf, gridText } from './grid.ts'
import { percentilesOf, rangeOf } from './limits.ts'
import type { Look } from './look.ts'
import { centredNorm, linearNorm, logNorm, type Norm, nothingAboveZero } from './norm.ts'
import { isWhole } from './numbers.ts'
import { cellsPage, checkRoom } from './page.ts'
import { nanText, type Subject, subtitleOf } from './subject.ts'
import { element, imageOf } from './svg.ts'
import { THEMES } from './theme.ts'
import { indexTicks, twoTicks, valueTicks } from './ticks.ts'

/** A grid with a colour for each cell. */
export interface Heat {
  readonly grid: Grid
  readonly norm: Norm
  readonly palette: Palette
  /** Indices into the palette. */
  readonly cells: Uint8Array
  /** True when there are numbers below, or above, the range of the colours. */
  readonly under: boolean
  readonly over: boolean
  /** What has no place on the map. */
  readonly keys: readonly Key[]
  readonly text: string
}

/** Reads and colours, in at most so many cells. */
export async function heatOf(
  { view }: Subject,
  most: { readonly rows: number; readonly cols: number },
  look: Look,
  reading: Reading,
): Promise<Heat> {
  const palette = paletteOf(look.cmap, look.log)
  const grid = await gridOf(view, most, reading)
  const norm = hasTwoColours(view, look)
    ? linearNorm({ low: 0, high: 1 })
    : normOf(grid.values, look, palette, isWhole(view.dtype) && grid.how !== 'means')
  const cells = coloured(grid.values, norm)
  const has = (test: (value: number) => boolean): boolean => grid.values.some(test)
  const keys = [
    ...(cells.includes(BAD) ? [{ index: BAD, text: 'NaN' }] : []),
    ...(norm.isLog && cells.includes(NOT_ABOVE_ZERO) ? [{ index: NOT_ABOVE_ZERO, text: '≤ 0' }] : []),
  ]
  return {
    grid,
    norm,
    palette,
    cells,
    under: has((value) => norm.at(value) < 0),
    over: has((value) => norm.at(value) > 1),
    keys,
    text: subtitleOf(gridText(grid), nanText(grid.nanCount, grid.how === 'sample')),
  }
}

/** Booleans have the same two colours, whichever of them there are. */
function hasTwoColours({ dtype }: NdView, { vmin, vmax, robust, center, log }: Look): boolean {
  return dtype.name === 'bool' && [vmin, vmax, robust, center, log].every((option) => option === undefined)
}

function normOf(values: Float64Array, look: Look, palette: Palette, whole: boolean): Norm {
  const { vmin, vmax, robust, center, log = false } = look
  const shown = log ? values.filter((value) => value > 0) : values
  const range = rangeOf(percentilesOf(shown), { vmin, vmax, robust, whole })
  if (log && shown.length === 0 && values.some((value) => value <= 0)) throw nothingAboveZero()
  if (!Number.isFinite(range.low) || !Number.isFinite(range.high)) return linearNorm({ low: 0, high: 1 })
  if (log) return logNorm(range)
  const middle = center ?? (palette.isDiverging && range.low < 0 && range.high > 0 ? 0 : undefined)
  const isTold = vmin !== undefined && vmax !== undefined
  return middle === undefined ? linearNorm(range) : centredNorm(range, middle, isTold)
}

/** The figure, as SVG. */
export async function heatFigure(subject: Subject, look: Look, reading: Reading): Promise<string> {
  const [down, across] = subject.extents as [Subject['extents'][0], Subject['extents'][0]]
  const rowLabels = indexTicks(down, ticksUp(look.height ?? 500)).ticks.map(({ label }) => label)
  const pageWith = (room: number, lines: number): Page => {
    const margins = marginsFor(rowLabels, room, lines)
    checkRoom(margins, pageOptions(look))
    return cellsPage(margins, down.count, across.count, pageOptions(look))
  }
  const usual = pageWith(barRoom(look.width), look.subtitle === false ? 0 : 1)
  const heat = await heatOf(subject, pixelsOf(usual, look.scale), look, reading)
  const { grid, norm, palette, cells, under, over, keys, text } = heat
  const theme = THEMES[look.theme]
  const colours = palette.colours.map((colour) => [...colour] as [number, number, number])
  const png = encode({ width: grid.cols, height: grid.rows, data: cells, channels: 1, depth: 8, palette: colours })
  const whole = isWhole(subject.view.dtype) && grid.how !== 'means'
  const isTwo = whole && hasTwoColours(subject.view, look)
  const scale = isTwo ? twoTicks() : valueTicks(norm, ticksUp(usual.box.height + (usual.spare ?? 0)), whole)
  const axis = { ...scale, name: look.label ?? quantityOf(subject, grid) }
  const subtitle = subtitleLines(look, usual.width, [subject.layout, text])
  const page = pageWith(barRoom(look.width, axis), subtitle.length)
  const only = isTwo ? [0, palette.steps - 1] : undefined
  return framed({
    page,
    theme,
    title: look.title ?? subject.name,
    subtitle,
    ...indexAxes(subject, page, look),
    downwards: look.origin === 'upper',
    grid: [],
    inside: [cellsImage(png, grid, subject, page, look)],
    beside: colourBar(page, { axis, palette, under, over, keys, ...(only === undefined ? {} : { only }) }, theme),
  })
}

function quantityOf({ view, quantity }: Subject, { how }: Grid): string {
  if (how !== 'means') return quantity
  return view.dtype.name === 'bool' ? 'share of True' : `mean ${quantity}`
}

/** Blocks at the far ends may be cut: the picture is larger than its frame by what they lack. */
export function cellsImage(
  png: Uint8Array,
  { rows, cols, rowStep, colStep }: Pick<Grid, 'rows' | 'cols' | 'rowStep' | 'colStep'>,
  { extents }: Subject,
  { box }: Page,
  look: Look,
): string {
  const width = (box.width * cols * colStep) / (extents[1]?.count as number)
  const height = (box.height * rows * rowStep) / (extents[0]?.count as number)
  const flip = look.origin === 'lower' ? `matrix(1 0 0 -1 0 ${(2 * box.y + box.height).toFixed(2)})` : undefined
  const clip = element('clipPath', { id: 'data' }, element('rect', { ...box }))
  const image = imageOf(png, { x: box.x, y: box.y, width, height, transform: flip })
  return clip + element('g', { 'clip-path': 'url(#data)' }, image)
}

/** Both axes count elements. */
export function indexAxes(
  { extents }: Subject,
  { box }: Page,
  { xlabel, ylabel }: Look,
): Record<'x' | 'y', ReturnType<typeof indexTicks> & { name: string }> {
  const [down, across] = extents as [Subject['extents'][0], Subject['extents'][0]]
  const most = ticksAcross(box.width, (count) => indexTicks(across, count).ticks)
  return {
    x: { ...indexTicks(across, most), name: xlabel ?? across.name },
    y: { ...indexTicks(down, ticksUp(box.height)), name: ylabel ?? down.name },
  }
}

export function pageOptions({ width, height, scale, aspect }: Look): Parameters<typeof cellsPage>[3] {
  return { width, height, scale, aspect }
}

/** Finer pictures than this are no use to anybody. */
const MOST_CELLS = 4096

/** More cells than pixels would be lost. */
export function pixelsOf({ box }: Page, scale: number): { rows: number; cols: number } {
  const most = (length: number): number => Math.max(1, Math.min(MOST_CELLS, Math.round(length * scale)))
  return { rows: most(box.height), cols: most(box.width) }
}
