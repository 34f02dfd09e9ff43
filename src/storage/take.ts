// NumPy's take between blocks of memory: the addon's kernel, or the same in JavaScript where there is none.

import { availableParallelism } from 'node:os'
import { loadAddon } from '../native/binding.ts'
import { denseStrides, type TakenRegion } from './byte-source.ts'
import { checkStatus, copyPortably } from './strided.ts'

/** What `takeStrided` copies: as `CopyPlan`, with the shape of the source, and indices in place of one axis. */
export interface TakePlan {
  readonly shape: readonly number[]
  readonly axis: number
  readonly dstStrides: readonly number[]
  readonly srcStrides: readonly number[]
  readonly itemSize: number
  readonly wordSize: number
}

/** More threads than this do not make one copy faster: memory is the limit. */
const MAX_THREADS = 4

/** Threads of a copy that the caller waits for. */
export const TAKE_THREADS: number = Math.min(MAX_THREADS, availableParallelism())

/**
 * Threads of a copy off the main thread, when the caller does not say. One processor is left to the program. All but one
 * are the addon's own: a gather holds one thread of the pool (`UV_THREADPOOL_SIZE`, 4 by default), whatever their number.
 */
export const GATHER_THREADS: number = Math.max(1, TAKE_THREADS - 1)

/** The shape of what is taken. */
export function takenShape(taken: TakenRegion): number[] {
  return taken.region.shape.with(taken.axis, taken.indices.length)
}

/** True when there is nothing to copy. */
export function takesNothing(taken: TakenRegion): boolean {
  return taken.indices.length === 0 || taken.region.itemSize === 0 || taken.region.shape.includes(0)
}

/** How a region is taken to dense memory. */
export function takePlan(taken: TakenRegion, wordSize: number): TakePlan {
  const { region, axis } = taken
  const { shape, byteStrides: srcStrides, itemSize } = region
  return { shape, axis, dstStrides: denseStrides(takenShape(taken), itemSize), srcStrides, itemSize, wordSize }
}

/** The plan as the addon takes it. */
export function packTakePlan(plan: TakePlan): Float64Array {
  const { shape, axis, dstStrides, srcStrides, itemSize, wordSize } = plan
  const ndim = shape.length
  const packed = new Float64Array(4 + 3 * ndim)
  packed[0] = itemSize
  packed[1] = wordSize
  packed[2] = ndim
  packed[3] = axis
  for (let i = 0; i < ndim; i++) {
    packed[4 + i] = shape[i]!
    packed[4 + ndim + i] = dstStrides[i]!
    packed[4 + 2 * ndim + i] = srcStrides[i]!
  }
  return packed
}

/** Copies between memory of ours. The ranges were checked; overlapping sides are fine. */
export function takeStrided(
  dst: Uint8Array,
  dstByteOffset: number,
  src: Uint8Array,
  srcByteOffset: number,
  plan: TakePlan,
  indices: Float64Array<ArrayBuffer>,
): void {
  if (indices.length === 0 || plan.itemSize === 0 || plan.shape.includes(0)) return
  const addon = loadAddon()
  if (addon === null) {
    takePortably(dst, dstByteOffset, src, srcByteOffset, plan, indices)
    return
  }
  const packed = packTakePlan(plan)
  checkStatus(addon.take(dst, dstByteOffset, src, srcByteOffset, packed, indices, TAKE_THREADS))
}

/** The kernel in JavaScript. */
export function takePortably(
  dst: Uint8Array,
  dstByteOffset: number,
  src: Uint8Array,
  srcByteOffset: number,
  plan: TakePlan,
  indices: Float64Array<ArrayBuffer>,
): void {
  const { axis, itemSize, wordSize } = plan
  const without = (values: readonly number[]): number[] => values.filter((_, i) => i !== axis)
  const part = {
    shape: without(plan.shape),
    dstStrides: without(plan.dstStrides),
    srcStrides: without(plan.srcStrides),
    itemSize,
    wordSize,
  }
  // Both in one buffer may overlap: the source must not change meanwhile.
  const from = dst.buffer === src.buffer ? src.slice() : src
  const dstStep = plan.dstStrides[axis]!
  const srcStep = plan.srcStrides[axis]!
  for (let k = 0; k < indices.length; k++) {
    copyPortably(dst, dstByteOffset + k * dstStep, from, srcByteOffset + indices[k]! * srcStep, part)
  }
}
