// Extremes and moments along one axis, for each index of the others: one pass, with an accumulator an index.

import { type NdView, SelectionError } from '../index.ts'
import { UsageError } from './failure.ts'
import { numbersOf } from './numbers.ts'
import { piecesOf, unravel } from './pieces.ts'
import type { Progress } from './progress.ts'
import { TINY } from './stats-kernel.ts'
import { shapeText } from './target.ts'
import { exactNumber, tableText } from './text.ts'

/** What accumulators may take, all together. */
const MOST_BYTE_LENGTH = 1024 ** 3
const ACCUMULATORS = 7
const EXACT_ACCUMULATORS = 3
const ROWS_SHOWN = 50

/** What was counted for each index of the other axes. */
export class AxisStats {
  readonly shape: readonly number[]
  readonly finite: Float64Array
  readonly notFinite: Float64Array
  readonly #min: Float64Array
  readonly #max: Float64Array
  readonly #mean: Float64Array
  readonly #m2: Float64Array
  /** Of 64-bit integers: a float64 has not their digits. */
  readonly #exact: ExactExtremes | null
  /** Squared differences times {@link TINY} twice, where `#m2` is infinite. */
  #tinyM2: Float64Array | null = null

  constructor(shape: readonly number[], dtype: string) {
    const size = shape.reduce((product, extent) => product * extent, 1)
    const accumulators = /^u?int64$/.test(dtype) ? ACCUMULATORS + EXACT_ACCUMULATORS : ACCUMULATORS
    if (size * accumulators * 8 > MOST_BYTE_LENGTH) {
      throw new UsageError(
        `stats: ${size} results along this axis take too much memory`,
        'select a part, or another axis',
      )
    }
    this.shape = shape
    this.finite = new Float64Array(size)
    this.notFinite = new Float64Array(size)
    this.#min = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
    this.#max = new Float64Array(size).fill(Number.NEGATIVE_INFINITY)
    this.#mean = new Float64Array(size)
    this.#m2 = new Float64Array(size)
    this.#exact = accumulators === ACCUMULATORS ? null : extremesOf(size, dtype)
  }

