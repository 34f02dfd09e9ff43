// Pictures in the terminal: two pixels of colour in each character; shades of characters where there is no colour.

import type { Key } from './colour-bar.ts'
import { BAD, type Palette, type Rgb } from './colours.ts'
import type { Reading } from './cost.ts'
import { gridText } from './grid.ts'
import { heatOf } from './heat.ts'
import { pixelsWithin } from './image.ts'
import type { Look } from './look.ts'
import { type Cell, labelRow, painted, plain, type Screen, screenOf } from './screen.ts'
import type { Subject } from './subject.ts'
import { barPicture, heading, linePicture } from './terminal-lines.ts'
import { indexTicks, shortText } from './ticks.ts'

/** Title, subtitle, labels, colour bar, and the prompt after it. */
const OTHER_ROWS = 6
const SHADES = ' .:-=+*#%@'
const BAR_LENGTH = 32

/** The picture, as lines of text. */
export async function terminalPicture(
  subject: Subject,
  look: Look,
  reading: Reading,
  screen: Screen = screenOf(process.stdout, process.env),
): Promise<string> {
  if (subject.kind === 'line') return linePicture(subject, look, reading, screen)
  if (subject.kind === 'histogram') return barPicture(subject, look, reading, screen)
  const raster = rasterFor(subject, look, screen)
  return subject.kind === 'heatmap'
    ? heatPicture(subject, look, reading, screen, raster)
    : imagePicture(subject, look, reading, screen, raster)
}

/** Square pixels of a screen, and how many an element gets along both axes. */
interface Raster {
  readonly most: { readonly rows: number; readonly cols: number }
  readonly labelWidth: number
}

function rasterFor({ extents }: Subject, look: Look, { columns, rows, depth }: Screen): Raster {
  const [down, across] = extents as [Subject['extents'][0], Subject['extents'][0]]
  const labelWidth = Math.max(...indexTicks(down, 5).ticks.map(({ label }) => label.length))
  const room = columns - labelWidth - 1
  const [wide, high] = depth === 0 ? [Math.floor(room / 2), rows - OTHER_ROWS] : [room, 2 * (rows - OTHER_ROWS)]
  const most = { rows: Math.max(2, high), cols: Math.max(2, wide) }
  const ratio = Math.max(down.count / across.count, across.count / down.count)
  if (look.aspect === 'auto' || (look.aspect === undefined && ratio > 4)) return { most, labelWidth }
  const size = Math.min(most.cols / across.count, most.rows / down.count)
  const fit = (count: number): number => Math.max(1, Math.floor(count * (size >= 1 ? Math.floor(size) : size)))
  return { most: { rows: fit(down.count), cols: fit(across.count) }, labelWidth }
}

async function heatPicture(
  subject: Subject,
  look: Look,
  reading: Reading,
  screen: Screen,
  raster: Raster,
): Promise<string> {
  const heat = await heatOf(subject, raster.most, look, reading)
  const { cells, grid, norm, palette, under, over, keys } = heat
  const at = (row: number, col: number): number => cells[row * grid.cols + col] as number
  const shown =
    screen.depth === 0
      ? shades(subject, look, raster, grid, (row, col) => shadeOf(at(row, col), palette.steps))
      : halfBlocks(subject, look, raster, grid, screen, (row, col) => palette.colours[at(row, col)] as Rgb)
  const low = `${under ? '◀ ' : ''}${shortText(norm.low)} `.replaceAll('\u2009', ' ')
  const high = ` ${shortText(norm.high)}${over ? ' ▶' : ''}`.replaceAll('\u2009', ' ')
  const before = plain(' '.repeat(raster.labelWidth + 1) + low)
  const after = [...plain(high), ...keys.flatMap((key) => keyOf(key, palette, screen))]
  const room = Math.max(2, Math.min(BAR_LENGTH, screen.columns - before.length - after.length))
  const legend = [...before, ...barOf(palette, screen, room), ...after].slice(0, screen.columns)
  return `${[...heading(subject, look, heat.text, screen), ...shown, painted(legend, screen.depth)].join('\n')}\n`
}

function keyOf({ index, text }: Key, { colours, steps }: Palette, { depth }: Screen): Cell[] {
  const mark = depth === 0 ? shadeOf(index, steps) : '■'
  return [...plain('   '), { text: mark, ink: colours[index] as Rgb, ground: null }, ...plain(` ${text}`)]
}

function shadeOf(index: number, steps: number): string {
  if (index >= steps) return index === BAD ? '?' : '0'
  return SHADES[Math.floor((index * SHADES.length) / steps)] as string
}

