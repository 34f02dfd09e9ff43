// A header that is written over while it is read: a reader may get some of its digits before, some after.

import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { load, Memmap, open, readHeader } from '../../src/index.ts'
import { DType } from '../../src/layout/dtype.ts'
import { readHeaderFrom } from '../../src/npy/header.ts'
import type { ByteSource } from '../../src/storage/byte-source.ts'
import { bytesOf, temporaryFolder } from '../support/sources.ts'

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

describe('a header that rests half written, in a file that has the new rows', () => {
  const path = temporaryFolder()('resting.npy')
  afterEach(() => vi.restoreAllMocks())

  test.each([open, load, readHeader])('%o waits for the rest', async (read) => {
    for (const torn of [23801, 23999]) {
      writeFileSync(path, Buffer.concat([headerOf(torn), bytesOf(new Float64Array(23901 * 3))]))
      // The writer goes on while the reader waits: later than any number of readings at once takes.
      const waits = vi.spyOn(Atomics, 'wait').mockImplementation(() => {
        const fd = openSync(path, 'r+')
        writeSync(fd, headerOf(23901), 0, undefined, 0)
        closeSync(fd)
        return 'timed-out'
      })
      const found = await read(path)
      if (found instanceof Memmap) found.close()
      expect(found.shape).toEqual([23901, 3])
      expect(waits).toHaveBeenCalledOnce()
      expect(waits.mock.calls[0]![3]).toBe(5)
      waits.mockRestore()
    }
  })

  test('and not where the file ends as its header says', async () => {
    writeFileSync(path, Buffer.concat([headerOf(10), bytesOf(new Float64Array(30))]))
    const waits = vi.spyOn(Atomics, 'wait')
    open(path).close()
    readHeader(path)
    await load(path)
    expect(waits).not.toHaveBeenCalled()
  })
})
