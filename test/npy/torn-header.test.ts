// A header that is written over while it is read: a reader may get some of its digits before, some after.

import { describe, expect, test } from 'vitest'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { DType } from '../../src/layout/dtype.ts'
import { readHeaderFrom } from '../../src/npy/header.ts'
import type { ByteSource } from '../../src/storage/byte-source.ts'

function headerOf(rows: number): Uint8Array {
  return formatNpyHeader({ dtype: DType.of('<f8'), shape: [rows, 3], order: 'C' })
}

/** A file whose reads give one image after the other, and the last for ever. */
function changing(kind: 'mapped' | 'file', images: readonly Uint8Array[]): { source: ByteSource; reads: () => number } {
  let reads = 0
  const source = {
    kind,
    path: '/moving.npy',
    byteLength: images[0]!.length,
    read(byteOffset: number, into: Uint8Array): void {
      into.set(images[Math.min(reads++, images.length - 1)]!.subarray(byteOffset, byteOffset + into.length))
    },
  }
  return { source: source as unknown as ByteSource, reads: () => reads }
}

describe.each(['mapped', 'file'] as const)('a header that moves under its reader, %s', (kind) => {
  const [before, torn, after] = [headerOf(23822), headerOf(23801), headerOf(23901)]

  test('is read until it stays', () => {
    const first = kind === 'mapped' ? [] : [before] // the prefix, in a read of its own
    for (const images of [
      [torn, after],
      [before, torn, after],
      [before, headerOf(23802), torn, after],
    ]) {
      const { source } = changing(kind, [...first, ...images])
      expect(readHeaderFrom(source, 0, {}).shape).toEqual([23901, 3])
    }
  })

  test('and not for ever', () => {
    const { source, reads } = changing(
      kind,
      Array.from({ length: 1000 }, (_, i) => headerOf(10_000 + i)),
    )
    expect(readHeaderFrom(source, 0, {}).shape[1]).toBe(3)
    expect(reads()).toBeLessThan(12)
  })
})
