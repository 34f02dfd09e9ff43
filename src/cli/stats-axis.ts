// Extremes and moments along one axis, for each index of the others: one pass, with an accumulator an index.

import { type NdView, SelectionError } from '../index.ts'
import { UsageError } from './failure.ts'
import { numbersOf } from './numbers.ts'
import type { Progress } from './progress.ts'
import { shapeText } from './target.ts'
import { tableText } from './text.ts'

/** What accumulators may take, all together. */
const MOST_BYTE_LENGTH = 1024 ** 3
const ACCUMULATORS = 6
const ROWS_SHOWN = 50

/** What was counted for each index of the other axes. */
export class AxisStats {
  readonly shape: readonly number[]
  readonly finite: Float64Array
  readonly notFinite: Float64Array
  readonly min: Float64Array
  readonly max: Float64Array
  readonly mean: Float64Array
  readonly m2: Float64Array

  constructor(shape: readonly number[]) {
    const size = shape.reduce((product, extent) => product * extent, 1)
    if (size * ACCUMULATORS * 8 > MOST_BYTE_LENGTH) {
      throw new UsageError(
        `stats: ${size} results along this axis take too much memory`,
        'select a part, or another axis',
      )
    }
    this.shape = shape
    this.finite = new Float64Array(size)
    this.notFinite = new Float64Array(size)
    this.min = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
    this.max = new Float64Array(size).fill(Number.NEGATIVE_INFINITY)
    this.mean = new Float64Array(size)
    this.m2 = new Float64Array(size)
  }

  /** One more number at one index: Welford 1962. */
  add(at: number, value: number): void {
    if (!Number.isFinite(value)) {
      this.notFinite[at]!++
      return
    }
    const count = ++this.finite[at]!
    if (value < this.min[at]!) this.min[at] = value
    if (value > this.max[at]!) this.max[at] = value
    const off = value - this.mean[at]!
    this.mean[at]! += off / count
    this.m2[at]! += off * (value - this.mean[at]!)
  }

  std(at: number): number {
    return Math.sqrt(this.m2[at]! / this.finite[at]!)
  }

  toJSON(): Record<string, unknown> {
    const listOf = (value: (at: number) => number): (number | null)[] =>
      Array.from(this.finite, (count, at) => (count === 0 ? null : value(at)))
    return {
      shape: this.shape,
      min: listOf((at) => this.min[at]!),
      max: listOf((at) => this.max[at]!),
      mean: listOf((at) => this.mean[at]!),
      std: listOf((at) => this.std(at)),
      notFinite: [...this.notFinite],
    }
  }

  toText(): string {
    const number = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : '-')
    const shown = Math.min(ROWS_SHOWN, this.finite.length)
    const rows = Array.from({ length: shown }, (_, at) => {
      const values = [this.min[at]!, this.max[at]!, this.mean[at]!, this.std(at)].map(number)
      return [indexText(at, this.shape), ...values, String(this.notFinite[at])]
    })
    const more = this.finite.length - shown
    const table = tableText([['index', 'min', 'max', 'mean', 'std', 'not finite'], ...rows], [0, 1, 2, 3, 4, 5])
    return more === 0 ? table : `${table}… and ${more} more of ${shapeText(this.shape)}: --json has all\n`
  }
}

function indexText(at: number, shape: readonly number[]): string {
  const index: number[] = []
  let rest = at
  for (const extent of shape.toReversed()) {
    index.unshift(rest % extent)
    rest = Math.floor(rest / extent)
  }
  return index.join(', ')
}

/** Passes all of the view once. Throws {@link SelectionError} for an axis that it does not have. */
export async function axisStats(
  view: NdView,
  axis: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<AxisStats> {
  const { shape, ndim } = view
  const along = axis < 0 ? axis + ndim : axis
  if (!Number.isInteger(along) || along < 0 || along >= ndim) {
    throw new SelectionError(`--axis ${axis} is out of bounds for ${ndim} axes`)
  }
  const stats = new AxisStats(shape.filter((_, i) => i !== along))
  // Elements come in C order: `outer` blocks of `extent` runs of `inner`.
  const inner = shape.slice(along + 1).reduce((product, extent) => product * extent, 1)
  const extent = shape[along] as number
  let passed = 0
  for await (const { view: rows } of view.chunks({ signal })) {
    const values = numbersOf(rows)
    for (let i = 0; i < values.length; i++, passed++) {
      const outer = Math.floor(passed / (inner * extent))
      stats.add(outer * inner + (passed % inner), Number(values[i]))
    }
    progress.add(rows.nbytes)
  }
  return stats
}
