// SVG to PNG, with a font that comes along: the same picture on every machine.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encode } from 'fast-png'
import { UsageError } from '../failure.ts'

const PACKAGES = ['@resvg/resvg-js', 'dejavu-fonts-ttf']
/** 512 MiB in memory. */
const MOST_PIXELS = 2 ** 27
const FONT = 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf'

/** The picture, so many pixels for each of the SVG; told what of its text no font has. */
export async function rasterised(
  svg: string,
  scale: number,
  warn: (text: string) => void = () => {},
): Promise<Uint8Array> {
  const { Resvg } = await rasteriser()
  const own = { loadSystemFonts: false, fontFiles: [fontPath()], defaultFontFamily: 'DejaVu Sans' }
  const foreign = boxesAmong(charactersOf(svg), Resvg, own)
  // Looked for only where they are needed: it takes long, and pictures would differ between machines.
  const font = foreign.length === 0 ? own : { ...own, loadSystemFonts: true }
  const boxes = foreign.length === 0 ? [] : boxesAmong(foreign, Resvg, font)
  if (boxes.length > 0) {
    warn(`no font here has ${boxes.join(' ')}: boxes in the .png; write .svg, whose viewer chooses the font`)
  }
  const picture = new Resvg(svg, { fitTo: { mode: 'zoom', value: scale }, font, logLevel: 'off' })
  if (picture.width * picture.height * scale * scale > MOST_PIXELS) {
    throw new UsageError('plot: that are too many pixels', 'a smaller --width, --height or --scale, or write .svg')
  }
  const { width, height, pixels } = picture.render()
  return encode({ width, height, data: opaque(pixels), channels: 3, depth: 8 }, { zlib: { level: 6 } })
}

type Rasteriser = typeof import('@resvg/resvg-js').Resvg
type FontOptions = NonNullable<NonNullable<ConstructorParameters<Rasteriser>[1]>['font']>

/** Of text, those beyond ASCII. */
function charactersOf(svg: string): string[] {
  const texts = [...svg.matchAll(/>([^<>]*)<\/text>/g)].map((match) => match[1] as string)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  return [...new Set(texts.join('').replace(/[\u0000-\u007F]/g, ''))].slice(0, MOST_CHECKED)
}

const MOST_CHECKED = 256
/** For private use: no font has it, so that it is drawn as what no font has. */
const NOBODYS = '\u{10FFFD}'
const CELL = 32

/** Those that are drawn as the box that stands for what a font lacks. */
function boxesAmong(characters: readonly string[], Resvg: Rasteriser, font: FontOptions): string[] {
  if (characters.length === 0) return []
  const row = [NOBODYS, ...characters]
  const texts = row.map((character, i) => `<text x="${4 + i * CELL}" y="22" font-size="16">${character}</text>`)
  const size = `width="${row.length * CELL}" height="${CELL}" font-family="DejaVu Sans"`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${texts.join('')}</svg>`
  const { width, pixels } = new Resvg(svg, { font, logLevel: 'off' }).render()
  const cell = (i: number): string => {
    const lines = Array.from({ length: CELL }, (_, y) =>
      pixels.subarray((y * width + i * CELL) * 4).subarray(0, CELL * 4),
    )
    return Buffer.concat(lines).toString('latin1')
  }
  const box = cell(0)
  return characters.filter((_, i) => cell(i + 1) === box)
}

/** Without what says how clear they are: half as large a file. Figures have a ground, so that nothing is. */
function opaque(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3)
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] as number
    rgb[to + 1] = rgba[from + 1] as number
    rgb[to + 2] = rgba[from + 2] as number
  }
  return rgb
}

async function rasteriser(): Promise<typeof import('@resvg/resvg-js')> {
  try {
    return await import('@resvg/resvg-js')
  } catch (cause) {
    throw missing(cause)
  }
}

function fontPath(): string {
  try {
    const path = fileURLToPath(import.meta.resolve(FONT))
    readFileSync(path)
    return path
  } catch (cause) {
    throw missing(cause)
  }
}

function missing(cause: unknown): UsageError {
  const error = new UsageError(
    'plot: to write .png the packages @resvg/resvg-js and dejavu-fonts-ttf are needed, and are not installed',
    `npm install ${PACKAGES.join(' ')}, or write .svg`,
  )
  error.cause = cause
  return error
}
