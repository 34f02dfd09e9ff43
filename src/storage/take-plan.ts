// Which reads fetch what a list of indices names: in ascending order of position, each place once, neighbours together.
// Pure arithmetic, for every source that can only read ranges.

import { type Region, regionExtent, type TakenRegion } from './byte-source.ts'
import { CHEAP_GAP_BYTE_LENGTH, planReads, SCRATCH_BYTE_LENGTH } from './read-plan.ts'
import { copyStrided } from './strided.ts'
import { takePlan, takeStrided, takesNothing } from './take.ts'

/** One read, and what becomes of it. */
export interface TakeRead {
  readonly byteOffset: number
  readonly byteLength: number
  /** Where in the target it goes as it is; null when it passes through scratch memory. */
  readonly targetByteOffset: number | null
  /** Puts what was read, in `scratch` or in the target already, into its places. */
  finish(into: Uint8Array, scratch: Uint8Array): void
}

/** An axis; `srcStep` is 0 or above, the axis turned round where it was not. */
interface Axis {
  readonly extent: number
  readonly srcStep: number
  readonly dstStep: number
}

const nothingLeft = (): void => {}

/** The reads that fill a dense C-order target; none where there is nothing to take. */
export function* planTakeReads(taken: TakenRegion, wordSize: number): Generator<TakeRead> {
  if (takesNothing(taken)) return
  const { region } = taken
  const { dstStrides } = takePlan(taken, wordSize)
  const { itemSize } = region
  const turned = region.byteStrides[taken.axis]! < 0
  const step = Math.abs(region.byteStrides[taken.axis]!)
  const extent = region.shape[taken.axis]!
  const dstStep = dstStrides[taken.axis]!
  const count = taken.indices.length
  let srcStart = turned ? region.byteOffset - (extent - 1) * step : region.byteOffset
  let dstStart = 0

  // What lies closer together than two neighbours of the axis is read as one: a piece. The other axes are walked.
  const loops: Axis[] = []
  const inner: Axis[] = []
  for (const [i, n] of region.shape.entries()) {
    if (i === taken.axis || n === 1) continue
    const back = region.byteStrides[i]! < 0
    const srcStep = Math.abs(region.byteStrides[i]!)
    if (back) srcStart -= (n - 1) * srcStep
    if (back) dstStart += (n - 1) * dstStrides[i]!
    const axis = { extent: n, srcStep, dstStep: back ? -dstStrides[i]! : dstStrides[i]! }
    if (step === 0 || srcStep <= step) inner.push(axis)
    else loops.push(axis)
  }
  loops.sort((a, b) => b.srcStep - a.srcStep)
  inner.sort((a, b) => b.srcStep - a.srcStep)
  const piece: Region = {
    byteOffset: 0,
    shape: inner.map((axis) => axis.extent),
    byteStrides: inner.map((axis) => axis.srcStep),
    itemSize,
  }
  const pieceStrides = inner.map((axis) => axis.dstStep)
  const pieceSpan = regionExtent(piece).high
  const pieceByteLength = piece.shape.reduce((product, n) => product * n, itemSize)
  const pieceIsDense = wordSize <= 1 && isOneRun(inner, itemSize)

  const { indices, positions } = sortedIndices(taken.indices, turned ? extent - 1 : null)
  const first = indices[0]!
  const last = indices[count - 1]!
  let places = 1
  for (let k = 1; k < count; k++) if (indices[k] !== indices[k - 1]) places++
  const lineSpan = (last - first) * step + pieceSpan
  const usefulBytes = step === 0 ? pieceByteLength : places * pieceByteLength
  // In the order of the target, counted from the first one used.
  const within = new Float64Array(count)
  for (let k = 0; k < count; k++) within[positions[k]!] = indices[k]! - first

  yield* lines(loops, srcStart, dstStart)

  function* lines(rest: readonly Axis[], srcAt: number, dstAt: number): Generator<TakeRead> {
    if (worthOneRead(rest)) {
      yield slab(rest, srcAt, dstAt)
      return
    }
    const [axis, ...others] = rest
    if (axis === undefined) {
      yield* line(srcAt, dstAt)
      return
    }
    let run = 1
    if (worthOneRead(others)) {
      const gap = axis.srcStep - spanOf(others)
      const fitting = Math.floor((SCRATCH_BYTE_LENGTH - spanOf(others)) / axis.srcStep) + 1
      if (gap <= Math.max(CHEAP_GAP_BYTE_LENGTH, 8 * usefulOf(others))) run = Math.max(1, fitting)
    }
    for (let start = 0; start < axis.extent; start += run) {
      const part = { ...axis, extent: Math.min(run, axis.extent - start) }
      const srcNext = srcAt + start * axis.srcStep
      const dstNext = dstAt + start * axis.dstStep
      if (part.extent > 1) yield slab([part, ...others], srcNext, dstNext)
      else yield* lines(others, srcNext, dstNext)
    }
  }

  function spanOf(rest: readonly Axis[]): number {
    return rest.reduce((span, axis) => span + axis.srcStep * (axis.extent - 1), lineSpan)
  }

  function usefulOf(rest: readonly Axis[]): number {
    return rest.reduce((product, axis) => product * axis.extent, usefulBytes)
  }

  function worthOneRead(rest: readonly Axis[]): boolean {
    const span = spanOf(rest)
    return span <= SCRATCH_BYTE_LENGTH && span <= Math.max(CHEAP_GAP_BYTE_LENGTH, 9 * usefulOf(rest))
  }

  /** Whole lines in one read. */
  function slab(rest: readonly Axis[], srcAt: number, dstAt: number): TakeRead {
    const plan = {
      shape: [...rest.map((axis) => axis.extent), last - first + 1, ...piece.shape],
      axis: rest.length,
      dstStrides: [...rest.map((axis) => axis.dstStep), dstStep, ...pieceStrides],
      srcStrides: [...rest.map((axis) => axis.srcStep), step, ...piece.byteStrides],
      itemSize,
      wordSize,
    }
    return {
      byteOffset: srcAt + first * step,
      byteLength: spanOf(rest),
      targetByteOffset: null,
      finish: (into, scratch) => takeStrided(into, dstAt, scratch, 0, plan, within),
    }
  }

  /** The pieces of one line: neighbours in one read. */
  function* line(srcAt: number, dstAt: number): Generator<TakeRead> {
    const whole = pieceSpan <= SCRATCH_BYTE_LENGTH && pieceSpan <= Math.max(CHEAP_GAP_BYTE_LENGTH, 9 * pieceByteLength)
    for (let k = 0; k < count; ) {
      const start = k
      const from = indices[k]!
      let to = from
      for (k++; k < count; k++) {
        const next = indices[k]!
        const near = whole && (next - to) * step <= pieceSpan + CHEAP_GAP_BYTE_LENGTH
        if (next !== to && !(near && (next - from) * step + pieceSpan <= SCRATCH_BYTE_LENGTH)) break
        to = next
      }
      if (whole) yield group(srcAt, dstAt, start, k)
      else yield* largePiece(srcAt, dstAt, start, k)
    }
  }

  function group(srcAt: number, dstAt: number, start: number, stop: number): TakeRead {
    const from = indices[start]!
    const byteOffset = srcAt + from * step
    const byteLength = (indices[stop - 1]! - from) * step + pieceSpan
    if (pieceIsDense && stop - start === 1) {
      return { byteOffset, byteLength, targetByteOffset: dstAt + positions[start]! * dstStep, finish: nothingLeft }
    }
    const finish = (into: Uint8Array, scratch: Uint8Array): void => {
      for (let k = start; k < stop; k++) {
        const at = (indices[k]! - from) * step
        const to = dstAt + positions[k]! * dstStep
        if (pieceIsDense) into.set(scratch.subarray(at, at + pieceByteLength), to)
        else copyStrided(into, to, scratch, at, copyPlan())
      }
    }
    return { byteOffset, byteLength, targetByteOffset: null, finish }
  }

  function copyPlan(): Parameters<typeof copyStrided>[4] {
    return { shape: piece.shape, dstStrides: pieceStrides, srcStrides: piece.byteStrides, itemSize, wordSize }
  }

  /** A piece too large, or too thinly spread, for one read; named by the indices from `start` to `stop`. */
  function* largePiece(srcAt: number, dstAt: number, start: number, stop: number): Generator<TakeRead> {
    const at = { ...piece, byteOffset: srcAt + indices[start]! * step }
    const targets = Array.from({ length: stop - start }, (_, k) => dstAt + positions[start + k]! * dstStep)
    const [target, ...copies] = targets as [number, ...number[]]
    for (const read of planReads(at, wordSize, pieceStrides)) {
      const { fileByteOffset: byteOffset, byteLength, targetByteOffset } = read
      if (read.direct) {
        const to = target + targetByteOffset
        const finish = (into: Uint8Array): void => {
          for (const copy of copies) into.copyWithin(copy + targetByteOffset, to, to + byteLength)
        }
        yield { byteOffset, byteLength, targetByteOffset: to, finish }
      } else {
        const finish = (into: Uint8Array, scratch: Uint8Array): void => {
          for (const to of targets) copyStrided(into, to + targetByteOffset, scratch, read.scratchByteOffset, read.plan)
        }
        yield { byteOffset, byteLength, targetByteOffset: null, finish }
      }
    }
  }
}

