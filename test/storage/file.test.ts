// FileSource and its descriptor: who closes it, and when.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClosedError, FaultError } from '../../src/index.ts'
import { type FileAccess, FileSource } from '../../src/storage/file.ts'
import { rejectionOf } from '../support/sources.ts'

/** A file whose reads and syncs wait until the test lets them go on; tells what was called, in order. */
class WaitingAccess implements FileAccess {
  readonly calls: string[] = []
  readonly waiting: { resolve(count: number): void; reject(error: Error): void }[] = []

  readSync(into: Uint8Array): number {
    this.calls.push('readSync')
    return into.byteLength
  }

  read(into: Uint8Array): Promise<number> {
    this.calls.push(`read ${into.byteLength}`)
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  writeSync(from: Uint8Array): number {
    return from.byteLength
  }

  isFile(): boolean {
    return false
  }

  byteLength(): number {
    return Number.MAX_SAFE_INTEGER
  }

  sync(): Promise<void> {
    this.calls.push('sync')
    return new Promise((resolve, reject) => this.waiting.push({ resolve: () => resolve(), reject }))
  }

  close(): void {
    this.calls.push('close')
  }
}

function waiting(): { access: WaitingAccess; source: FileSource } {
  const access = new WaitingAccess()
  return { access, source: new FileSource(access, { path: '/a.npy', byteLength: 100, writable: true }) }
}

const whole = { byteOffset: 0, shape: [100], byteStrides: [1], itemSize: 1 }

describe('close() while a call is in flight', () => {
  // A descriptor closed too early may be another file's by the time a thread reads from it: wrong data, silently.
  it('closes the descriptor after the read, which succeeds when it was the last', async () => {
    const { access, source } = waiting()
    const reading = source.gatherAsync(whole, new Uint8Array(100), 1)
    source.close()
    expect([source.closed, access.calls]).toEqual([true, ['read 100']])
    expect(() => source.read(0, new Uint8Array(1))).toThrow(ClosedError)
    access.waiting[0]!.resolve(100)
    await reading
    expect(access.calls).toEqual(['read 100', 'close'])
  })

  it('starts no further read', async () => {
    const { access, source } = waiting()
    const reading = rejectionOf(source.gatherAsync(whole, new Uint8Array(100), 1))
    source.close()
    access.waiting[0]!.resolve(60)
    expect(await reading).toBeInstanceOf(ClosedError)
    expect(access.calls).toEqual(['read 100', 'close'])
  })

  it('waits for the last of several, failed ones too', async () => {
    const { access, source } = waiting()
    const first = source.gatherAsync(whole, new Uint8Array(100), 1)
    const second = rejectionOf(source.prefetch(0, 100))
    const third = source.flush(0)
    source.close()
    source.close()
    access.waiting[0]!.resolve(100)
    await first
    access.waiting[1]!.reject(Object.assign(new Error('EIO'), { errno: -5 }))
    expect(await second).toBeInstanceOf(FaultError)
    expect(access.calls).toEqual(['read 100', 'read 100', 'sync'])
    access.waiting[2]!.resolve(0)
    await third
    expect(access.calls.slice(3)).toEqual(['close'])
  })

  it('closes at once when nothing is in flight', async () => {
    const { access, source } = waiting()
    const reading = source.gatherAsync(whole, new Uint8Array(100), 1)
    access.waiting[0]!.resolve(100)
    await reading
    source.close()
    source.close()
    expect(access.calls).toEqual(['read 100', 'close'])
  })
})

describe('a file cut short while it is read', () => {
  const PAGE = 4096
  /** Reads give all they are asked for, with the page of the cut emptied from there on: as seen of ext4 beside a truncate. */
  function cutAt(cut: number, fill: number): FileSource {
    const emptied = Math.ceil(cut / PAGE) * PAGE
    const readSync = (into: Uint8Array, position: number): number => {
      into.fill(fill)
      into.fill(0, Math.max(0, cut - position), Math.max(0, emptied - position))
      return into.byteLength
    }
    const access = new WaitingAccess()
    Object.assign(access, {
      readSync,
      read: async (into: Uint8Array, position: number) => readSync(into, position),
      byteLength: () => cut,
    })
    return new FileSource(access, { path: '/a.npy', byteLength: 100 * PAGE, writable: false })
  }

  it('is told, wherever it is cut and whatever is read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(50 * PAGE),
        fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 40 * PAGE })),
        fc.nat(),
        async (byteOffset, byteLength, at) => {
          const cut = byteOffset + (at % byteLength)
          const source = cutAt(cut, 7)
          const touches = Math.ceil(cut / PAGE) * PAGE > cut
          const isTold = { name: 'FaultError', reason: 'truncated', byteOffset: cut }
          const read = (): void => source.read(byteOffset, new Uint8Array(byteLength))
          if (!touches) return
          expect(read).toThrow(expect.objectContaining(isTold))
          const region = { byteOffset, shape: [], byteStrides: [], itemSize: byteLength }
          await expect(source.gatherAsync(region, new Uint8Array(byteLength), 1)).rejects.toMatchObject(isTold)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('and zeros that are in the file are no cut', () => {
    const access = new WaitingAccess()
    Object.assign(access, { readSync: (into: Uint8Array) => into.fill(0).byteLength })
    const source = new FileSource(access, { path: '/a.npy', byteLength: 100 * PAGE, writable: false })
    for (const byteLength of [1, 8, PAGE, 30 * PAGE]) source.read(3, new Uint8Array(byteLength))
  })
})
