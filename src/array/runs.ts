// Which ranges of a source a part of an array lies in: what to read ahead for it, and what to let go of after it.

import { regionExtent } from '../storage/byte-source.ts'
import { regionOf, type StridedArray, sizeOf } from './strided-array.ts'

/** Bytes `low` to `high` of a source. */
export interface Run {
  readonly low: number
  readonly high: number
}

/** Each run costs a system call: more of them are not worth it. */
const MOST_RUNS = 1024
/** Less than this between two runs is read along with them. */
const LEAST_GAP_BYTE_LENGTH = 64 * 1024
/** Runs so many times longer than their elements are not worth having. */
const MOST_WASTE = 4

/** The ranges that hold a part and not much else, in a fixed order; null when its elements lie too scattered for that. */
export function runsOf(part: StridedArray): Run[] | null {
  const byteLength = sizeOf(part.shape) * part.dtype.itemSize
  if (byteLength === 0) return []
  const axes = part.shape
    .map((extent, axis) => ({ extent, step: Math.abs(part.byteStrides[axis]!) }))
    .filter(({ extent, step }) => extent > 1 && step > 0)
    .sort((a, b) => a.step - b.step)
  // The inner axes are one run as long as little lies between their elements.
  let runByteLength = part.dtype.itemSize
  while (axes.length > 0 && axes[0]!.step - runByteLength <= LEAST_GAP_BYTE_LENGTH) {
    const { extent, step } = axes.shift()!
    runByteLength += step * (extent - 1)
  }
  const count = axes.reduce((product, { extent }) => product * extent, 1)
  if (count > MOST_RUNS || count * runByteLength > MOST_WASTE * byteLength + LEAST_GAP_BYTE_LENGTH) return null
  let starts = [regionExtent(regionOf(part)).low]
  for (const { extent, step } of axes) {
    starts = starts.flatMap((at) => Array.from({ length: extent }, (_, i) => at + i * step))
  }
  return starts.map((low) => ({ low, high: low + runByteLength }))
}
