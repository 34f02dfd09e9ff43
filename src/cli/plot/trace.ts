// A line of any length, made as short as a picture is wide: least, greatest and mean element of each block.

import type { NdView } from '../../index.ts'
import { countText } from '../text.ts'
import { pagesByteLength, type Reading } from './cost.ts'
import { everyText, shareText, stepFor } from './grid.ts'
import { numbersOf } from './numbers.ts'

/** A line. Point `i` stands for the `block` elements from `i * block` on, of which `seen` were read. */
export interface Trace {
  readonly count: number
  readonly block: number
  readonly seen: number
  readonly low: Float64Array
  readonly high: Float64Array
  readonly mean: Float64Array
  /** Of each block, how many elements have no place in it, by what they are. */
  readonly lost: Readonly<Record<Lost, Float64Array>>
}

/** What has no place on an axis of values; zero and what is below it on logarithmic ones alone. */
export const LOST = ['NaN', 'inf', '\u2212inf', '≤ 0'] as const
export type Lost = (typeof LOST)[number]

/** Lines of so many times the points are drawn as they are. */
const DENSE = 4
const PIECE_BYTE_LENGTH = 4 * 1024 * 1024

/** How long blocks are, and how much of each is read. */
export function blocksWithin(view: NdView, most: number, budget: number): { block: number; seen: number } {
  const count = view.shape[0] as number
  let block = count <= most * DENSE ? 1 : stepFor(count, most)
  if (pagesByteLength(view) <= budget) return { block, seen: block }
  // What one block may cost, less the page that its first element is on.
  const stride = Math.abs(view.byteStrides[0] as number)
  const least = stride > 4096 ? 4096 : 4096 + stride
  if (Math.ceil(count / block) * least > budget) block = stepFor(count, Math.max(1, Math.floor(budget / least)))
  const share = Math.floor(budget / Math.ceil(count / block))
  const seen = stride > 4096 ? Math.floor(share / 4096) : Math.floor((share - 4096) / stride)
  return { block, seen: Math.max(1, Math.min(block, seen)) }
}

/** The picture of a line, in at most so many points. */
export async function traceOf(
  view: NdView,
  most: number,
  { budget, signal, onRead }: Reading,
  isLog = false,
): Promise<Trace> {
  const count = view.shape[0] as number
  const { block, seen } = blocksWithin(view, most, budget)
  const points = Math.ceil(count / block)
  const made = (fill: number): Float64Array => new Float64Array(points).fill(fill)
  const [low, high] = [made(Number.POSITIVE_INFINITY), made(Number.NEGATIVE_INFINITY)]
  const mean = made(0)
  const lost = { NaN: made(0), inf: made(0), '\u2212inf': made(0), '≤ 0': made(0) }
  const above = isLog ? 0 : Number.NEGATIVE_INFINITY
  const blocks = { low, high, mean, lost, block, seen, above }
  if (seen === block) {
    for await (const { start, view: part } of view.chunks({ byteLength: PIECE_BYTE_LENGTH, signal })) {
      addRun(blocks, await numbersOf(part, signal), start)
      onRead(part.nbytes)
    }
  } else if (seen === 1) {
    view.advise('random')
    addRun({ ...blocks, block: 1 }, await numbersOf(view.slice(`::${block}`), signal), 0)
    onRead(points * view.dtype.itemSize)
  } else {
    // Read-ahead would fetch what the sample leaves out.
    view.advise('random')
    for (let start = 0; start < count; start += block) {
      const part = view.slice(`${start}:${start + seen}`)
      if (Math.abs(view.byteStrides[0] as number) < 4096) await part.prefetch({ signal })
      addRun(blocks, await numbersOf(part, signal), start)
      onRead(part.nbytes)
    }
  }
  for (let i = 0; i < points; i++) {
    const read = Math.min(seen, count - i * block)
    const numbers = LOST.reduce((left, what) => left - (lost[what][i] as number), read)
    mean[i] = numbers === 0 ? Number.NaN : (mean[i] as number) / numbers
    if (numbers === 0) low[i] = high[i] = Number.NaN
  }
  return { count, block, seen, low, high, mean, lost }
}

/** How many elements have no place, by what they are. */
export function lostOf(traces: readonly Trace[]): [what: Lost, count: number][] {
  const sum = (what: Lost): number =>
    traces.reduce((all, { lost }) => lost[what].reduce((count, here) => count + here, all), 0)
  return LOST.map((what) => [what, sum(what)])
}

interface Blocks extends Pick<Trace, 'low' | 'high' | 'mean' | 'lost' | 'block' | 'seen'> {
  /** Numbers up to this one have no place. */
  readonly above: number
}

function addRun({ low, high, mean, lost, block, above }: Blocks, numbers: ArrayLike<number>, start: number): void {
  for (let i = 0; i < numbers.length; ) {
    const at = Math.floor((start + i) / block)
    const end = Math.min(numbers.length, (at + 1) * block - start)
    let least = low[at] as number
    let most = high[at] as number
    let sum = 0
    for (; i < end; i++) {
      const value = numbers[i] as number
      // NaN and infinities: their difference from themselves is no zero.
      if (value - value !== 0 || value <= above) {
        lost[whyLost(value)][at]!++
        continue
      }
      if (value < least) least = value
      if (value > most) most = value
      sum += value
    }
    low[at] = least
    high[at] = most
    mean[at]! += sum
  }
}

function whyLost(value: number): Lost {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return '≤ 0'
  return value > 0 ? 'inf' : '\u2212inf'
}

/** What was done to the elements, in words. */
export function traceText({ block, seen }: Trace): string {
  if (block === 1) return ''
  if (seen === 1) return `${everyText(block)} element`
  return seen === block
    ? `min to max and mean of ${countText(block)} elements each`
    : `min to max and mean of ${shareText(seen, block)}`
}