  /** One more number at one index. */
  add(at: number, value: number): void {
    if (!Number.isFinite(value)) {
      this.notFinite[at]!++
      return
    }
    if (value < this.#min[at]!) this.#min[at] = value
    if (value > this.#max[at]!) this.#max[at] = value
    this.#addMoment(at, value)
  }

  /** The same for a 64-bit integer. */
  addExact(at: number, value: bigint): void {
    const { min, max, origin } = this.#exact as ExactExtremes
    if (this.finite[at] === 0) {
      min[at] = value
      max[at] = value
      origin[at] = value
    } else {
      if (value < (min[at] as bigint)) min[at] = value
      if (value > (max[at] as bigint)) max[at] = value
    }
    this.#addMoment(at, Number(value - (origin[at] as bigint)))
  }

  /** Welford 1962. */
  #addMoment(at: number, value: number): void {
    const count = ++this.finite[at]!
    const mean = this.#mean[at]!
    const off = value - mean
    const next = Number.isFinite(off) ? mean + off / count : mean + (value / count - mean / count)
    this.#mean[at] = next
    const before = this.#m2[at]!
    const m2 = before + off * (value - next)
    if (m2 < Number.POSITIVE_INFINITY) {
      this.#m2[at] = m2
      return
    }
    this.#tinyM2 ??= new Float64Array(this.finite.length)
    if (before !== Number.POSITIVE_INFINITY) this.#tinyM2[at] = before * TINY * TINY
    this.#tinyM2[at]! += (value * TINY - mean * TINY) * (value * TINY - next * TINY)
    this.#m2[at] = Number.POSITIVE_INFINITY
  }

  mean(at: number): number {
    if (this.#exact === null) return Math.min(this.#max[at]!, Math.max(this.#min[at]!, this.#mean[at]!))
    const origin = this.#exact.origin[at] as bigint
    if (Number.isSafeInteger(Number(origin))) return Number(origin) + this.#mean[at]!
    const whole = Math.trunc(this.#mean[at]!)
    return Number(origin + BigInt(whole)) + (this.#mean[at]! - whole)
  }

  std(at: number): number {
    const m2 = this.#m2[at]!
    if (m2 < Number.POSITIVE_INFINITY) return Math.sqrt(m2 / this.finite[at]!)
    return Math.sqrt(this.#tinyM2![at]! / this.finite[at]!) / TINY
  }

  #least(at: number): number | bigint {
    return this.#exact === null ? this.#min[at]! : (this.#exact.min[at] as bigint)
  }

  #most(at: number): number | bigint {
    return this.#exact === null ? this.#max[at]! : (this.#exact.max[at] as bigint)
  }

  toJSON(): Record<string, unknown> {
    const listOf = (value: (at: number) => number | bigint): (number | string | null)[] =>
      Array.from(this.finite, (count, at) => (count === 0 ? null : exactNumber(value(at))))
    return {
      shape: this.shape,
      min: listOf((at) => this.#least(at)),
      max: listOf((at) => this.#most(at)),
      mean: listOf((at) => this.mean(at)),
      std: listOf((at) => this.std(at)),
      notFinite: [...this.notFinite],
    }
  }

  toText(): string {
    const number = (value: number | bigint): string =>
      typeof value === 'bigint' ? String(value) : String(Number(value.toPrecision(6)))
    const shown = Math.min(ROWS_SHOWN, this.finite.length)
    const rows = Array.from({ length: shown }, (_, at) => {
      const values = [this.#least(at), this.#most(at), this.mean(at), this.std(at)]
      const texts = this.finite[at] === 0 ? values.map(() => '-') : values.map(number)
      return [unravel(at, this.shape).join(', '), ...texts, String(this.notFinite[at])]
    })
    const more = this.finite.length - shown
    const table = tableText([['index', 'min', 'max', 'mean', 'std', 'not finite'], ...rows], [0, 1, 2, 3, 4, 5])
    return more === 0 ? table : `${table}… and ${more} more of ${shapeText(this.shape)}: --json has all\n`
  }
}

interface ExactExtremes {
  readonly min: BigInt64Array | BigUint64Array
  readonly max: BigInt64Array | BigUint64Array
  /** The first number at each index: moments are those of the differences from it. */
  readonly origin: BigInt64Array | BigUint64Array
}

function extremesOf(size: number, dtype: string): ExactExtremes {
  const made = (): BigInt64Array | BigUint64Array =>
    dtype === 'int64' ? new BigInt64Array(size) : new BigUint64Array(size)
  return { min: made(), max: made(), origin: made() }
}

/** Passes all of the view once. Throws {@link SelectionError} for an axis that it does not have. */
export async function axisStats(
  view: NdView,
  axis: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<AxisStats> {
  const { shape, ndim, dtype } = view
  const along = axis < 0 ? axis + ndim : axis
  if (!Number.isInteger(along) || along < 0 || along >= ndim) {
    throw new SelectionError(`--axis ${axis} is out of bounds for ${ndim} axes`)
  }
  const stats = new AxisStats(
    shape.filter((_, i) => i !== along),
    dtype.name,
  )
  // Elements come in C order: blocks of `extent` runs of `inner`, a block's results after those of the one before.
  const inner = shape.slice(along + 1).reduce((product, extent) => product * extent, 1)
  const extent = shape[along] as number
  let [first, run, place] = [0, 0, 0]
  for await (const { view: piece } of piecesOf(view, { signal })) {
    const values = numbersOf(piece)
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number | bigint
      if (typeof value === 'bigint') stats.addExact(first + place, value)
      else stats.add(first + place, value)
      place++
      if (place < inner) continue
      place = 0
      run++
      if (run < extent) continue
      run = 0
      first += inner
    }
    progress.add(piece.nbytes)
  }
  return stats
}
