// How often which numbers occur: two passes over what the budget lets be read, one for the range and one for the counts.

import type { NdView } from '../../index.ts'
import { addNumbers, emptyTally, percentile, type Tally } from '../stats-kernel.ts'
import type { Reading } from './cost.ts'
import { everyText } from './grid.ts'
import { type RangeOptions, rangeOf } from './limits.ts'
import { isWhole, numbersOf } from './numbers.ts'

/** A histogram. Bin `i` is from `low + i * width` on. */
export interface Bins {
  readonly low: number
  readonly width: number
  readonly counts: readonly number[]
  readonly below: number
  readonly above: number
  readonly nanCount: number
  /** Numbers that were read, without NaN. */
  readonly size: number
  /** What was read, in words; nothing when it was all. */
  readonly text: string
}

export interface BinOptions extends RangeOptions {
  readonly bins: number | undefined
}

/** At most so many pieces are read of what is larger than the budget. */
const PIECES = 256
const PIECE_BYTE_LENGTH = 4 * 1024 * 1024
/** Tails are what a histogram is for: only very long ones are cut. */
const OUTLIER_FACTOR = 4
const [LEAST_BINS, MOST_BINS] = [10, 100]
/** So many whole numbers get a bar each. */
const MOST_SINGLE = 256

/** The histogram of all elements of a view. */
export async function binsOf(view: NdView, options: BinOptions, reading: Reading): Promise<Bins> {
  // Both passes read.
  const { parts, text } = partsWithin(view, reading.budget)
  const tally = emptyTally()
  for (const part of parts) {
    for await (const numbers of piecesOf(part, reading)) addNumbers(tally, numbers)
  }
  const whole = isWhole(view.dtype)
  const { low, high } = rangeOf(percentilesOf(tally), { ...options, whole, outlierFactor: OUTLIER_FACTOR })
  const layout = layoutOf(low, high, tally, whole, options.bins)
  const counts = new Array<number>(layout.count).fill(0)
  const beyond = { below: tally.negInf, above: tally.posInf }
  for (const part of parts) {
    for await (const numbers of piecesOf(part, reading)) addCounts(counts, beyond, numbers, layout, high)
  }
  const size = tally.finite + tally.posInf + tally.negInf
  return { low: layout.low, width: layout.width, counts, ...beyond, nanCount: tally.nan, size, text }
}

function percentilesOf(tally: Tally): (percent: number) => number {
  return (percent) => percentile(tally, percent)
}

/** All of a view, or runs of it at regular distances that are no longer than the budget together. */
function partsWithin(view: NdView, budget: number): { parts: NdView[]; text: string } {
  if (view.ndim === 0) return { parts: [view.slice('newaxis')], text: '' }
  if (view.nbytes <= budget) return { parts: [view], text: '' }
  const flat = view.order === null ? null : (view.order === 'F' ? view.transpose() : view).reshape(-1)
  if (flat !== null) {
    const size = flat.shape[0] as number
    const pieces = Math.max(1, Math.min(PIECES, Math.floor(budget / 4096)))
    const block = Math.ceil(size / pieces)
    const seen = Math.max(1, Math.floor(budget / pieces / flat.dtype.itemSize))
    const starts = Array.from({ length: Math.ceil(size / block) }, (_, i) => i * block)
    const parts = starts.map((start) => flat.slice(`${start}:${start + seen}`))
    return { parts, text: `${seen} out of every ${block} elements` }
  }
  return strided(view, budget)
}

/** Elements that lie apart, which cost a page each at worst. */
function strided(view: NdView, budget: number): { parts: NdView[]; text: string } {
  const steps = view.shape.map(() => 1)
  const costOf = (part: NdView): number => part.size * 4096
  let part = view
  while (costOf(part) > budget) {
    const axis = part.shape.indexOf(Math.max(...part.shape))
    if (part.shape[axis] === 1) break
    steps[axis] = Math.ceil((steps[axis] as number) * 1.2)
    part = view.slice(...steps.map((step) => `::${step}`))
  }
  const words = steps.flatMap((step, axis) => (step > 1 ? [`${everyText(step)} of axis ${axis}`] : []))
  return { parts: [part], text: words.join(', ') }
}

async function* piecesOf(view: NdView, { signal, onRead }: Reading): AsyncGenerator<ArrayLike<number>> {
  for await (const { view: part } of view.chunks({ byteLength: PIECE_BYTE_LENGTH, signal })) {
    yield await numbersOf(part, signal)
    onRead(part.nbytes)
  }
}

interface Layout {
  readonly low: number
  readonly width: number
  readonly count: number
}

function layoutOf(low: number, high: number, tally: Tally, whole: boolean, asked: number | undefined): Layout {
  if (!Number.isFinite(low)) return { low: 0, width: 1, count: asked ?? 1 }
  if (whole) {
    const values = high - low + 1
    const most = asked ?? (values <= MOST_SINGLE ? values : MOST_BINS)
    const width = Math.max(1, Math.ceil(values / most))
    return { low: low - 0.5, width, count: Math.ceil(values / width) }
  }
  if (low === high) return { low: low - 0.5, width: 1, count: 1 }
  // Freedman and Diaconis 1981.
  const spread = percentile(tally, 75) - percentile(tally, 25)
  const ideal = (high - low) / ((2 * spread) / Math.cbrt(tally.finite))
  const count =
    asked ?? Math.max(LEAST_BINS, Math.min(MOST_BINS, Math.ceil(Number.isFinite(ideal) ? ideal : MOST_BINS)))
  return { low, width: (high - low) / count, count }
}

function addCounts(
  counts: number[],
  beyond: { below: number; above: number },
  numbers: ArrayLike<number>,
  { low, width, count }: Layout,
  high: number,
): void {
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number
    if (value - value !== 0) continue
    const at = Math.floor((value - low) / width)
    if (at >= 0 && at < count) counts[at]!++
    else if (at === count && value <= high) counts[count - 1]!++
    else if (value < low) beyond.below++
    else beyond.above++
  }
}
