// All that draws.

import type { Reading } from './cost.ts'
import { heatFigure } from './heat.ts'
import { histogramFigure } from './histogram.ts'
import { imageFigure } from './image.ts'
import { lineFigure } from './lines.ts'
import type { Look } from './look.ts'
import type { Kind, Subject } from './subject.ts'

export { rasterised } from './raster.ts'
export { terminalPicture } from './terminal.ts'

const FIGURES: Readonly<Record<Kind, (subject: Subject, look: Look, reading: Reading) => Promise<string>>> = {
  heatmap: heatFigure,
  line: lineFigure,
  histogram: histogramFigure,
  image: imageFigure,
}

/** The figure of its kind, as SVG. */
export async function figureOf(subject: Subject, look: Look, reading: Reading): Promise<string> {
  return FIGURES[subject.kind](subject, look, reading)
}
