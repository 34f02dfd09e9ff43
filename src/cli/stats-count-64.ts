// The pass over 64-bit integers, in words: a float64 has not their digits, and a bigint for each takes too long.

import { addMoments, BUCKET_SHIFT, type ExactTally, HIGH, type Tally } from './stats-kernel.ts'

/** So many sums of words stay exact. */
const BLOCK = 2048
const WORD = 2 ** 32

const scratch = new Float64Array(BLOCK)
const scratchWords = new Uint32Array(scratch.buffer)

/** Adds 64-bit integers to a tally. */
export function addBigIntegers(tally: Tally, values: BigInt64Array | BigUint64Array): void {
  const { buffer, byteOffset, length } = values
  const words = new Uint32Array(buffer, byteOffset, 2 * length)
  const high = values instanceof BigInt64Array ? new Int32Array(buffer, byteOffset, 2 * length) : words
  const [first] = values as BigInt64Array | BigUint64Array
  if (first === undefined) return
  tally.exact ??= { min: first, max: first, sum: 0n, origin: first }
  const { exact } = tally
  for (let start = 0; start < length; start += BLOCK) {
    const stop = Math.min(length, start + BLOCK)
    addExtremes(tally, exact, values, doublesOf(words, high, start, stop))
    addWords(tally, exact, words, high, start, stop)
  }
}

/** The numbers, rounded, in scratch memory, and the extremes of those. */
function doublesOf(
  words: Uint32Array,
  high: Uint32Array | Int32Array,
  start: number,
  stop: number,
): { start: number; count: number; min: number; max: number } {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  const count = stop - start
  for (let i = 0; i < count; i++) {
    const at = 2 * (start + i)
    const value = (high[at + HIGH] as number) * WORD + (words[at + 1 - HIGH] as number)
    scratch[i] = value
    if (value < min) min = value
    if (value > max) max = value
  }
  return { start, count, min, max }
}

function addExtremes(
  tally: Tally,
  exact: ExactTally,
  values: BigInt64Array | BigUint64Array,
  { start, count, min, max }: { start: number; count: number; min: number; max: number },
): void {
  const { buckets } = tally
  const before = buckets[0]
  for (let i = HIGH; i < 2 * count; i += 2) buckets[(scratchWords[i] as number) >>> BUCKET_SHIFT]!++
  if (buckets[0] !== before) for (let i = 0; i < count; i++) if (scratch[i] === 0) tally.zero++
  // Rounding keeps the order: what is rounded to something else than the extreme is none.
  if (min <= tally.min) {
    tally.min = min
    if (Number.isSafeInteger(min)) exact.min = BigInt(min)
    else {
      for (let i = 0; i < count; i++) {
        if (scratch[i] === min && (values[start + i] as bigint) < exact.min) exact.min = values[start + i] as bigint
      }
    }
  }
  if (max >= tally.max) {
    tally.max = max
    if (Number.isSafeInteger(max)) exact.max = BigInt(max)
    else {
      for (let i = 0; i < count; i++) {
        if (scratch[i] === max && (values[start + i] as bigint) > exact.max) exact.max = values[start + i] as bigint
      }
    }
  }
}

function addWords(
  tally: Tally,
  exact: ExactTally,
  words: Uint32Array,
  high: Uint32Array | Int32Array,
  start: number,
  stop: number,
): void {
  const pivotHigh = high[2 * start + HIGH] as number
  const pivotLow = words[2 * start + 1 - HIGH] as number
  let sumHigh = 0
  let sumLow = 0
  let sum = 0
  let squares = 0
  for (let at = 2 * start; at < 2 * stop; at += 2) {
    const highWord = high[at + HIGH] as number
    const lowWord = words[at + 1 - HIGH] as number
    sumHigh += highWord
    sumLow += lowWord
    const off = (highWord - pivotHigh) * WORD + (lowWord - pivotLow)
    sum += off
    squares += off * off
  }
  exact.sum += BigInt(sumHigh) * BigInt(WORD) + BigInt(sumLow)
  const count = stop - start
  const pivot = BigInt(pivotHigh) * BigInt(WORD) + BigInt(pivotLow)
  const mean = Number(pivot - exact.origin) + sum / count
  addMoments(tally, count, mean, Math.max(0, squares - (sum * sum) / count))
}
