// A second pass, for numbers that are close to each other and far from zero, such as years and times: of these the sketch of the
// first has few buckets. They are counted in equal parts between their extremes.

import type { NdView } from '../index.ts'
import { numbersOf } from './numbers.ts'
import { piecesOf } from './pieces.ts'
import { type Spread, spreadOver, type Tally } from './stats-kernel.ts'

const LEAST_PARTS = 2 ** 16

/** True where a bucket of the sketch is wider than one of so many bins between the extremes. */
export function isTooCoarse(tally: Tally, bins: number): boolean {
  const { finite, min, max } = tally
  if (finite === 0 || min === max) return false
  const width = max / bins - min / bins
  for (const [low, high] of spreadOver(tally)) if (high - low > width) return true
  return false
}

/** As {@link spreadOver}, from another pass over the same view: at least `bins` parts, a multiple of it. */
export async function fineSpread(
  view: NdView,
  { min, max }: Tally,
  bins: number,
  signal: AbortSignal,
): Promise<() => Spread> {
  const parts = Math.max(bins, 1) * Math.ceil(LEAST_PARTS / Math.max(bins, 1))
  const counts = new Float64Array(parts)
  const perUnit = parts / (max - min)
  for await (const { view: piece } of piecesOf(view, { signal })) {
    const values = numbersOf(piece, true)
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i])
      if (!Number.isFinite(value)) continue
      counts[Math.min(parts - 1, Math.max(0, Math.floor((value - min) * perUnit)))]!++
    }
  }
  return function* () {
    for (let i = 0; i < parts; i++) {
      const count = counts[i] as number
      if (count > 0) yield [min + i / perUnit, i === parts - 1 ? max : min + (i + 1) / perUnit, count]
    }
  }
}
