// From which number to which one colours and axes go.

import { UsageError } from '../failure.ts'

export interface RangeOptions {
  readonly vmin: number | undefined
  readonly vmax: number | undefined
  /** Percentiles between which the range is; without outliers in the data when left out. */
  readonly robust: readonly [low: number, high: number] | undefined
}

export interface Range {
  readonly low: number
  readonly high: number
}

/** What floats are cut to when there is much more beyond. */
const OUTLIER_PERCENTILES = [0.5, 99.5] as const
/** Outliers make the range so many times longer, unless it is told how many. */
const OUTLIER_FACTOR = 1.5

/** The range of numbers whose percentiles are known; NaN when there are none. */
export function rangeOf(
  percentile: (percent: number) => number,
  options: RangeOptions & { whole: boolean; outlierFactor?: number },
): Range {
  const { vmin, vmax, robust, whole, outlierFactor = OUTLIER_FACTOR } = options
  if (vmin !== undefined && vmax !== undefined) return checked({ low: vmin, high: vmax })
  const found =
    robust === undefined ? usual(percentile, whole ? Number.POSITIVE_INFINITY : outlierFactor) : cut(percentile, robust)
  return checked({ low: vmin ?? found.low, high: vmax ?? found.high })
}

/** Between numbers nearer to each other than this there are no round ones. */
const LEAST_LENGTH = 1e-290

function checked(range: Range): Range {
  if (range.low > range.high)
    throw new UsageError(`plot: the range ends (${range.high}) before it begins (${range.low})`)
  const length = range.high - range.low
  if (length === Number.POSITIVE_INFINITY || (length > 0 && length < LEAST_LENGTH)) {
    const what = length > 1 ? 'long' : 'short'
    throw new UsageError(`plot: ${range.low} to ${range.high} is too ${what} a range`, 'give --vmin and --vmax')
  }
  return range
}

function cut(percentile: (percent: number) => number, [from, to]: readonly [number, number]): Range {
  const range = { low: percentile(from), high: percentile(to) }
  // Mostly one value: a range of no length would hide all the others.
  return range.low < range.high ? range : { low: percentile(0), high: percentile(100) }
}

function usual(percentile: (percent: number) => number, factor: number): Range {
  const all = { low: percentile(0), high: percentile(100) }
  const most = cut(percentile, OUTLIER_PERCENTILES)
  return all.high - all.low > factor * (most.high - most.low) ? most : all
}

/** Percentiles of some numbers, NaN and infinities left out; as NumPy's, linear in between. */
export function percentilesOf(values: ArrayLike<number>): (percent: number) => number {
  const finite = Float64Array.from(values).filter(Number.isFinite).sort()
  return (percent) => {
    const at = (percent / 100) * (finite.length - 1)
    const below = Math.floor(at)
    const [low, high] = [finite[below] ?? Number.NaN, finite[below + 1] ?? finite[below] ?? Number.NaN]
    return low + (high - low) * (at - below)
  }
}
