// One pass over numbers: extremes, moments, counts, and a sketch of how they are spread. Parts are made apart and merged.

/** What one pass knows. */
export interface Tally {
  /** Numbers that are neither NaN nor infinite. */
  finite: number
  nan: number
  posInf: number
  negInf: number
  zero: number
  min: number
  max: number
  mean: number
  /** Sum of squared differences from the mean. */
  m2: number
  /** Counts by the leading bits of the number as float64: sign, exponent, 8 bits of the fraction. */
  readonly buckets: Float64Array
}

const BUCKETS = 2 ** 20
/** Of the high word of a float64, below the bits that a bucket is of. */
const BUCKET_SHIFT = 12
/** Moments are taken over so many numbers at once, about a value of their own, so that no digits cancel. */
const BLOCK = 4096

/** Of nothing. */
export function emptyTally(): Tally {
  return {
    finite: 0,
    nan: 0,
    posInf: 0,
    negInf: 0,
    zero: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    mean: 0,
    m2: 0,
    buckets: new Float64Array(BUCKETS),
  }
}

const one = new Float64Array(1)
const words = new Uint32Array(one.buffer)
const HIGH = new Uint32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1

/** Adds numbers to a tally. */
export function addNumbers(tally: Tally, values: ArrayLike<number | bigint>): void {
  const numbers =
    typeof values[0] === 'bigint'
      ? Float64Array.from(values as ArrayLike<bigint>, Number)
      : (values as ArrayLike<number>)
  for (let start = 0; start < numbers.length; start += BLOCK)
    addBlock(tally, numbers, start, Math.min(numbers.length, start + BLOCK))
}

function addBlock(tally: Tally, values: ArrayLike<number>, start: number, stop: number): void {
  const { buckets } = tally
  let { min, max, zero } = tally
  let finite = 0
  let pivot = 0
  let sum = 0
  let squares = 0
  for (let i = start; i < stop; i++) {
    const value = values[i] as number
    // NaN and infinities: their difference from themselves is no zero.
    if (value - value !== 0) {
      if (Number.isNaN(value)) tally.nan++
      else if (value > 0) tally.posInf++
      else tally.negInf++
      continue
    }
    if (finite === 0) pivot = value
    finite++
    if (value === 0) zero++
    if (value < min) min = value
    if (value > max) max = value
    const off = value - pivot
    sum += off
    squares += off * off
    one[0] = value
    buckets[(words[HIGH] as number) >>> BUCKET_SHIFT]!++
  }
  tally.min = min
  tally.max = max
  tally.zero = zero
  if (finite > 0) mergeMoments(tally, finite, pivot + sum / finite, Math.max(0, squares - (sum * sum) / finite))
}

/** Adds the moments of other numbers: Chan, Golub, LeVeque 1979. */
function mergeMoments(tally: Tally, finite: number, mean: number, m2: number): void {
  if (finite === 0) return
  const all = tally.finite + finite
  const apart = mean - tally.mean
  tally.mean += (apart * finite) / all
  tally.m2 += m2 + ((apart * apart * tally.finite) / all) * finite
  tally.finite = all
}

/** Adds what another pass counted. */
export function mergeTally(tally: Tally, other: Tally): void {
  mergeMoments(tally, other.finite, other.mean, other.m2)
  tally.nan += other.nan
  tally.posInf += other.posInf
  tally.negInf += other.negInf
  tally.zero += other.zero
  tally.min = Math.min(tally.min, other.min)
  tally.max = Math.max(tally.max, other.max)
  for (let i = 0; i < BUCKETS; i++) tally.buckets[i]! += other.buckets[i] as number
}

/** Where a bucket begins, and where the next one does, away from zero. */
function bucketRange(bucket: number): [number, number] {
  words[1 - HIGH] = 0
  words[HIGH] = bucket * 2 ** BUCKET_SHIFT
  const low = one[0] as number
  words[HIGH] = (bucket + 1) * 2 ** BUCKET_SHIFT
  return [low, one[0] as number]
}

/**
 * Buckets that have any, from the least number to the greatest: `[low, high, count]`, cut to the extremes. Zeros share theirs with
 * numbers below 1e-308, which count as zeros here.
 */
export function* spread(tally: Tally): Generator<[low: number, high: number, count: number]> {
  const { buckets, min, max } = tally
  const cut = (value: number): number => Math.min(max, Math.max(min, value))
  const half = BUCKETS / 2
  for (let bucket = BUCKETS - 1; bucket >= half; bucket--) {
    const count = buckets[bucket] as number
    if (count === 0) continue
    const [near, far] = bucket === half ? [0, 0] : bucketRange(bucket)
    yield [cut(Number.isNaN(far) ? min : far), cut(near), count]
  }
  for (let bucket = 0; bucket < half; bucket++) {
    const count = buckets[bucket] as number
    if (count === 0) continue
    const [near, far] = bucket === 0 ? [0, 0] : bucketRange(bucket)
    yield [cut(near), cut(far), count]
  }
}

/** The number that so many percent are not above: within 0.4 % of it, and exact at 0 and 100. */
export function percentile(tally: Tally, percent: number): number {
  const { finite, min, max } = tally
  if (finite === 0) return Number.NaN
  if (percent <= 0) return min
  if (percent >= 100) return max
  const rank = (percent / 100) * (finite - 1)
  let before = 0
  for (const [low, high, count] of spread(tally)) {
    if (rank < before + count) return low + (high - low) * Math.min(1, (rank - before + 0.5) / count)
    before += count
  }
  return max
}

/** How many numbers fall into each of so many equal parts between the extremes, as the sketch has it. */
export function histogram(tally: Tally, bins: number): { edges: number[]; counts: number[] } {
  const { min, max, finite } = tally
  const edges = Array.from({ length: bins + 1 }, (_, i) => min + ((max - min) * i) / bins)
  const counts = new Array<number>(bins).fill(0)
  if (finite === 0) return { edges: [], counts: [] }
  if (min === max) return { edges: [min, max], counts: [finite] }
  const place = (value: number): number => ((value - min) / (max - min)) * bins
  for (const [low, high, count] of spread(tally)) {
    const [from, to] = [place(low), place(high)]
    // A bucket over several bins is shared out evenly.
    for (let bin = Math.min(bins - 1, Math.floor(from)); bin < bins && (bin < to || bin === Math.floor(from)); bin++) {
      const share = to > from ? Math.max(0, Math.min(to, bin + 1) - Math.max(from, bin)) / (to - from) : 1
      counts[bin]! += count * share
      if (to <= from) break
    }
  }
  return { edges, counts: counts.map(Math.round) }
}
