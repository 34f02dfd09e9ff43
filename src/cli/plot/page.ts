// How large a figure is, and the part of it where the data goes.

import { UsageError } from '../failure.ts'
import type { Margins, Page } from './frame.ts'

/** What the options say of the size. */
export interface PageOptions {
  readonly width: number | undefined
  readonly height: number | undefined
  /** Pixels of the file for each of the figure. */
  readonly scale: number
  readonly aspect: 'equal' | 'auto' | undefined
}

/** Fewer pixels of data, across or down, show nothing. */
const LEAST_ROOM = 40
/** A colour bar needs more than data that is far wider than high. */
const BAR_HEIGHT = 60
const WIDTH = 800
const HEIGHT = 500
const MOST_HEIGHT = 640
/** Room for titles, whatever the data is like. */
const LEAST_WIDTH = 420
/** Longer ones fill the room. */
const SQUARE_RATIO = 4
/** Cells become whole pixels when the picture does not shrink by more. */
const SHRINK = 0.8

/** Refuses sizes that leave no room for the data. */
export function checkRoom(
  { top, right, bottom, left }: Margins,
  { width, height }: Pick<PageOptions, 'width' | 'height'>,
): void {
  for (const [option, size, taken] of [
    ['--width', width, left + right],
    ['--height', height, top + bottom],
  ] as const) {
    const least = Math.ceil(taken + LEAST_ROOM)
    if (size !== undefined && size < least) {
      throw new UsageError(`${option}: ${size} leaves no room for the data`, `${least} is the least for this picture`)
    }
  }
}

/** The size of lines and bars: of a shape that does not become narrow and high when the width is told. */
export function chartOptions({
  width = WIDTH,
  height = Math.round(Math.max(260, Math.min(400, width * 0.8), width * 0.4)),
  scale,
}: Partial<PageOptions> & Pick<PageOptions, 'scale'>): PageOptions & {
  readonly width: number
  readonly height: number
} {
  return { width, height, scale, aspect: undefined }
}

/** A page that the data fills. */
export function fullPage(margins: Margins, { width = WIDTH, height = HEIGHT }: PageOptions): Page {
  const box = {
    x: margins.left,
    y: margins.top,
    width: Math.max(20, width - margins.left - margins.right),
    height: Math.max(20, height - margins.top - margins.bottom),
  }
  return { width, height, box }
}

/** A page for so many rows and columns. Square ones stay squares unless they are far longer than wide. */
export function cellsPage(margins: Margins, rows: number, cols: number, options: PageOptions): Page {
  const { width, height, scale, aspect } = options
  const isEqual = aspect === 'equal' || (aspect === undefined && Math.max(rows / cols, cols / rows) <= SQUARE_RATIO)
  const full = fullPage(
    margins,
    isEqual ? { ...options, height: height ?? Math.max(MOST_HEIGHT, Math.round((width ?? 0) * 0.8)) } : options,
  )
  if (!isEqual) {
    const snap = (length: number, count: number): number => (snapped((length / count) * scale) * count) / scale
    const [across, down] = [snap(full.box.width, cols), snap(full.box.height, rows)]
    return hugging(margins, full, across, down, { width, height })
  }
  const cell = snapped(Math.min(full.box.width / cols, full.box.height / rows) * scale) / scale
  return hugging(margins, full, Math.max(1, cell * cols), Math.max(1, cell * rows), { width, height })
}

/** The size of a cell in whole pixels, where that takes little away; blocks of less than a pixel stay as they are. */
function snapped(pixels: number): number {
  const whole = Math.floor(pixels)
  return whole >= 1 && whole / pixels >= SHRINK ? whole : pixels
}

/** As large as the data asks for, or as was told. */
function hugging(
  margins: Margins,
  full: Page,
  across: number,
  down: number,
  told: { width: number | undefined; height: number | undefined },
): Page {
  const width = told.width ?? Math.max(LEAST_WIDTH, Math.ceil(margins.left + across + margins.right))
  const height = told.height ?? Math.ceil(margins.top + Math.max(BAR_HEIGHT, down) + margins.bottom)
  const x = margins.left + Math.floor(Math.max(0, width - margins.left - margins.right - across) / 2)
  const spare = Math.max(0, Math.min(BAR_HEIGHT, height - margins.top - margins.bottom) - down)
  return { width, height, box: { x, y: full.box.y + spare / 2, width: across, height: down }, spare }
}
