// SVG to PNG, with a font that comes along: the same picture on every machine.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encode } from 'fast-png'
import { UsageError } from '../failure.ts'

const PACKAGES = ['@resvg/resvg-js', 'dejavu-fonts-ttf']
/** 512 MiB in memory. */
const MOST_PIXELS = 2 ** 27
const FONT = 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf'

/** The picture, so many pixels for each of the SVG. */
export async function rasterised(svg: string, scale: number): Promise<Uint8Array> {
  const { Resvg } = await rasteriser()
  const font = { loadSystemFonts: false, fontFiles: [fontPath()], defaultFontFamily: 'DejaVu Sans' }
  const picture = new Resvg(svg, { fitTo: { mode: 'zoom', value: scale }, font, logLevel: 'off' })
  if (picture.width * picture.height * scale * scale > MOST_PIXELS) {
    throw new UsageError('plot: that are too many pixels', 'a smaller --width, --height or --scale, or write .svg')
  }
  const { width, height, pixels } = picture.render()
  return encode({ width, height, data: opaque(pixels), channels: 3, depth: 8 }, { zlib: { level: 6 } })
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
