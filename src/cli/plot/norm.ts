// Numbers to places between 0 and 1: on a colour bar, or along an axis.

import { UsageError } from '../failure.ts'
import type { Range } from './limits.ts'

/** A scale. `at` is below 0 and above 1 outside of its range, and NaN where it has no place for a number. */
export interface Norm extends Range {
  readonly isLog: boolean
  at(value: number): number
}

/** In proportion. A range of one number has it in the middle. */
export function linearNorm({ low, high }: Range): Norm {
  const at = (value: number): number => {
    if (high > low) return (value - low) / (high - low)
    return value === low
      ? 0.5
      : value < low
        ? Number.NEGATIVE_INFINITY
        : value > low
          ? Number.POSITIVE_INFINITY
          : Number.NaN
  }
  return { low, high, isLog: false, at }
}

/** By orders of magnitude; zero and what is below it have no place. */
export function logNorm({ low, high }: Range): Norm {
  if (!(low > 0)) throw nothingAboveZero()
  const [from, length] = [Math.log(low), Math.log(high) - Math.log(low)]
  const at = (value: number): number => {
    if (!(value > 0)) return Number.NaN
    return length === 0 ? linearNorm({ low, high }).at(value) : (Math.log(value) - from) / length
  }
  return { low, high, isLog: true, at }
}

/** What logarithms have to say to this. */
export function nothingAboveZero(): UsageError {
  return new UsageError('plot: --log needs numbers above zero', 'give --vmin above zero, or leave --log out')
}

/** With one number in the middle; the same length on both sides unless both ends are told. */
export function centredNorm(range: Range, centre: number, isTold: boolean): Norm {
  const half = Math.max(Math.abs(range.low - centre), Math.abs(range.high - centre))
  const { low, high } = isTold ? range : { low: centre - half, high: centre + half }
  if (isTold && !(low < centre && centre < high)) {
    throw new UsageError(`plot: --center ${centre} is not between --vmin and --vmax`)
  }
  if (low === high) return linearNorm({ low, high })
  const at = (value: number): number =>
    value < centre ? 0.5 - (centre - value) / (centre - low) / 2 : 0.5 + (value - centre) / (high - centre) / 2
  return { low, high, isLog: false, at }
}
