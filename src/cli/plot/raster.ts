// SVG to PNG, with a font that comes along: the same picture on every machine.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
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
  return picture.render().asPng()
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