/** True when the elements are one run of bytes that lies the same way in the target; the axes as sorted above. */
function isOneRun(axes: readonly Axis[], itemSize: number): boolean {
  let run = itemSize
  for (const { extent, srcStep, dstStep } of axes.toReversed()) {
    if (srcStep !== run || dstStep !== run) return false
    run *= extent
  }
  return true
}

/** The indices in ascending order, counted from the end when `turnedAt` is the last one, and where each one was. */
function sortedIndices(
  given: Float64Array<ArrayBuffer>,
  turnedAt: number | null,
): { indices: Float64Array; positions: Float64Array } {
  const count = given.length
  const indices = turnedAt === null ? given.slice() : given.map((index) => turnedAt - index)
  const positions = Float64Array.from({ length: count }, (_, k) => k)
  let ascending = true
  let highest = 0
  for (let k = 0; k < count; k++) {
    const index = indices[k]!
    if (index < highest) ascending = false
    else highest = index
  }
  if (ascending) return { indices, positions }
  if (highest < Number.MAX_SAFE_INTEGER / count - 1) {
    // Both in one number: sorted without a call for each comparison.
    const keys = indices.map((index, k) => index * count + k).sort()
    return { indices: keys.map((key) => Math.floor(key / count)), positions: keys.map((key) => key % count) }
  }
  positions.sort((a, b) => indices[a]! - indices[b]! || a - b)
  return { indices: positions.map((k) => indices[k]!), positions }
}
