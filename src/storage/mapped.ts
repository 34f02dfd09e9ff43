// Bytes of a mapped file. Owns the windows (ArrayBuffers over the mapping) and turns caught faults into errors.

import { constants } from 'node:os'
import { ClosedError, LayoutError } from '../errors.ts'
import { type Addon, MappingFault, type MappingHandle, MappingMode } from '../native/binding.ts'
import type {
  Advice,
  ByteSource,
  Decode,
  MemoryRange,
  PackedBlocks,
  PrefetchOptions,
  Region,
  TakenRegion,
  TakeWork,
  TransferableSource,
} from './byte-source.ts'
import { ADVICES, checkRange, checkRegion, denseStrides, regionExtent } from './byte-source.ts'
import { HeapSource, scatterThroughMemory } from './heap.ts'
import { type Fault, lostPages, strayWrite } from './mapped-fault.ts'
import { notARegularFile, osError } from './os.ts'
import { checkStatus, packPlan } from './strided.ts'
import { GATHER_THREADS, packTakePlan, TAKE_THREADS, takePlan, takesNothing } from './take.ts'
import { defaultThreads, eachInFlight, inPool, partsOf } from './threads.ts'
import { transferableFile } from './transferable.ts'
import { isDetached, MAX_WINDOW_BYTE_LENGTH, type Window, Windows } from './windows.ts'

/** So many first elements are read without a page fault: programs open many files to look at little. */
const PEEKS = 2
/** Elements read through the addon before a window is made for them: opening and peeking stays cheap. */
const READS_BEFORE_WINDOW = 32
/** Most headers are 128 bytes. */
const HEAD_BYTE_LENGTH = 256
/** Truncation leaves zeros up to the end of a page; no system has smaller pages. */
const PAGE_BYTE_LENGTH = 4096
/** The most that one job of the pool reads ahead: so much goes on after a signal or `close()`. */
const PREFETCH_BYTE_LENGTH = 8 * 1024 * 1024
const EISDIR = -21
/** From `copyAsync`: bytes were lost under an array that was closed meanwhile. */
const EFAULT = -14
const ENODEV = -19
/** From `takeAsync`, which was told to stop. */
const ECANCELED = -constants.errno.ECANCELED

/** How writes to a mapped array behave: NumPy's `r`, `r+` and `c`. */
export type MapMode = 'r' | 'r+' | 'c'

/** A {@link ByteSource} over a mapping made by the addon. */
export class MappedSource implements ByteSource {
  readonly kind = 'mapped'
  readonly path: string
  readonly byteLength: number
  readonly writable: boolean
  readonly offThread: boolean = true
  readonly #mode: MapMode
  readonly #addon: Addon
  readonly #handle: MappingHandle
  readonly #windows: Windows
  /** The window that elements are read from; null until enough were read, and after `close()`. */
  #elements: Window | null = null
  #elementReads = 0
  #closed = false
  #faultsSeen: number
  #lost: Fault | null = null

  /** The first bytes of the file, read when it was opened: a look at its header faults in no page. */
  #head: Uint8Array | null

  private constructor(addon: Addon, handle: MappingHandle, path: string, mode: MapMode, head: Uint8Array) {
    this.#addon = addon
    this.#handle = handle
    this.path = path
    this.byteLength = addon.byteLength(handle)
    this.#mode = mode
    this.writable = mode !== 'r'
    this.#windows = new Windows(addon, handle, this.byteLength)
    this.#faultsSeen = addon.faultCounter[0]!
    this.#head = head
  }

  /** Maps a regular file, whole. Throws {@link OsError} or {@link UnsupportedError}. */
  static open(addon: Addon, path: string, mode: MapMode): MappedSource {
    const modes = { r: MappingMode.read, 'r+': MappingMode.shared, c: MappingMode.private }
    const head = new Uint8Array(HEAD_BYTE_LENGTH)
    const handle = addon.open(path, modes[mode], head)
    if (typeof handle !== 'number') return new MappedSource(addon, handle, path, mode, head)
    if (handle === EISDIR) throw notARegularFile(path, 'a directory')
    if (handle === ENODEV) throw notARegularFile(path, 'a special file')
    throw osError('open', handle, path)
  }