function barOf({ colours, steps }: Palette, { depth }: Screen, length: number): Cell[] {
  return Array.from({ length }, (_, i) => {
    const index = Math.round((i * (steps - 1)) / (length - 1))
    return { text: depth === 0 ? shadeOf(index, steps) : '█', ink: colours[index] as Rgb, ground: null }
  })
}

async function imagePicture(
  subject: Subject,
  look: Look,
  reading: Reading,
  screen: Screen,
  raster: Raster,
): Promise<string> {
  const { grid, channels, data } = await pixelsWithin(subject, raster.most, reading)
  const ground = look.theme === 'dark' ? 0 : 255
  const colourAt = (row: number, col: number): Rgb => {
    const from = (row * grid.cols + col) * channels
    const rgb = channels === 1 ? [0, 0, 0] : [0, 1, 2]
    const alpha = channels === 4 ? (data[from + 3] as number) / 255 : 1
    return rgb.map((i) => Math.round(alpha * (data[from + i] as number) + (1 - alpha) * ground)) as unknown as Rgb
  }
  const shadeAt = (row: number, col: number): string => {
    const [red, green, blue] = colourAt(row, col)
    return shadeOf(Math.min(BAD - 1, Math.round(0.2126 * red + 0.7152 * green + 0.0722 * blue)), BAD)
  }
  const shown =
    screen.depth === 0
      ? shades(subject, look, raster, grid, shadeAt)
      : halfBlocks(subject, look, raster, grid, screen, colourAt)
  return `${[...heading(subject, look, gridText(grid), screen), ...shown].join('\n')}\n`
}

interface Cells {
  readonly rows: number
  readonly cols: number
}

/** So many pixels for each cell of the grid. */
function magnified({ most }: Raster, { rows, cols }: Cells): { down: number; across: number } {
  return { down: Math.max(1, Math.floor(most.rows / rows)), across: Math.max(1, Math.floor(most.cols / cols)) }
}

function halfBlocks(
  subject: Subject,
  look: Look,
  raster: Raster,
  grid: Cells,
  { depth }: Screen,
  colourAt: (row: number, col: number) => Rgb,
): string[] {
  const { down, across } = magnified(raster, grid)
  const height = grid.rows * down
  const pixel = (y: number, x: number): Rgb | null => {
    if (y >= height) return null
    const row = Math.floor(y / down)
    return colourAt(look.origin === 'lower' ? grid.rows - 1 - row : row, Math.floor(x / across))
  }
  const lines = Array.from({ length: Math.ceil(height / 2) }, (_, line) =>
    painted(
      Array.from({ length: grid.cols * across }, (_, x) => ({
        text: '▀',
        ink: pixel(2 * line, x),
        ground: pixel(2 * line + 1, x),
      })),
      depth,
    ),
  )
  return labelled(lines, subject, look, raster, grid.cols * across, height / 2)
}

function shades(
  subject: Subject,
  look: Look,
  raster: Raster,
  grid: Cells,
  shadeAt: (row: number, col: number) => string,
): string[] {
  const { down, across } = magnified(raster, grid)
  const lines = Array.from({ length: grid.rows * down }, (_, line) => {
    const row = Math.floor(line / down)
    const from = look.origin === 'lower' ? grid.rows - 1 - row : row
    return Array.from({ length: grid.cols }, (_, col) => shadeAt(from, col).repeat(2 * across)).join('')
  })
  return labelled(lines, subject, look, raster, 2 * grid.cols * across, lines.length)
}

/** With indices at its left and below. */
function labelled(
  lines: readonly string[],
  { extents }: Subject,
  look: Look,
  { labelWidth }: Raster,
  columns: number,
  height: number,
): string[] {
  const [down, across] = extents as [Subject['extents'][0], Subject['extents'][0]]
  const labels = new Map<number, string>()
  for (const { at, label } of indexTicks(down, Math.max(2, Math.min(5, Math.floor(lines.length / 2)))).ticks) {
    const place = Math.floor((look.origin === 'lower' ? 1 - at : at) * height)
    if (!labels.has(place)) labels.set(place, label.replaceAll('\u2009', ' '))
  }
  const beside = lines.map((line, i) => `${(labels.get(i) ?? '').padStart(labelWidth)} ${line}`)
  const below = labelRow(indexTicks(across, Math.max(2, Math.floor(columns / 12))).ticks, columns)
  return [...beside, `${' '.repeat(labelWidth + 1)}${below}`]
}
