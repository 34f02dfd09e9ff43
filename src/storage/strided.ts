// Copying strided regions between blocks of memory: the addon's kernel, or the same in JavaScript where there is none.

import { loadAddon, type MappingHandle } from '../native/binding.ts'

/** What `copyStrided` copies: one shape, and the byte strides of each side. */
export interface CopyPlan {
  readonly shape: readonly number[]
  readonly dstStrides: readonly number[]
  readonly srcStrides: readonly number[]
  readonly itemSize: number
  /** Above 1, the bytes of each word of this size are reversed on the way. */
  readonly wordSize: number
}

/** The plan as the addon takes it. */
export function packPlan(plan: CopyPlan): Float64Array {
  const ndim = plan.shape.length
  const packed = new Float64Array(3 + 3 * ndim)
  packed[0] = plan.itemSize
  packed[1] = plan.wordSize
  packed[2] = ndim
  for (let axis = 0; axis < ndim; axis++) {
    packed[3 + axis] = plan.shape[axis]!
    packed[3 + ndim + axis] = plan.dstStrides[axis]!
    packed[3 + 2 * ndim + axis] = plan.srcStrides[axis]!
  }
  return packed
}

/** Throws for a status that only a bug of ours can cause: the ranges were checked before. */
export function checkStatus(status: number): void {
  if (status === -12) throw new RangeError('copy: not enough memory')
  if (status !== 0) throw new Error(`copy: the addon refused it (errno ${status})`)
}

/** Copies between memory of ours. The ranges were checked; overlapping sides are fine. */
export function copyStrided(
  dst: Uint8Array,
  dstByteOffset: number,
  src: Uint8Array,
  srcByteOffset: number,
  plan: CopyPlan,
): void {
  const addon = loadAddon()
  if (addon !== null) checkStatus(addon.copy(dst, dstByteOffset, src, srcByteOffset, packPlan(plan)))
  else copyPortably(dst, dstByteOffset, src, srcByteOffset, plan)
}

/** Either side of an addon copy. */
export type Operand = MappingHandle | Uint8Array

/** The kernel in JavaScript. */
export function copyPortably(
  dst: Uint8Array,
  dstByteOffset: number,
  src: Uint8Array,
  srcByteOffset: number,
  plan: CopyPlan,
): void {
  if (plan.itemSize === 0 || plan.shape.includes(0)) return
  // Both in one buffer may overlap, and the order of copying would show.
  const apart = dst.buffer === src.buffer
  const { shape, dstStrides, srcStrides, itemSize, wordSize } = plan
  const run = contiguousRun(plan)
  const from = apart ? src.slice() : src
  const outer = run.outerAxes
  const index = new Array<number>(outer).fill(0)
  let dstAt = dstByteOffset
  let srcAt = srcByteOffset
  for (;;) {
    copyRun(dst, dstAt, from, srcAt, run.byteLength, wordSize)
    let axis = outer - 1
    for (; axis >= 0; axis--) {
      dstAt += dstStrides[axis]!
      srcAt += srcStrides[axis]!
      index[axis] = index[axis]! + 1
      if (index[axis]! < shape[axis]!) break
      dstAt -= dstStrides[axis]! * shape[axis]!
      srcAt -= srcStrides[axis]! * shape[axis]!
      index[axis] = 0
    }
    if (axis < 0) return
  }

  /** The innermost axes that are contiguous on both sides become one run of bytes. */
  function contiguousRun(of: CopyPlan): { outerAxes: number; byteLength: number } {
    let byteLength = itemSize
    let axis = of.shape.length
    while (axis > 0) {
      const extent = of.shape[axis - 1]!
      const dense = of.dstStrides[axis - 1] === byteLength && of.srcStrides[axis - 1] === byteLength
      if (!dense && extent !== 1) break
      byteLength *= extent
      axis--
    }
    return { outerAxes: axis, byteLength }
  }
}

function copyRun(dst: Uint8Array, dstAt: number, src: Uint8Array, srcAt: number, byteLength: number, wordSize: number) {
  if (wordSize > 1) {
    for (let word = 0; word < byteLength; word += wordSize) {
      for (let i = 0; i < wordSize; i++) dst[dstAt + word + i] = src[srcAt + word + wordSize - 1 - i]!
    }
  } else if (byteLength < 32) {
    for (let i = 0; i < byteLength; i++) dst[dstAt + i] = src[srcAt + i]!
  } else {
    dst.set(src.subarray(srcAt, srcAt + byteLength), dstAt)
  }
}