  get closed(): boolean {
    return this.#closed
  }

  #open(): MappingHandle {
    if (this.#closed) throw new ClosedError('array', { path: this.path })
    this.#checkFaults()
    return this.#handle
  }

  /** Throws when the signal handler has caught something under this mapping that was not told yet. */
  #checkFaults(): void {
    const seen = this.#addon.faultCounter[0]!
    if (seen === this.#faultsSeen && this.#lost === null) return
    this.#faultsSeen = seen
    if (this.#lost === null) {
      const fault = this.#addon.takeFault(this.#handle)
      if (fault === null) return
      if (fault[0] === MappingFault.write) throw strayWrite(fault, this.path)
      this.#lost = fault
    }
    throw lostPages(this.#lost, this)
  }

  readElement<T>(decode: Decode<T>, byteOffset: number, byteLength: number): T {
    const window = this.#elements
    if (window === null || byteOffset < window.start || byteOffset + byteLength > window.end) {
      return this.#readElsewhere(decode, byteOffset, byteLength)
    }
    let value: T
    try {
      value = decode(window.view, byteOffset - window.start)
    } catch (error) {
      if (!isDetached(window)) throw error
      // Somebody transferred the buffer away; the mapping is still ours.
      this.#elements = null
      return this.#readElsewhere(decode, byteOffset, byteLength)
    }
    if (this.#addon.faultCounter[0] !== this.#faultsSeen || this.#lost !== null) this.#checkFaults()
    this.#checkTail(window, byteOffset - window.start, byteLength)
    return value
  }

  #readElsewhere<T>(decode: Decode<T>, byteOffset: number, byteLength: number): T {
    const handle = this.#open()
    checkRange(this, byteOffset, byteLength)
    if (this.#elementReads++ >= READS_BEFORE_WINDOW) {
      const window = this.#windows.holding(byteOffset, byteLength)
      if (window !== null && !isDetached(window)) {
        this.#elements = window
        return this.readElement(decode, byteOffset, byteLength)
      }
    }
    const scratch = new Uint8Array(byteLength)
    const read = this.#elementReads <= PEEKS ? this.#addon.peek : this.#addon.read
    checkStatus(read(handle, byteOffset, scratch))
    if (scratch.at(-1) === 0) this.#addon.checkSize(handle, byteOffset + byteLength)
    this.#checkFaults()
    return decode(new DataView(scratch.buffer), 0)
  }

  /**
   * A file cut in the middle of a page, perhaps of this element, reads as zeros up to the page's end, and no signal
   * tells. So a last byte of zero is believed when the page ends with something else, and checked against the file's
   * size when not.
   */
  #checkTail(window: Window, at: number, byteLength: number): void {
    const { view, start, end } = window
    const last = at + byteLength - 1
    if (byteLength === 0 || view.getUint8(last) !== 0) return
    const inFile = start + last
    const pageEnd = Math.min(inFile - (inFile % PAGE_BYTE_LENGTH) + PAGE_BYTE_LENGTH, end) - start
    for (let i = pageEnd - 1; i > last && i >= pageEnd - 8; i--) if (view.getUint8(i) !== 0) return
    this.#addon.checkSize(this.#handle, inFile + 1)
    this.#checkFaults()
  }

