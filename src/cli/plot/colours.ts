// Colour maps as palettes of 256: steps from low to high, and behind them the colours of what has no place on the map.

import {
  interpolateCividis,
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateRdBu,
  interpolateViridis,
} from 'd3-scale-chromatic'
import { UsageError } from '../failure.ts'
import { MAP_NAMES } from './look.ts'
import type { Norm } from './norm.ts'

export type Rgb = readonly [red: number, green: number, blue: number]

const MAPS: Readonly<Record<(typeof MAP_NAMES)[number], (t: number) => string>> = {
  viridis: interpolateViridis,
  magma: interpolateMagma,
  inferno: interpolateInferno,
  plasma: interpolatePlasma,
  cividis: interpolateCividis,
  grey: (t) => `rgb(${Math.round(t * 255)}, ${Math.round(t * 255)}, ${Math.round(t * 255)})`,
  RdBu: interpolateRdBu,
}

/** The index of the colour of NaN. */
export const BAD = 255
/** The index of the colour of zero and what is below it, on maps by orders of magnitude. */
export const NOT_ABOVE_ZERO = 254
/** Grey is between the colours of most maps, but is one of these. */
const GREYISH = ['grey', 'cividis']
/** Nearly white is at an end, or in the middle, of these. */
const WHITISH = ['grey', 'RdBu']

export interface Palette {
  readonly colours: readonly Rgb[]
  readonly isDiverging: boolean
  /** So many of the colours are the map. */
  readonly steps: number
}

/** A colour map by its name; with `_r` behind it, backwards. One by orders of magnitude tells zero from NaN. */
export function paletteOf(name: string, isLog = false): Palette {
  const [, base, reversed] = /^(.*?)(_r)?$/s.exec(name === 'gray' ? 'grey' : name) as unknown as (string | undefined)[]
  const known = MAP_NAMES.find((one) => one === base)
  if (known === undefined) {
    throw new UsageError(
      `--cmap: there is no ${JSON.stringify(name)}`,
      `there are ${MAP_NAMES.join(', ')}; _r reverses`,
    )
  }
  const map = MAPS[known]
  const count = isLog ? NOT_ABOVE_ZERO : BAD
  const steps = Array.from({ length: count }, (_, i) => rgbOf(map(i / (count - 1))))
  const bad: Rgb = GREYISH.includes(known) ? [214, 64, 92] : [150, 150, 150]
  const zero: Rgb = WHITISH.includes(known) ? [96, 176, 110] : [222, 222, 222]
  const colours = [...(reversed === undefined ? steps : steps.reverse()), ...(isLog ? [zero] : []), bad]
  return { colours, isDiverging: known === 'RdBu', steps: count }
}

function rgbOf(text: string): Rgb {
  const parts = text.startsWith('#')
    ? [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16))
    : [...text.matchAll(/\d+/g)].map(Number)
  return [parts[0] as number, parts[1] as number, parts[2] as number]
}

/** `#3b528b`. */
export function hex(colour: Rgb): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

/** The colour of each number, as an index into the palette. */
export function coloured(values: ArrayLike<number>, norm: Norm): Uint8Array {
  const steps = norm.isLog ? NOT_ABOVE_ZERO : BAD
  return Uint8Array.from(values, (value) => {
    const at = norm.at(value)
    if (Number.isNaN(at)) return norm.isLog && value <= 0 ? NOT_ABOVE_ZERO : BAD
    return Math.max(0, Math.min(steps - 1, Math.floor(at * steps)))
  })
}
