// A line of any length, made as short as a picture is wide: least, greatest and mean element of each block.

import type { NdView } from '../../index.ts'
import { pagesByteLength, type Reading } from './cost.ts'
import { everyText, stepFor } from './grid.ts'
import { numbersOf } from './numbers.ts'

/** A line. Point `i` stands for the `block` elements from `i * block` on, of which `seen` were read. */
export interface Trace {
  readonly count: number
  readonly block: number
  readonly seen: number
  readonly low: Float64Array
  readonly high: Float64Array
  readonly mean: Float64Array
  /** NaN of each block. */
  readonly nan: Float64Array
  readonly nanCount: number
}

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
export async function traceOf(view: NdView, most: number, { budget, signal, onRead }: Reading): Promise<Trace> {
  const count = view.shape[0] as number
  const { block, seen } = blocksWithin(view, most, budget)
  const points = Math.ceil(count / block)
  const made = (fill: number): Float64Array => new Float64Array(points).fill(fill)
  const [low, high] = [made(Number.POSITIVE_INFINITY), made(Number.NEGATIVE_INFINITY)]
  const [mean, nan] = [made(0), made(0)]
  const blocks = { low, high, mean, nan, block, seen }
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
  let nanCount = 0
  for (let i = 0; i < points; i++) {
    const read = Math.min(seen, count - i * block)
    const numbers = read - (nan[i] as number)
    nanCount += nan[i] as number
    mean[i] = numbers === 0 ? Number.NaN : (mean[i] as number) / numbers
    if (numbers === 0) low[i] = high[i] = Number.NaN
  }
  return { count, block, seen, low, high, mean, nan, nanCount }
}

interface Blocks extends Pick<Trace, 'low' | 'high' | 'mean' | 'nan' | 'block' | 'seen'> {}

function addRun({ low, high, mean, nan, block }: Blocks, numbers: ArrayLike<number>, start: number): void {
  for (let i = 0; i < numbers.length; ) {
    const at = Math.floor((start + i) / block)
    const end = Math.min(numbers.length, (at + 1) * block - start)
    let least = low[at] as number
    let most = high[at] as number
    let sum = 0
    for (; i < end; i++) {
      const value = numbers[i] as number
      if (value < least) least = value
      if (value > most) most = value
      if (Number.isNaN(value)) nan[at]!++
      else sum += value
    }
    low[at] = least
    high[at] = most
    mean[at]! += sum
  }
}

/** What was done to the elements, in words. */
export function traceText({ block, seen }: Trace): string {
  if (block === 1) return ''
  if (seen === 1) return `${everyText(block)} element`
  return seen === block
    ? `min to max and mean of ${block} elements each`
    : `min to max and mean of ${seen} out of every ${block} elements`
}
