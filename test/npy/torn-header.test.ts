// A header that is written over while it is read: a reader may get some of its digits before, some after.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
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
  // A thread finishes it later than any number of readings at once takes, and says when.
  const finishing = `
    const { parentPort, workerData: { path, header, go } } = require('node:worker_threads')
    const fs = require('node:fs')
    const fd = fs.openSync(path, 'r+')
    parentPort.postMessage('ready')
    Atomics.wait(go, 0, 0)
    Atomics.wait(go, 1, 0, 1)
    fs.writeSync(fd, header, 0, header.length, 0)
    parentPort.postMessage(performance.timeOrigin + performance.now())`
  /** A machine that is busy elsewhere lets the thread write later than readers wait: such a turn shows nothing. */
  const IN_TIME_MS = 4
  const MOST_TURNS = 200

  test.each([open, load, readHeader])('%o waits for the rest', async (read) => {
    for (const torn of [23801, 23999]) {
      let turns = 0
      for (let inTime = false; !inTime; ) {
        expect(turns++).toBeLessThan(MOST_TURNS)
        const rows = new Float64Array(23901 * 3)
        writeFileSync(path, Buffer.concat([headerOf(torn), bytesOf(rows)]))
        const go = new Int32Array(new SharedArrayBuffer(8))
        const worker = new Worker(finishing, { eval: true, workerData: { path, header: headerOf(23901), go } })
        await once(worker, 'message')
        const finished = once(worker, 'message')
        const begun = performance.timeOrigin + performance.now()
        Atomics.store(go, 0, 1)
        Atomics.notify(go, 0)
        const found = await read(path)
        const [at] = (await finished) as [number]
        if (found instanceof Memmap) found.close()
        inTime = at - begun < IN_TIME_MS
        if (inTime) expect(found.shape).toEqual([23901, 3])
      }
    }
  })
})
