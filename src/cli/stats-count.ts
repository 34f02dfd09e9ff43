// The pass itself, for each kind of typed array: what a thread does for every number, so nothing is done twice here.

import { halfTable } from './numbers.ts'
import { addBigIntegers } from './stats-count-64.ts'
import { addMoments, BUCKET_SHIFT, bucketOf, HIGH, scaleDown, type Tally, TINY } from './stats-kernel.ts'

/**
 * Numbers that stay in the nearest cache while they are passed several times. Moments are taken about a value of their own, so
 * that no digits cancel.
 */
const BLOCK = 2048

/** What a typed array of real numbers may be. */
type Floats = Float32Array | Float64Array
type Words = Int32Array | Uint32Array

/** Adds numbers to a tally. */
export function addNumbers(tally: Tally, values: ArrayLike<number | bigint>): void {
  if (values.length === 0) return
  if (values instanceof Float64Array) addDoubles(tally, values)
  else if (values instanceof Float32Array) addSingles(tally, values)
  else if (values instanceof Int32Array || values instanceof Uint32Array) addIntegers(tally, values)
  else if (values instanceof BigInt64Array || values instanceof BigUint64Array) addBigIntegers(tally, values)
  else if (values instanceof Uint8Array) addCounted(tally, values, 2 ** 8, (bits) => bits)
  else if (values instanceof Int8Array) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.length)
    addCounted(tally, bytes, 2 ** 8, (bits) => (bits < 2 ** 7 ? bits : bits - 2 ** 8))
  } else if (values instanceof Uint16Array) addCounted(tally, values, 2 ** 16, (bits) => bits)
  else if (values instanceof Int16Array) {
    const words = new Uint16Array(values.buffer, values.byteOffset, values.length)
    addCounted(tally, words, 2 ** 16, (bits) => (bits < 2 ** 15 ? bits : bits - 2 ** 16))
  } else addDoubles(tally, Float64Array.from(values as ArrayLike<number>))
}

/** Adds float16 numbers, from their bits. */
export function addHalves(tally: Tally, bits: Uint16Array): void {
  const table = halfTable()
  addCounted(tally, bits, 2 ** 16, (half) => table[half] as number)
}

/** Of few different numbers each is counted, and the rest comes from the counts. */
function addCounted(
  tally: Tally,
  values: Uint8Array | Uint16Array,
  different: number,
  numberOf: (bits: number) => number,
): void {
  const { length } = values
  // Two tables: the same number twice in a row does not wait for itself.
  const counts = new Uint32Array(different)
  const others = new Uint32Array(different)
  let i = 0
  for (; i + 1 < length; i += 2) {
    counts[values[i] as number]!++
    others[values[i + 1] as number]!++
  }
  if (i < length) counts[values[i] as number]!++
  let [finite, sum] = [0, 0]
  for (let bits = 0; bits < different; bits++) {
    const count = (counts[bits] as number) + (others[bits] as number)
    if (count === 0) continue
    const value = numberOf(bits)
    if (!Number.isFinite(value)) {
      countNotFinite(tally, value, count)
      counts[bits] = 0
      continue
    }
    counts[bits] = count
    finite += count
    sum += count * value
    if (value === 0) tally.zero += count
    if (value < tally.min) tally.min = value
    if (value > tally.max) tally.max = value
    tally.buckets[bucketOf(value)]! += count
  }
  const mean = sum / finite
  let m2 = 0
  for (let bits = 0; bits < different; bits++) {
    const count = counts[bits] as number
    if (count > 0) m2 += count * (numberOf(bits) - mean) ** 2
  }
  addMoments(tally, finite, mean, m2)
}

function countNotFinite(tally: Tally, value: number, count: number): void {
  if (Number.isNaN(value)) tally.nan += count
  else if (value > 0) tally.posInf += count
  else tally.negInf += count
}

function addDoubles(tally: Tally, values: Float64Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length)
  bucketCounts ??= new Uint32Array(tally.buckets.length)
  const counts = bucketCounts
  const range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
  for (let start = 0; start < values.length; start += BLOCK) {
    const stop = Math.min(values.length, start + BLOCK)
    if (!addRange(tally, values, start, stop, range)) {
      addCarefully(tally, values, start, stop)
      continue
    }
    const [zeros, negativeZeros] = [counts[0], counts[NEGATIVE]]
    for (let i = 2 * start + HIGH; i < 2 * stop; i += 2) counts[(words[i] as number) >>> BUCKET_SHIFT]!++
    if (counts[0] !== zeros || counts[NEGATIVE] !== negativeZeros) tally.zero += zerosOf(values, start, stop)
  }
  if (range.max >= 0) moveCounts(counts, tally.buckets, range.min > 0 ? bucketOf(range.min) : 0, bucketOf(range.max))
  // Zeros of both signs are between any numbers of both.
  if (range.min <= 0)
    moveCounts(counts, tally.buckets, range.max < 0 ? bucketOf(range.max) : NEGATIVE, bucketOf(-Math.abs(range.min)))
}

/** Whole numbers are counted up faster than floats; empty between calls. */
let bucketCounts: Uint32Array | null = null

function moveCounts(counts: Uint32Array, buckets: Float64Array, first: number, last: number): void {
  for (let i = first; i <= last; i++) {
    buckets[i]! += counts[i] as number
    counts[i] = 0
  }
}

/** Where numbers below zero begin among the buckets. */
const NEGATIVE = 2 ** 19

function zerosOf(values: Floats, start: number, stop: number): number {
  let zero = 0
  for (let i = start; i < stop; i++) if (values[i] === 0) zero++
  return zero
}

const SINGLE_BUCKETS = 2 ** 17
/** Of a float32, below its sign, its exponent, and 8 bits of its fraction. */
const SINGLE_SHIFT = 15

