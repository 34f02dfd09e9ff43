// Which reads fetch a strided region of a file: few large ones where elements lie close, one each where they lie far
// apart. Pure arithmetic, so that the synchronous and the asynchronous reader share it.

import type { Region } from './byte-source.ts'
import { denseStrides } from './byte-source.ts'
import type { CopyPlan } from './strided.ts'

/** The longest piece read through scratch memory, in bytes. */
export const SCRATCH_BYTE_LENGTH: number = 1024 * 1024
/** Bytes worth reading for nothing rather than making another system call. */
export const CHEAP_GAP_BYTE_LENGTH: number = 4096

/** One read. `direct` pieces are dense in the file and in the target; the others pass through scratch memory. */
export interface ReadPiece {
  readonly fileByteOffset: number
  readonly byteLength: number
  readonly targetByteOffset: number
  readonly direct: boolean
  /** For what passes through scratch memory: how to copy from it, from this byte of it. */
  readonly scratchByteOffset: number
  readonly plan: CopyPlan
}

interface Axis {
  readonly extent: number
  readonly fileStride: number
  readonly targetStride: number
}

/** The reads that fill a target, dense and in C order unless said otherwise, with a region; `wordSize` as in `gather`. */
export function* planReads(
  region: Region,
  wordSize: number,
  targetStrides: readonly number[] = denseStrides(region.shape, region.itemSize),
): Generator<ReadPiece> {
  const { itemSize } = region
  if (itemSize === 0 || region.shape.includes(0)) return
  const axes: Axis[] = []
  for (const [axis, extent] of region.shape.entries()) {
    if (extent > 1) axes.push({ extent, fileStride: region.byteStrides[axis]!, targetStride: targetStrides[axis]! })
  }
  // In the order of the file, so that each read is one range of it.
  axes.sort((a, b) => Math.abs(b.fileStride) - Math.abs(a.fileStride))
  yield* pieces(axes, region.byteOffset, 0)

  function* pieces(rest: readonly Axis[], fileAt: number, targetAt: number): Generator<ReadPiece> {
    const dense = isDense(rest)
    if (dense && wordSize <= 1) {
      yield piece(rest, fileAt, targetAt, true)
      return
    }
    if (worthOneRead(rest)) {
      yield piece(rest, fileAt, targetAt, false)
      return
    }
    const [axis, ...inner] = rest as readonly [Axis, ...Axis[]]
    let step = 1
    if (worthOneRead(inner)) {
      const gap = Math.abs(axis.fileStride) - spanOf(inner)
      const usefulGap = gap <= Math.max(CHEAP_GAP_BYTE_LENGTH, 8 * usefulBytes(inner))
      const fitting = Math.floor((SCRATCH_BYTE_LENGTH - spanOf(inner)) / Math.max(1, Math.abs(axis.fileStride))) + 1
      if (usefulGap) step = Math.max(1, fitting)
    }
    for (let start = 0; start < axis.extent; start += step) {
      const extent = Math.min(step, axis.extent - start)
      const fileNext = fileAt + start * axis.fileStride
      const targetNext = targetAt + start * axis.targetStride
      if (extent > 1) yield piece([{ ...axis, extent }, ...inner], fileNext, targetNext, false)
      else yield* pieces(inner, fileNext, targetNext)
    }
  }

  function spanOf(rest: readonly Axis[]): number {
    return rest.reduce((span, axis) => span + Math.abs(axis.fileStride) * (axis.extent - 1), itemSize)
  }

  function usefulBytes(rest: readonly Axis[]): number {
    return rest.reduce((product, axis) => product * axis.extent, itemSize)
  }

  function worthOneRead(rest: readonly Axis[]): boolean {
    const span = spanOf(rest)
    if (rest.length === 0) return true
    if (span > SCRATCH_BYTE_LENGTH) return false
    return span <= Math.max(CHEAP_GAP_BYTE_LENGTH, 9 * usefulBytes(rest))
  }

  function isDense(rest: readonly Axis[]): boolean {
    let stride = itemSize
    for (const axis of rest.toReversed()) {
      if (axis.fileStride !== stride || axis.targetStride !== stride) return false
      stride *= axis.extent
    }
    return true
  }

  function piece(rest: readonly Axis[], fileAt: number, targetAt: number, direct: boolean): ReadPiece {
    // Axes that run backwards start at their far end.
    const back = rest.reduce((sum, axis) => sum + Math.min(0, axis.fileStride * (axis.extent - 1)), 0)
    return {
      fileByteOffset: fileAt + back,
      byteLength: spanOf(rest),
      targetByteOffset: targetAt,
      direct,
      scratchByteOffset: -back,
      plan: {
        shape: rest.map((axis) => axis.extent),
        dstStrides: rest.map((axis) => axis.targetStride),
        srcStrides: rest.map((axis) => axis.fileStride),
        itemSize,
        wordSize,
      },
    }
  }
}

/** The dense runs of a region in the file, for writing: nothing between them may be touched. */
export function* planWrites(region: Region): Generator<{ start: readonly number[]; region: Region }> {
  const { shape, byteStrides, itemSize } = region
  if (itemSize === 0 || shape.includes(0)) return
  let inner = shape.length
  let stride = itemSize
  let byteLength = itemSize
  while (inner > 0 && (byteStrides[inner - 1] === stride || shape[inner - 1] === 1)) {
    const next = byteLength * shape[inner - 1]!
    if (next > SCRATCH_BYTE_LENGTH) break
    byteLength = next
    stride *= shape[inner - 1]!
    inner--
  }
  // What is left of a dense axis that is too long for one piece is cut.
  const cutAxis = inner > 0 && byteStrides[inner - 1] === stride ? inner - 1 : -1
  const step = cutAxis >= 0 ? Math.max(1, Math.floor(SCRATCH_BYTE_LENGTH / byteLength)) : 1
  const index = new Array<number>(shape.length).fill(0)
  for (;;) {
    const part = shape.map((extent, axis) => (axis >= inner ? extent : 1))
    if (cutAxis >= 0) part[cutAxis] = Math.min(step, shape[cutAxis]! - index[cutAxis]!)
    const byteOffset = index.reduce((at, i, axis) => at + i * byteStrides[axis]!, region.byteOffset)
    yield { start: [...index], region: { byteOffset, shape: part, byteStrides, itemSize } }
    let axis = inner - 1
    for (; axis >= 0; axis--) {
      index[axis] = index[axis]! + (axis === cutAxis ? step : 1)
      if (index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
    if (axis < 0) return
  }
}
