// Percentiles and a histogram as NumPy has them, of arrays that are small enough to be sorted.

import type { NdView } from '../index.ts'
import { numbersOf } from './numbers.ts'
import type { Histogram } from './stats-kernel.ts'

const MOST_ELEMENTS = 2 ** 22

/** The finite numbers of a view, the least first; null where there are too many. */
export function sortedNumbers(view: NdView): Float64Array | null {
  if (view.size > MOST_ELEMENTS) return null
  return Float64Array.from(numbersOf(view, true) as ArrayLike<number>, Number)
    .filter(Number.isFinite)
    .sort()
}

/** `np.percentile`, between two numbers linearly. */
export function percentileOf(sorted: Float64Array, percent: number): number {
  const place = (percent / 100) * (sorted.length - 1)
  const before = Math.floor(place)
  const low = sorted[before] as number
  const high = sorted[Math.min(before + 1, sorted.length - 1)] as number
  const part = place - before
  // From the nearer end, and by parts: a difference may be too large for a number.
  return high === low ? low : low * (1 - part) + high * part
}

/** `np.histogram`: bins have their lower edge, the last one both. */
export function histogramOf(sorted: Float64Array, bins: number): Histogram {
  if (sorted.length === 0) return { edges: [], counts: [] }
  const [min, max] = [sorted[0] as number, sorted.at(-1) as number]
  if (min === max) return { edges: [min, max], counts: [sorted.length] }
  const edges = Array.from({ length: bins + 1 }, (_, i) => min * (1 - i / bins) + max * (i / bins))
  const starts = edges.map((edge, i) => (i === bins ? sorted.length : firstNotBelow(sorted, edge)))
  return { edges, counts: edges.slice(0, -1).map((_, i) => (starts[i + 1] as number) - (starts[i] as number)) }
}

function firstNotBelow(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
