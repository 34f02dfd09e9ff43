// copyPortably against a naive copy, and against the addon's kernel, overlaps included.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { type CopyPlan, copyPortably, copyStrided, packPlan } from '../../src/storage/strided.ts'

interface Copy {
  plan: CopyPlan
  dstByteOffset: number
  srcByteOffset: number
  byteLength: number
}

function backReach(shape: readonly number[], strides: readonly number[]): { low: number; high: number } {
  let low = 0
  let high = 0
  for (const [axis, extent] of shape.entries()) {
    const reach = strides[axis]! * Math.max(0, extent - 1)
    if (reach < 0) low += reach
    else high += reach
  }
  return { low, high }
}

/** Any strides for the source; for the target such that no element lies on another. */
const copies: fc.Arbitrary<Copy> = fc
  .record({
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    word: fc.constantFrom([1, 1], [2, 2], [4, 4], [8, 8], [8, 4], [16, 8], [16, 16], [3, 1], [40, 1], [12, 4], [0, 1]),
    gaps: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 }),
    signs: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    srcStrides: fc.array(fc.integer({ min: -60, max: 60 }), { minLength: 4, maxLength: 4 }),
    dense: fc.boolean(),
    margin: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ shape, word, gaps, signs, srcStrides, dense, margin }) => {
    const [itemSize, wordSize] = word as [number, number]
    const dstStrides = new Array<number>(shape.length)
    const from = new Array<number>(shape.length)
    let reach = itemSize
    let srcReach = itemSize
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = reach + (dense ? 0 : gaps[axis]!)
      dstStrides[axis] = signs[axis] && !dense ? -stride : stride
      from[axis] = dense && axis > 0 ? srcReach : srcStrides[axis]!
      reach = stride * Math.max(1, shape[axis]!)
      srcReach *= Math.max(1, shape[axis]!)
    }
    const dst = backReach(shape, dstStrides)
    const src = backReach(shape, from)
    const byteLength = margin + itemSize + Math.max(dst.high - dst.low, src.high - src.low)
    return {
      plan: { shape, dstStrides, srcStrides: from, itemSize, wordSize },
      dstByteOffset: margin - dst.low,
      srcByteOffset: -src.low,
      byteLength,
    }
  })

function naive(dst: Uint8Array, src: Uint8Array, { plan, dstByteOffset, srcByteOffset }: Copy): void {
  const from = src.slice()
  const walk = (axis: number, dstAt: number, srcAt: number): void => {
    if (axis < plan.shape.length) {
      for (let i = 0; i < plan.shape[axis]!; i++)
        walk(axis + 1, dstAt + i * plan.dstStrides[axis]!, srcAt + i * plan.srcStrides[axis]!)
      return
    }
    for (let i = 0; i < plan.itemSize; i++) {
      const inWord = i % plan.wordSize
      dst[dstAt + i] = from[srcAt + i - inWord + (plan.wordSize > 1 ? plan.wordSize - 1 - inWord : 0)]!
    }
  }
  walk(0, dstByteOffset, srcByteOffset)
}

function counting(byteLength: number, from: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 7 + from) % 256)
}

type Kernel = (dst: Uint8Array, src: Uint8Array, copy: Copy) => void
const kernels: [string, Kernel | null][] = [
  ['copyPortably', (dst, src, c) => copyPortably(dst, c.dstByteOffset, src, c.srcByteOffset, c.plan)],
  ['copyStrided', (dst, src, c) => copyStrided(dst, c.dstByteOffset, src, c.srcByteOffset, c.plan)],
  [
    'the addon',
    loadAddon() === null
      ? null
      : (dst, src, c) => {
          expect(loadAddon()!.copy(dst, c.dstByteOffset, src, c.srcByteOffset, packPlan(c.plan))).toBe(0)
        },
  ],
]

describe.each(kernels.filter((kernel): kernel is [string, Kernel] => kernel[1] !== null))('%s', (_name, kernel) => {
  it('copies what a naive copy does', () => {
    fc.assert(
      fc.property(copies, (copy) => {
        const src = counting(copy.byteLength, 1)
        const dst = counting(copy.byteLength, 100)
        const expected = dst.slice()
        naive(expected, src, copy)
        kernel(dst, src, copy)
        expect(dst).toEqual(expected)
        expect(src).toEqual(counting(copy.byteLength, 1))
      }),
      { numRuns: 2000 },
    )
  })

  it('copies within one block, however the sides overlap', () => {
    fc.assert(
      fc.property(copies, fc.integer({ min: 0, max: 30 }), (copy, shift) => {
        const memory = counting(copy.byteLength * 2 + shift + 8, 1)
        // Two windows on one buffer.
        const dst = memory.subarray(0, copy.byteLength)
        const src = memory.subarray(shift, shift + copy.byteLength)
        const expected = memory.slice()
        naive(expected.subarray(0, copy.byteLength), src, copy)
        kernel(dst, src, copy)
        expect(memory).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('packPlan', () => {
  it('is itemSize, wordSize, ndim, shape, dstStrides, srcStrides', () => {
    const plan = { shape: [2, 3], dstStrides: [12, 4], srcStrides: [-8, 0], itemSize: 4, wordSize: 2 }
    expect([...packPlan(plan)]).toEqual([4, 2, 2, 2, 3, 12, 4, -8, 0])
  })
})