function addSingles(tally: Tally, values: Float32Array): void {
  const counts = new Uint32Array(SINGLE_BUCKETS)
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let start = 0; start < values.length; start += BLOCK) {
    const stop = Math.min(values.length, start + BLOCK)
    if (!addRange(tally, values, start, stop)) {
      addCarefully(tally, values, start, stop)
      continue
    }
    const [zeros, negativeZeros] = [counts[0], counts[SINGLE_BUCKETS / 2]]
    for (let i = start; i < stop; i++) counts[(words[i] as number) >>> SINGLE_SHIFT]!++
    if (counts[0] !== zeros || counts[SINGLE_BUCKETS / 2] !== negativeZeros) tally.zero += zerosOf(values, start, stop)
  }
  const value = new Float32Array(1)
  const bits = new Uint32Array(value.buffer)
  for (let i = 0; i < SINGLE_BUCKETS; i++) {
    const count = counts[i] as number
    if (count === 0) continue
    bits[0] = i * 2 ** SINGLE_SHIFT
    tally.buckets[bucketOf(value[0] as number)]! += count
  }
}

const FRACTIONS = 2 ** 8
/**
 * Buckets of 32-bit integers by their leading zeros, of either sign. The shifts are of elements, which have 32 bits; places and
 * counts are numbers.
 */
const SIGN_BUCKETS = 33 * FRACTIONS

function addIntegers(tally: Tally, values: Words): void {
  const counts = new Uint32Array(2 * SIGN_BUCKETS)
  const isSigned = values instanceof Int32Array
  for (let start = 0; start < values.length; start += BLOCK) {
    const stop = Math.min(values.length, start + BLOCK)
    addRange(tally, values, start, stop)
    if (isSigned) {
      for (let i = start; i < stop; i++) {
        const value = values[i] as number
        const sign = value >> 31
        const size = (value ^ sign) - sign
        const zeros = Math.clz32(size)
        counts[(sign & SIGN_BUCKETS) + zeros * FRACTIONS + (((size << zeros) >>> 23) & 255)]!++
      }
    } else {
      for (let i = start; i < stop; i++) {
        const size = values[i] as number
        const zeros = Math.clz32(size)
        counts[zeros * FRACTIONS + (((size << zeros) >>> 23) & 255)]!++
      }
    }
  }
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number
    if (count === 0) continue
    const place = i % SIGN_BUCKETS
    const zeros = Math.floor(place / FRACTIONS)
    if (zeros === 32) {
      tally.zero += count
      tally.buckets[0]! += count
      continue
    }
    const size = (1 + (place % FRACTIONS) / FRACTIONS) * 2 ** (31 - zeros)
    tally.buckets[bucketOf(i < SIGN_BUCKETS ? size : -size)]! += count
  }
}

/** Extremes and moments of finite numbers. False, and nothing is changed, when some are not, or too large for that. */
export function addRange(
  tally: Tally,
  values: Floats | Words,
  start: number,
  stop: number,
  range: { min: number; max: number } = tally,
): boolean {
  if (tally.scale !== 1) return false
  const pivot = values[start] as number
  let min = pivot
  let max = pivot
  let sum = 0
  let sum1 = 0
  let sum2 = 0
  let sum3 = 0
  let squares = 0
  let squares1 = 0
  let squares2 = 0
  let squares3 = 0
  let i = start
  // Four sums: an addition need not wait for the one before.
  for (; i + 3 < stop; i += 4) {
    const a = values[i] as number
    const b = values[i + 1] as number
    const c = values[i + 2] as number
    const d = values[i + 3] as number
    if (a < min) min = a
    if (a > max) max = a
    if (b < min) min = b
    if (b > max) max = b
    if (c < min) min = c
    if (c > max) max = c
    if (d < min) min = d
    if (d > max) max = d
    const p = a - pivot
    const q = b - pivot
    const r = c - pivot
    const s = d - pivot
    sum += p
    sum1 += q
    sum2 += r
    sum3 += s
    squares += p * p
    squares1 += q * q
    squares2 += r * r
    squares3 += s * s
  }
  for (; i < stop; i++) {
    const value = values[i] as number
    if (value < min) min = value
    if (value > max) max = value
    sum += value - pivot
    squares += (value - pivot) ** 2
  }
  sum += sum1 + sum2 + sum3
  squares += squares1 + squares2 + squares3
  const count = stop - start
  const m2 = Math.max(0, squares - (sum * sum) / count)
  // NaN and infinities come through to here.
  if (!(squares < Number.POSITIVE_INFINITY) || !addMoments(tally, count, pivot + sum / count, m2)) return false
  if (min < tally.min) tally.min = min
  if (max > tally.max) tally.max = max
  if (min < range.min) range.min = min
  if (max > range.max) range.max = max
  return true
}

/** All that is known of numbers some of which are not finite, or too large for their squares. */
function addCarefully(tally: Tally, values: Floats, start: number, stop: number): void {
  const finite = new Float64Array(stop - start)
  let count = 0
  for (let i = start; i < stop; i++) {
    const value = values[i] as number
    if (!Number.isFinite(value)) {
      countNotFinite(tally, value, 1)
      continue
    }
    finite[count++] = value
    if (value === 0) tally.zero++
    if (value < tally.min) tally.min = value
    if (value > tally.max) tally.max = value
    tally.buckets[bucketOf(value)]!++
  }
  if (count === 0 || addRange(tally, finite, 0, count)) return
  scaleDown(tally)
  let [mean, m2] = [0, 0]
  for (let i = 0; i < count; i++) mean += ((finite[i] as number) * TINY) / count
  for (let i = 0; i < count; i++) m2 += ((finite[i] as number) * TINY - mean) ** 2
  addMoments(tally, count, mean, m2)
}
