// Bytes in memory: arrays that were loaded, small files, results. Nothing here can fail for the operating system.

import { setImmediate } from 'node:timers/promises'
import { ClosedError, UnsupportedError } from '../errors.ts'
import { loadAddon } from '../native/binding.ts'
import type { Advice, ByteSource, Decode, MemoryRange, Region, TakenRegion, TakeWork } from './byte-source.ts'
import { checkRange, checkRegion, denseStrides } from './byte-source.ts'
import { copyStrided } from './strided.ts'
import { takePlan, takeStrided } from './take.ts'

/** What is copied at a time before others have their turn: some milliseconds. */
const TURN_BYTE_LENGTH = 8 * 1024 * 1024

/** A {@link ByteSource} over an ArrayBuffer's range. */
export class HeapSource implements ByteSource {
  readonly kind = 'heap'
  readonly path: string | null
  readonly byteLength: number
  readonly writable: boolean
  readonly offThread: boolean = false
  #bytes: Uint8Array<ArrayBuffer> | null
  #view: DataView

  /** `writable` is false for copies of which nobody would see that they were written to. */
  constructor(bytes: Uint8Array<ArrayBuffer>, path: string | null = null, writable = true) {
    this.#bytes = bytes
    this.writable = writable
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.byteLength = bytes.byteLength
    this.path = path
  }

  get closed(): boolean {
    return this.#bytes === null
  }

  /** The memory itself. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === null) throw new ClosedError('array', { path: this.path })
    return this.#bytes
  }

  readElement<T>(decode: Decode<T>, byteOffset: number, byteLength: number): T {
    if (this.#bytes === null) throw new ClosedError('array', { path: this.path })
    checkRange(this, byteOffset, byteLength)
    return decode(this.#view, byteOffset)
  }

  read(byteOffset: number, into: Uint8Array): void {
    checkRange(this, byteOffset, into.byteLength)
    into.set(this.bytes.subarray(byteOffset, byteOffset + into.byteLength))
  }

  gather(region: Region, into: Uint8Array, wordSize: number): void {
    const src = this.bytes
    checkRegion(this, region)
    const { shape, byteStrides, itemSize } = region
    const dstStrides = denseStrides(shape, itemSize)
    copyStrided(into, 0, src, region.byteOffset, { shape, dstStrides, srcStrides: byteStrides, itemSize, wordSize })
  }

  async gatherAsync(region: Region, into: Uint8Array, wordSize: number): Promise<void> {
    this.gather(region, into, wordSize)
  }

  take(taken: TakenRegion, into: Uint8Array, wordSize: number): void {
    const src = this.bytes
    checkRegion(this, taken.region)
    takeStrided(into, 0, src, taken.region.byteOffset, takePlan(taken, wordSize), taken.indices)
  }

  /** On this thread, since memory of the program's own may be taken away from another: in turns with everybody else. */
  async takeAsync(taken: TakenRegion, into: Uint8Array, wordSize: number, work: TakeWork): Promise<void> {
    checkRegion(this, taken.region)
    const { region, axis, indices } = taken
    const plan = takePlan(taken, wordSize)
    // Within one block of memory the source may change: that is done in one go.
    const turns = into.buffer === this.bytes.buffer ? 1 : Math.ceil(into.byteLength / TURN_BYTE_LENGTH)
    const step = Math.max(1, Math.ceil(indices.length / Math.max(1, turns)))
    for (let start = 0; start < indices.length; start += step) {
      if (start > 0) await setImmediate()
      work.signal?.throwIfAborted()
      const to = start * plan.dstStrides[axis]!
      takeStrided(into, to, this.bytes, region.byteOffset, plan, indices.subarray(start, start + step))
    }
  }

  scatter(region: Region, from: ByteSource, fromRegion: Region, wordSize: number): void {
    const dst = this.bytes
    checkRegion(this, region)
    const { shape, byteStrides, itemSize } = region
    if (from instanceof HeapSource) {
      checkRegion(from, fromRegion)
      const srcStrides = fromRegion.byteStrides
      const plan = { shape, dstStrides: byteStrides, srcStrides, itemSize, wordSize }
      copyStrided(dst, region.byteOffset, from.bytes, fromRegion.byteOffset, plan)
      return
    }
    scatterThroughMemory(this, region, from, fromRegion, wordSize)
  }

  memory(byteOffset: number, byteLength: number): MemoryRange {
    const bytes = this.bytes
    checkRange(this, byteOffset, byteLength)
    return { buffer: bytes.buffer, byteOffset: bytes.byteOffset + byteOffset }
  }

  advise(_byteOffset: number, _byteLength: number, _advice: Advice): void {
    this.bytes
  }

  residentByteLength(_byteOffset: number, byteLength: number): number {
    this.bytes
    return byteLength
  }

  async prefetch(): Promise<void> {
    this.bytes
  }

  release(): void {
    this.bytes
  }

  async flush(): Promise<void> {
    this.bytes
  }

  toTransferable(): never {
    throw new UnsupportedError('toTransferable: this array is in memory; post its typed array', {
      feature: 'transferring arrays in memory',
      path: this.path,
    })
  }

  liesIn(path: string): boolean {
    // A typed array over a mapping is memory like any other to its caller.
    return loadAddon()?.liesIn(this.bytes, path) === 1
  }

  close(): void {
    this.#bytes = null
    this.#view = new DataView(new ArrayBuffer(0))
  }
}

/** The most bytes held at once while one source is copied to another that cannot reach it directly. */
const BOUNCE_BYTE_LENGTH = 4 * 1024 * 1024

/** Copies between any two sources through bounded memory, block by block along the outermost axes. */
export function scatterThroughMemory(
  to: ByteSource,
  region: Region,
  from: ByteSource,
  fromRegion: Region,
  wordSize: number,
): void {
  const { shape, itemSize } = region
  const byteLength = shape.reduce((product, extent) => product * extent, itemSize)
  if (byteLength === 0) return
  if (byteLength <= BOUNCE_BYTE_LENGTH || shape.length === 0) {
    const bounce = new HeapSource(new Uint8Array(byteLength))
    from.gather(fromRegion, bounce.bytes, wordSize)
    to.scatter(region, bounce, { byteOffset: 0, shape, byteStrides: denseStrides(shape, itemSize), itemSize }, 1)
    return
  }
  const extent = shape[0]!
  const rowByteLength = byteLength / extent
  const step = Math.max(1, Math.floor(BOUNCE_BYTE_LENGTH / rowByteLength))
  for (let start = 0; start < extent; start += step) {
    const count = Math.min(step, extent - start)
    // One row too large for the bounce buffer: take it apart along the next axis.
    const part = step === 1 && rowByteLength > BOUNCE_BYTE_LENGTH ? dropFirstAxis : narrowFirstAxis
    scatterThroughMemory(to, part(region, start, count), from, part(fromRegion, start, count), wordSize)
  }
}

function narrowFirstAxis(region: Region, start: number, count: number): Region {
  const byteOffset = region.byteOffset + start * region.byteStrides[0]!
  return { ...region, byteOffset, shape: [count, ...region.shape.slice(1)] }
}

function dropFirstAxis(region: Region, index: number): Region {
  const byteOffset = region.byteOffset + index * region.byteStrides[0]!
  return { ...region, byteOffset, shape: region.shape.slice(1), byteStrides: region.byteStrides.slice(1) }
}
