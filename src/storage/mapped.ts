// Bytes of a mapped file. Owns the windows (ArrayBuffers over the mapping) and turns caught faults into errors.

import { constants } from 'node:buffer'
import { ClosedError, LayoutError } from '../errors.ts'
import { type Addon, MappingFault, type MappingHandle, MappingMode } from '../native/binding.ts'
import type {
  Advice,
  ByteSource,
  Decode,
  MemoryRange,
  PrefetchOptions,
  Region,
  TransferableSource,
} from './byte-source.ts'
import { ADVICES, checkRange, checkRegion, denseStrides, regionExtent } from './byte-source.ts'
import { HeapSource, scatterThroughMemory } from './heap.ts'
import { type Fault, lostPages, strayWrite } from './mapped-fault.ts'
import { notARegularFile, osError } from './os.ts'
import { checkStatus, packPlan } from './strided.ts'
import { defaultThreads, eachInFlight, inPool, partsOf } from './threads.ts'
import { transferableFile } from './transferable.ts'

/** The longest ArrayBuffer over foreign memory that this runtime makes: 4 GiB on Node 20. */
export const MAX_WINDOW_BYTE_LENGTH: number = constants.MAX_LENGTH
/** Where one window cannot hold the file, windows start at multiples of this, half of 4 GiB: they overlap. */
const WINDOW_STEP = 2 * 1024 * 1024 * 1024
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

/** How writes to a mapped array behave: NumPy's `r`, `r+` and `c`. */
export type MapMode = 'r' | 'r+' | 'c'

interface Window {
  readonly start: number
  readonly end: number
  readonly view: DataView
}

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
  readonly #windows = new Map<number, Window>()
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
      const window = this.#windowFor(byteOffset, byteLength)
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
    if ((into.buffer as { resizable?: boolean }).resizable) {
      // Shrunk while a thread writes to it, its memory would be gone.
      throw new TypeError('read: expected out over a buffer of fixed length, got a resizable one')
    }
    const plan = gatherPlan(region, wordSize)
    const status = await inPool(() => this.#addon.copyAsync(into, 0, this.#open(), region.byteOffset, plan, threads))
    if (status === EFAULT) {
      throw lostPages([MappingFault.truncated, regionExtent(region).low, 0], this)
    }
    checkStatus(status)
    // Closed in the meantime is fine: the bytes were copied, and the mapping was kept for it.
    if (!this.#closed) this.#checkFaults()
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
    const window = this.#windowFor(byteOffset, byteLength)
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

  /**
   * A window that holds the range: one for the whole file where the runtime allows it, else one of a row of overlapping
   * ones, else one that starts at the range itself. Each is as long as it can be, so none is ever needed twice at one
   * start. Null when the range is too long, or the runtime forbids such memory.
   */
  #windowFor(byteOffset: number, byteLength: number): Window | null {
    if (this.byteLength <= MAX_WINDOW_BYTE_LENGTH) return this.#windowAt(0)
    const start = byteOffset - (byteOffset % WINDOW_STEP)
    if (byteOffset + byteLength - start <= MAX_WINDOW_BYTE_LENGTH) return this.#windowAt(start)
    return byteLength <= MAX_WINDOW_BYTE_LENGTH ? this.#windowAt(byteOffset) : null
  }

  #windowAt(start: number): Window | null {
    const cached = this.#windows.get(start)
    if (cached !== undefined) return cached
    const byteLength = Math.min(MAX_WINDOW_BYTE_LENGTH, this.byteLength - start)
    const buffer = byteLength === 0 ? new ArrayBuffer(0) : this.#addon.window(this.#handle, start, byteLength)
    if (typeof buffer === 'number') return null
    const window = { start, end: start + byteLength, view: new DataView(buffer) }
    this.#windows.set(start, window)
    return window
  }

  advise(byteOffset: number, byteLength: number, advice: Advice): void {
    const handle = this.#open()
    checkRange(this, byteOffset, byteLength)
    const status = this.#addon.advise(handle, byteOffset, byteLength, ADVICES.indexOf(advice))
    if (status !== 0) throw osError('madvise', status, this.path)
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
    else this.advise(byteOffset, byteLength, 'dontneed')
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

/** True when its buffer was transferred: it has no bytes any more, whatever it had. */
function isDetached(window: Window): boolean {
  return window.end > window.start && window.view.buffer.byteLength === 0
}

function gatherPlan(region: Region, wordSize: number): Float64Array {
  const { shape, byteStrides: srcStrides, itemSize } = region
  return packPlan({ shape, dstStrides: denseStrides(shape, itemSize), srcStrides, itemSize, wordSize })
}
