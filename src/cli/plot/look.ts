// The options of `npymap plot` that say how it looks.

import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { parseCount } from '../target.ts'
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
    .option('--terminal', 'draw in the terminal (so without -o)')
    .option('--kind <kind>', `${KINDS.join(', ')}; what suits shape and dtype when left out`, oneOf('--kind', KINDS))
    .option('--budget <bytes>', 'read no more than this (64M); larger arrays are sampled', parseCount)
    .option('--title <text>', 'in place of file and selection')
    .option('--width <pixels>', 'of the figure (800)', sizeOf('--width'))
    .option('--height <pixels>', 'of the figure (as the data asks for)', sizeOf('--height'))
    .option('--scale <factor>', 'pixels of a .png for each of the figure', scaleOf, 2)
    .option('--cmap <name>', `${MAP_NAMES.join(', ')}; with _r backwards`, 'viridis')
    .option('--center <number>', 'the number in the middle of the colours (RdBu: 0)', numberOf('--center'))
    .option('--vmin <number>', 'where colours, or the axis of values, begin', numberOf('--vmin'))
    .option('--vmax <number>', 'and where they end', numberOf('--vmax'))
    .option('--robust <percentiles>', 'the range in percentiles: 1,99 (floats with outliers: 0.5,99.5)', percentiles)
    .option('--log', 'colours by orders of magnitude; lines, histograms: a logarithmic axis')
    .option('--bins <count>', 'of a histogram', sizeOf('--bins'))
    .option('--origin <place>', 'of the first row: upper or lower', oneOf('--origin', ['upper', 'lower']), 'upper')
    .option(
      '--aspect <aspect>',
      'equal: elements are squares; auto: fill the figure',
      oneOf('--aspect', ['equal', 'auto']),
    )
    .option('--theme <theme>', 'light or dark', oneOf('--theme', ['light', 'dark']), 'light')
}

function oneOf<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found === undefined)
      throw new UsageError(`${option}: expected ${words.join(' or ')}, got ${JSON.stringify(text)}`)
    return found
  }
}

function numberOf(option: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(value)) throw new UsageError(`${option}: expected a number, got ${JSON.stringify(text)}`)
    return value
  }
}

const MOST_PIXELS = 10_000

function sizeOf(option: string): (text: string) => number {
  return (text) => {
    const count = parseCount(text)
    if (count >= 1 && count <= MOST_PIXELS) return count
    throw new UsageError(`${option}: expected 1 to ${MOST_PIXELS}, got ${text}`)
  }
}

function scaleOf(text: string): number {
  const scale = numberOf('--scale')(text)
  if (scale > 0 && scale <= 8) return scale
  throw new UsageError(`--scale: expected a number up to 8, got ${text}`)
}

function percentiles(text: string): [number, number] {
  const [low, high, ...more] = text.split(',').map(numberOf('--robust'))
  if (low !== undefined && high !== undefined && more.length === 0 && low >= 0 && low < high && high <= 100)
    return [low, high]
  throw new UsageError(`--robust: expected two percentiles such as 1,99, got ${JSON.stringify(text)}`)
}
