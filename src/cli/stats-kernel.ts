// What one pass over numbers knows: extremes, moments, counts, and a sketch of how they are spread. Parts are made apart and
// merged.

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
  /** Of the numbers times {@link scale}, less the origin of {@link exact}. */
  mean: number
  /** Sum of squared differences from the mean, of the numbers times {@link scale}. */
  m2: number
  /** 1, or {@link TINY} once there were numbers whose squares no float64 holds. */
  scale: number
  /** What a float64 has not the digits for; null but for 64-bit integers. */
  exact: ExactTally | null
  /** Counts by the leading bits of the number as float64: sign, exponent, 8 bits of the fraction. */
  readonly buckets: Float64Array
}

/** Of 64-bit integers. */
export interface ExactTally {
  min: bigint
  max: bigint
  sum: bigint
  /** One of them: moments are those of the differences from it. */
  readonly origin: bigint
}

export const BUCKETS: number = 2 ** 20
/** Of the high word of a float64, below the bits that a bucket is of. */
export const BUCKET_SHIFT = 12
/** Brings the squares of all float64 numbers, and sums of them, into the range of float64. */
export const TINY: number = 2 ** -600

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
    scale: 1,
    exact: null,
    buckets: new Float64Array(BUCKETS),
  }
}

/** The mean; NaN of nothing. */
export function meanOf({ finite, min, max, mean, scale, exact }: Tally): number {
  if (finite === 0) return Number.NaN
  if (exact === null) return Math.min(max, Math.max(min, mean / scale))
  const count = BigInt(finite)
  return Number(exact.sum / count) + Number(exact.sum % count) / finite
}

/** The standard deviation; NaN of nothing. */
export function stdOf({ finite, m2, scale }: Tally): number {
  return Math.sqrt(m2 / finite) / scale
}

/** Adds the moments of other numbers: Chan, Golub, LeVeque 1979. False, and nothing is changed, when they do not fit the scale. */
export function addMoments(tally: Tally, count: number, mean: number, m2: number): boolean {
  if (count === 0) return true
  const all = tally.finite + count
  const apart = mean - tally.mean
  const newMean = tally.mean + apart * (count / all)
  const newM2 = tally.m2 + m2 + apart * tally.finite * (count / all) * apart
  if (!Number.isFinite(newMean) || !Number.isFinite(newM2)) return false
  tally.mean = newMean
  tally.m2 = newM2
  tally.finite = all
  return true
}

/** Has the moments be those of the numbers times {@link TINY}. */
export function scaleDown(tally: Tally): void {
  if (tally.scale !== 1) return
  tally.scale = TINY
  tally.mean *= TINY
  tally.m2 = tally.m2 * TINY * TINY
}

/** Adds what another pass counted. */
export function mergeTally(tally: Tally, other: Tally): void {
  if (other.scale !== tally.scale) {
    scaleDown(tally)
    scaleDown(other)
  }
  const shift = tally.exact === null || other.exact === null ? 0 : Number(other.exact.origin - tally.exact.origin)
  if (!addMoments(tally, other.finite, other.mean + shift * tally.scale, other.m2)) {
    scaleDown(tally)
    scaleDown(other)
    addMoments(tally, other.finite, other.mean + shift * TINY, other.m2)
  }
  if (other.exact !== null) mergeExact(tally, other.exact)
  tally.nan += other.nan
  tally.posInf += other.posInf
  tally.negInf += other.negInf
  tally.zero += other.zero
  tally.min = Math.min(tally.min, other.min)
  tally.max = Math.max(tally.max, other.max)
  for (let i = 0; i < BUCKETS; i++) tally.buckets[i]! += other.buckets[i] as number
}

function mergeExact(tally: Tally, other: ExactTally): void {
  const { exact } = tally
  if (exact === null) {
    tally.exact = { ...other }
    return
  }
  if (other.min < exact.min) exact.min = other.min
  if (other.max > exact.max) exact.max = other.max
  exact.sum += other.sum
}

const one = new Float64Array(1)
const words = new Uint32Array(one.buffer)
/** Which of the two words of a float64 has its sign and exponent. */
export const HIGH: number = new Uint32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1

/** The bucket of a number. */
export function bucketOf(value: number): number {
  one[0] = value
  return (words[HIGH] as number) >>> BUCKET_SHIFT
}

/** Where a bucket begins, and where the next one does, away from zero. */
function bucketRange(bucket: number): [number, number] {
  words[1 - HIGH] = 0
  words[HIGH] = bucket * 2 ** BUCKET_SHIFT
  const low = one[0] as number
  words[HIGH] = (bucket + 1) * 2 ** BUCKET_SHIFT
  return [low, one[0] as number]
}

/** So many bins have one edge more. */
export interface Histogram {
  readonly edges: number[]
  readonly counts: number[]
}

/** Ranges in ascending order, and how many numbers are in each. */
export type Spread = Generator<[low: number, high: number, count: number]>

/**
 * Buckets that have any, from the least number to the greatest: `[low, high, count]`, cut to the extremes. Zeros share theirs with
 * numbers nearer to zero than 1e-310, of float32 than 5e-41, which count as zeros here.
 */
export function* spreadOver(tally: Tally): Spread {
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

/** The number that so many percent are not above: somewhere in its range, and exact at 0 and 100. */
export function percentile({ finite, min, max }: Tally, spread: Spread, percent: number): number {
  if (finite === 0) return Number.NaN
  if (percent <= 0) return min
  if (percent >= 100) return max
  const rank = (percent / 100) * (finite - 1)
  let before = 0
  for (const [low, high, count] of spread) {
    if (rank < before + count) return low + (high - low) * Math.min(1, (rank - before + 0.5) / count)
    before += count
  }
  return max
}

/** About how many numbers fall into each of so many equal parts between the extremes; together as many as there are. */
export function histogram({ min, max, finite }: Tally, spread: Spread, bins: number): Histogram {
  // Between the extremes there may be more than any float64: then all in halves.
  const unit = Number.isFinite(max - min) ? 1 : 2
  const width = max / unit - min / unit
  const edges = Array.from({ length: bins + 1 }, (_, i) =>
    i === bins ? max : (min / unit + (i / bins) * width) * unit,
  )
  const counts = new Array<number>(bins).fill(0)
  if (finite === 0) return { edges: [], counts: [] }
  if (min === max) return { edges: [min, max], counts: [finite] }
  const place = (value: number): number => ((value / unit - min / unit) / width) * bins
  for (const [low, high, count] of spread) {
    const [from, to] = [place(low), place(high)]
    // A range over several bins is shared out evenly.
    for (let bin = Math.min(bins - 1, Math.floor(from)); bin < bins && (bin < to || bin === Math.floor(from)); bin++) {
      const share = to > from ? Math.max(0, Math.min(to, bin + 1) - Math.max(from, bin)) / (to - from) : 1
      counts[bin]! += count * share
      if (to <= from) break
    }
  }
  let total = 0
  const whole = counts.map((count) => {
    const before = Math.round(total)
    total += count
    return Math.round(total) - before
  })
  return { edges, counts: whole }
}