  read(byteOffset: number, into: Uint8Array): void {
    const handle = this.#open()
    checkRange(this, byteOffset, into.byteLength)
    if (this.#head !== null && byteOffset + into.byteLength <= HEAD_BYTE_LENGTH) {
      into.set(this.#head.subarray(byteOffset, byteOffset + into.byteLength))
      return
    }
    checkStatus(this.#addon.read(handle, byteOffset, into))
    this.#addon.checkSize(handle, byteOffset + into.byteLength)
    this.#checkFaults()
  }

  gather(region: Region, into: Uint8Array, wordSize: number): void {
    const handle = this.#open()
    checkRegion(this, region)
    checkStatus(this.#addon.copy(into, 0, handle, region.byteOffset, gatherPlan(region, wordSize)))
    this.#checkFaults()
  }

  async gatherAsync(
    region: Region,
    into: Uint8Array,
    wordSize: number,
    threads: number = defaultThreads(),
  ): Promise<void> {
    this.#open()
    checkRegion(this, region)
    requireFixedLength(into)
    const plan = gatherPlan(region, wordSize)
    const copy = (): Promise<number> | number =>
      this.#addon.copyAsync(into, 0, this.#open(), region.byteOffset, plan, threads)
    this.#copied(await inPool(copy), region)
  }

  async readCrc32(byteOffset: number, into: Uint8Array): Promise<number> {
    this.#open()
    checkRange(this, byteOffset, into.byteLength)
    requireFixedLength(into)
    const crc = await inPool(() => this.#addon.readCrc32(this.#open(), byteOffset, into))
    const region = { byteOffset, shape: [], byteStrides: [], itemSize: into.byteLength }
    this.#copied(Math.min(crc, 0), region)
    return crc
  }

  inflateBlocks({ output, numbers, withCrc, before }: PackedBlocks): number {
    const status = this.#addon.inflateBlocks(this.#open(), output, numbers, withCrc, before)
    this.#checkFaults()
    return status
  }

  async inflateBlocksAsync({ output, numbers, withCrc, before }: PackedBlocks): Promise<number> {
    requireFixedLength(output)
    const byteOffset = numbers[0] ?? 0
    const status = await inPool(() => this.#addon.inflateBlocksAsync(this.#open(), output, numbers, withCrc, before))
    // What else the codec refuses is told by whoever asked for it.
    this.#copied(status === EFAULT ? status : 0, { byteOffset, shape: [], byteStrides: [], itemSize: 0 })
    return status
  }

  /** Tells how a copy on another thread ended. */
  #copied(status: number, region: Region): void {
    if (status === EFAULT) {
      throw lostPages([MappingFault.truncated, regionExtent(region).low, 0], this)
    }
    checkStatus(status)
    // Closed in the meantime is fine: the bytes were copied, and the mapping was kept for it.
    if (!this.#closed) this.#checkFaults()
  }

  take(taken: TakenRegion, into: Uint8Array, wordSize: number): void {
    const handle = this.#open()
    const { region, indices } = taken
    checkRegion(this, region)
    if (takesNothing(taken)) return
    const plan = packTakePlan(takePlan(taken, wordSize))
    checkStatus(this.#addon.take(into, 0, handle, region.byteOffset, plan, indices, TAKE_THREADS))
    this.#checkFaults()
  }

  async takeAsync(taken: TakenRegion, into: Uint8Array, wordSize: number, work: TakeWork): Promise<void> {
    const handle = this.#open()
    const { region, indices } = taken
    const { signal, threads = GATHER_THREADS } = work
    signal?.throwIfAborted()
    checkRegion(this, region)
    if (takesNothing(taken)) return
    requireFixedLength(into)
    const plan = packTakePlan(takePlan(taken, wordSize))
    const stop = new Int32Array(1)
    const abort = (): void => void stop.fill(1)
    const done = this.#addon.takeAsync(into, 0, handle, region.byteOffset, plan, indices, threads, stop)
    signal?.addEventListener('abort', abort, { once: true })
    let status: number
    try {
      status = await done
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    if (status === ECANCELED) signal?.throwIfAborted()
    this.#copied(status, region)
  }

  scatter(region: Region, from: ByteSource, fromRegion: Region, wordSize: number): void {
    const handle = this.#open()
    checkRegion(this, region)
    this.#head = null
    const { shape, byteStrides: dstStrides, itemSize } = region
    const plan = packPlan({ shape, dstStrides, srcStrides: fromRegion.byteStrides, itemSize, wordSize })
    if (from instanceof MappedSource) {
      checkRegion(from, fromRegion)
      checkStatus(this.#addon.copy(handle, region.byteOffset, from.#open(), fromRegion.byteOffset, plan))
      from.#checkFaults()
    } else if (from instanceof HeapSource) {
      checkRegion(from, fromRegion)
      checkStatus(this.#addon.copy(handle, region.byteOffset, from.bytes, fromRegion.byteOffset, plan))
    } else {
      scatterThroughMemory(this, region, from, fromRegion, wordSize)
    }
    this.#addon.checkSize(handle, this.byteLength)
    this.#checkFaults()
  }

  memory(byteOffset: number, byteLength: number): MemoryRange {
    const handle = this.#open()
    checkRange(this, byteOffset, byteLength)
    // What was cut off is better told now than read as zeros.
    this.#addon.checkSize(handle, byteOffset + byteLength)
    this.#checkFaults()
    const window = this.#windows.holding(byteOffset, byteLength)
    if (window === null) {
      const message = `typedArray: ${byteLength} bytes are more than the ${MAX_WINDOW_BYTE_LENGTH} of one ArrayBuffer on this runtime`
      throw new LayoutError(message, { reason: 'window' })
    }
    if (isDetached(window)) {
      const message =
        'typedArray: the memory was transferred away (ArrayBuffer.prototype.transfer); open the file again'
      throw new LayoutError(message, { reason: 'window' })
    }
    return { buffer: window.view.buffer as ArrayBuffer, byteOffset: byteOffset - window.start }
  }

  advise(byteOffset: number, byteLength: number, advice: Advice): void {
    const status = this.#adviseStatus(byteOffset, byteLength, advice)
    if (status !== 0) throw osError('madvise', status, this.path)
  }

  #adviseStatus(byteOffset: number, byteLength: number, advice: Advice): number {
    const handle = this.#open()
    checkRange(this, byteOffset, byteLength)
    return this.#addon.advise(handle, byteOffset, byteLength, ADVICES.indexOf(advice))
  }

  residentByteLength(byteOffset: number, byteLength: number): number {
    const handle = this.#open()
    checkRange(this, byteOffset, byteLength)
    const resident = this.#addon.resident(handle, byteOffset, byteLength)
    if (resident < 0) throw osError('mincore', resident, this.path)
    return Math.min(resident, byteLength)
  }

  async prefetch(byteOffset: number, byteLength: number, options: PrefetchOptions = {}): Promise<void> {
    const { threads = defaultThreads(), signal } = options
    this.#open()
    checkRange(this, byteOffset, byteLength)
    const parts = partsOf(byteOffset, byteLength, { parts: threads, most: PREFETCH_BYTE_LENGTH })
    await eachInFlight(parts, threads, async (part) => {
      signal?.throwIfAborted()
      checkStatus(await inPool(() => this.#addon.prefetch(this.#open(), part.byteOffset, part.byteLength)))
      if (!this.#closed) this.#checkFaults()
    })
  }

  release(byteOffset: number, byteLength: number): void {
    // What was written to a private mapping is nowhere else.
    if (this.#mode === 'c') this.#open()
    else this.#adviseStatus(byteOffset, byteLength, 'dontneed') // pages that are locked stay, which harms nobody
  }

  async flush(byteOffset: number, byteLength: number): Promise<void> {
    this.#open()
    checkRange(this, byteOffset, byteLength)
    const status = await inPool(() => this.#addon.flush(this.#open(), byteOffset, byteLength))
    if (status !== 0) throw osError('msync', status, this.path)
    if (this.#closed) return
    this.#addon.checkSize(this.#handle, byteOffset + byteLength)
    this.#checkFaults()
  }

  toTransferable(): TransferableSource {
    this.#open()
    return transferableFile(this, { mode: this.#mode, mmap: true })
  }

  liesIn(path: string): boolean {
    return this.#addon.liesIn(this.#open(), path) === 1
  }

  /** Detaches every typed array at once; memory goes when work in flight is done. A second call does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#elements = null
    this.#windows.clear()
    this.#addon.close(this.#handle)
  }
}

/** Shrunk while a thread writes to it, its memory would be gone. */
function requireFixedLength(into: Uint8Array): void {
  if (!(into.buffer as { resizable?: boolean }).resizable) return
  throw new TypeError('read: expected out over a buffer of fixed length, got a resizable one')
}

function gatherPlan(region: Region, wordSize: number): Float64Array {
  const { shape, byteStrides: srcStrides, itemSize } = region
  return packPlan({ shape, dstStrides: denseStrides(shape, itemSize), srcStrides, itemSize, wordSize })
}
