// The options of `npymap plot` that say how it looks.

import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { countOf, numberOf, oneOf, unexpected } from '../options.ts'
import { KINDS, type Kind } from './subject.ts'

/** Colour maps. */
export const MAP_NAMES = ['viridis', 'magma', 'inferno', 'plasma', 'cividis', 'grey', 'RdBu'] as const

/** What commander makes of the options. */
export interface Look {
  readonly kind?: Kind
  readonly output?: string
  readonly terminal?: boolean
  readonly width?: number
  readonly height?: number
  readonly scale: number
  readonly title?: string
  /** False when the line below the title is not wanted. */
  readonly subtitle?: boolean
  readonly xlabel?: string
  readonly ylabel?: string
  readonly label?: string
  readonly cmap: string
  readonly center?: number
  readonly robust?: readonly [number, number]
  readonly vmin?: number
  readonly vmax?: number
  readonly log?: boolean
  readonly bins?: number
  readonly theme: 'light' | 'dark'
  readonly origin: 'upper' | 'lower'
  readonly aspect?: 'equal' | 'auto'
  readonly budget?: number
}

/** Adds them. */
export function withLook(command: Command): Command {
  return command
    .option('-o, --output <file>', 'a .png or .svg')
    .option('--terminal', 'draw in the terminal (as without -o)')
    .option('--kind <kind>', `${KINDS.join(', ')}; left out, what suits shape and dtype`, oneOf('--kind', KINDS))
    .option('--budget <bytes>', 'read no more than this (64M); larger arrays are sampled', countOf('--budget'))
    .option('--title <text>', 'in place of file and selection')
    .option('--no-subtitle', 'leave out the line below the title')
    .option('--xlabel <text>', 'in place of the name of the axis below')
    .option('--ylabel <text>', 'in place of the name of the axis on the left')
    .option('--label <text>', 'what the values are: at the colour bar, or at the axis that has them')
    .option('--width <pixels>', 'of the figure (800)', countOf('--width', UP_TO))
    .option('--height <pixels>', 'of the figure (as the data asks for)', countOf('--height', UP_TO))
    .option('--scale <factor>', 'pixels of a .png for each of the figure', scaleOf, 2)
    .option('--cmap <name>', `${MAP_NAMES.join(', ')}; with _r backwards`, 'viridis')
    .option('--center <number>', 'the number in the middle of the colours (RdBu: 0)', numberOf('--center'))
    .option('--vmin <number>', 'where colours, or the axis of values, begin', numberOf('--vmin'))
    .option('--vmax <number>', 'and where they end', numberOf('--vmax'))
    .option('--robust <percentiles>', 'the range in percentiles: 1,99 (floats with outliers: 0.5,99.5)', percentiles)
    .option('--log', 'colours by orders of magnitude; lines, histograms: a logarithmic axis')
    .option('--bins <count>', 'of a histogram (as many as suit it)', countOf('--bins', UP_TO))
    .option('--origin <place>', 'of the first row: upper or lower', oneOf('--origin', ['upper', 'lower']), 'upper')
    .option(
      '--aspect <aspect>',
      'equal: elements are squares; auto: fill the figure',
      oneOf('--aspect', ['equal', 'auto']),
    )
    .option('--theme <theme>', 'light or dark', oneOf('--theme', ['light', 'dark']), 'light')
}

/** More than any screen has. */
const MOST_PIXELS = 10_000
const UP_TO = { least: 1, most: MOST_PIXELS }

function scaleOf(text: string): number {
  const scale = Number(text)
  if (scale > 0 && scale <= 8) return scale
  throw unexpected('--scale', 'a number above 0, up to 8', text)
}

function percentiles(text: string): [number, number] {
  const [low, high, ...more] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (low !== undefined && high !== undefined && more.length === 0 && low >= 0 && low < high && high <= 100)
    return [low, high]
  throw unexpected('--robust', 'two percentiles such as 1,99', text)
}

type Format = 'terminal' | 'png' | 'svg'

/** Options that not every kind of picture has a use for. */
const FITTING: readonly (readonly [option: keyof Look, kinds: readonly Kind[]])[] = [
  ['cmap', ['heatmap']],
  ['center', ['heatmap']],
  ['label', ['heatmap', 'line', 'histogram']],
  ['vmin', ['heatmap', 'line', 'histogram']],
  ['vmax', ['heatmap', 'line', 'histogram']],
  ['robust', ['heatmap', 'line', 'histogram']],
  ['log', ['heatmap', 'line', 'histogram']],
  ['bins', ['histogram']],
  ['origin', ['heatmap', 'image']],
  ['aspect', ['heatmap', 'image']],
]
/** Of a figure; the terminal has its own. */
const OF_FIGURES: readonly (keyof Look)[] = ['width', 'height', 'scale', 'theme', 'xlabel', 'ylabel', 'label']

/** Refuses options that would be ignored. */
export function checkLook(isGiven: (option: keyof Look) => boolean, kind: Kind, format: Format): void {
  for (const [option, kinds] of FITTING) {
    if (!isGiven(option) || kinds.includes(kind)) continue
    throw new UsageError(`--${option}: is for --kind ${kinds.join(' or ')}, this is ${kind}`)
  }
  const axis = kind === 'line' ? 'ylabel' : 'xlabel'
  if (kind !== 'heatmap' && isGiven('label') && isGiven(axis)) {
    throw new UsageError(`--label: has no use with --${axis}, which names the same axis of --kind ${kind}`)
  }
  if (isGiven('center') && isGiven('log')) throw new UsageError('--center: has no use with --log')
  if (isGiven('robust') && isGiven('vmin') && isGiven('vmax')) {
    throw new UsageError('--robust: has no use with both --vmin and --vmax')
  }
  if (format !== 'terminal') return
  for (const option of OF_FIGURES) {
    // What is behind a picture that can be seen through.
    if (!isGiven(option) || (option === 'theme' && kind === 'image')) continue
    throw new UsageError(`--${option}: is for figures, the terminal has its own`, 'give -o FILE.png or FILE.svg')
  }
}
