// How often which numbers occur: two passes over what the budget lets be read, one for the range and one for the counts.

import type { NdView } from '../../index.ts'
import type { Reading } from './cost.ts'
import { everyText, shareText } from './grid.ts'
import { percentilesOf, type RangeOptions, rangeOf } from './limits.ts'
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

/** What the first pass finds. */
interface Survey {
  finite: number
  nan: number
  below: number
  above: number
  min: number
  max: number
  /** Every so many-th number, in whose order the percentiles are. */
  readonly every: number
  readonly some: number[]
}

/** The histogram of all elements of a view. */
export async function binsOf(view: NdView, options: BinOptions, reading: Reading): Promise<Bins> {
  const { parts, text } = partsWithin(view, reading.budget)
  if (text !== '' && view.ndim > 0) view.advise('random')
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const survey: Survey = { ...NOTHING, every: Math.ceil(size / MOST_SURVEYED), some: [] }
  for await (const numbers of piecesOf(parts, reading)) addSurvey(survey, numbers)
  const whole = isWhole(view.dtype)
  const inner = percentilesOf(survey.some)
  const percentile = (percent: number): number =>
    survey.finite === 0 ? Number.NaN : percent <= 0 ? survey.min : percent >= 100 ? survey.max : inner(percent)
  const { low, high } = hasTwoBars(view, options)
    ? { low: 0, high: 1 }
    : rangeOf(percentile, { ...options, whole, outlierFactor: OUTLIER_FACTOR })
  const layout = layoutOf(low, high, { percentile, size: survey.finite, whole, asked: options.bins })
  const counts = new Array<number>(layout.count).fill(0)
  const beyond = { below: survey.below, above: survey.above }
  for await (const numbers of piecesOf(parts, reading)) addCounts(counts, beyond, numbers, layout, high)
  const nanCount = survey.nan
  return { low: layout.low, width: layout.width, counts, ...beyond, nanCount, size: size - nanCount, text }
}

/** Booleans have a bar for each, whichever of them there are. */
export function hasTwoBars({ dtype }: NdView, { vmin, vmax, robust, bins }: BinOptions): boolean {
  return dtype.name === 'bool' && [vmin, vmax, robust].every((option) => option === undefined) && bins !== 1
}

const MOST_SURVEYED = 2 ** 18
const NOTHING = {
  finite: 0,
  nan: 0,
  below: 0,
  above: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
} as const

function addSurvey(survey: Survey, numbers: ArrayLike<number>): void {
  let { finite, min, max } = survey
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number
    // NaN and infinities: their difference from themselves is no zero.
    if (value - value !== 0) {
      if (Number.isNaN(value)) survey.nan++
      else if (value > 0) survey.above++
      else survey.below++
      continue
    }
    if (finite % survey.every === 0) survey.some.push(value)
    finite++
    if (value < min) min = value
    if (value > max) max = value
  }
  survey.finite = finite
  survey.min = min
  survey.max = max
}

/** All of a view, or runs of it at regular distances that are no longer than the budget together. */
function partsWithin(view: NdView, budget: number): { parts: NdView[]; text: string } {
  if (view.ndim === 0) return { parts: [view.slice('newaxis')], text: '' }
  if (view.nbytes <= budget) return { parts: [view], text: '' }
  const flat = view.order === null ? null : (view.order === 'F' ? view.transpose() : view).reshape(-1)
  if (flat !== null) {
    const size = flat.shape[0] as number
    const pieces = Math.max(1, Math.min(PIECES, Math.floor(budget / 8192)))
    const block = Math.ceil(size / pieces)
    const seen = Math.max(1, Math.floor((budget / pieces - 4096) / flat.dtype.itemSize))
    const starts = Array.from({ length: Math.ceil(size / block) }, (_, i) => i * block)
    const parts = starts.map((start) => flat.slice(`${start}:${start + seen}`))
    return { parts, text: shareText(seen, block) }
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

async function* piecesOf(
  parts: readonly NdView[],
  { signal, onRead }: Reading,
): AsyncGenerator<ArrayLike<number>, void, undefined> {
  for (const whole of parts) {
    for await (const { view: part } of whole.chunks({ byteLength: PIECE_BYTE_LENGTH, signal })) {
      yield await numbersOf(part, signal)
      onRead(part.nbytes / 2)
    }
  }
}

interface Layout {
  readonly low: number
  readonly width: number
  readonly count: number
}

interface Asked {
  readonly percentile: (percent: number) => number
  readonly size: number
  readonly whole: boolean
  readonly asked: number | undefined
}

function layoutOf(low: number, high: number, { percentile, size, whole, asked }: Asked): Layout {
  if (!Number.isFinite(low)) return { low: 0, width: 1, count: asked ?? 1 }
  if (whole) {
    const values = Math.floor(high) - Math.ceil(low) + 1
    const most = asked ?? (values <= MOST_SINGLE ? values : MOST_BINS)
    const width = Math.max(1, Math.ceil(values / most))
    return { low: Math.ceil(low) - 0.5, width, count: Math.max(1, Math.ceil(values / width)) }
  }
  // So near each other that there are no numbers between them for bins to end at.
  if (high - low <= Math.max(Math.abs(low), Math.abs(high), Number.MIN_VALUE * 2 ** 60) * 1e-13) {
    return { low: low - 0.5, width: 1, count: 1 }
  }
  // Freedman and Diaconis 1981.
  const ideal = ((high - low) * Math.cbrt(size)) / (2 * (percentile(75) - percentile(25)))
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
