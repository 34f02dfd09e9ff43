// Bytes read and written with pread and pwrite: no addon needed, no zero copy.

import * as fs from 'node:fs'
import { ClosedError, FaultError, LayoutError } from '../errors.ts'
import type {
  Advice,
  ByteSource,
  Decode,
  MemoryRange,
  PrefetchOptions,
  Region,
  TakenRegion,
  TakeWork,
  TransferableSource,
} from './byte-source.ts'
import { checkRange, checkRegion, denseStrides, regionExtent } from './byte-source.ts'
import { mayBeEmptied } from './emptied-page.ts'
import { gatherReads, gatherReadsAsync } from './gather-reads.ts'
import { HeapSource } from './heap.ts'
import { errnoName, fromNodeError, notARegularFile } from './os.ts'
import { planWrites, SCRATCH_BYTE_LENGTH } from './read-plan.ts'
import { takeByReads, takeByReadsAsync } from './take-reads.ts'
import { defaultThreads, eachInFlight, inPool, partsOf } from './threads.ts'
import { transferableFile } from './transferable.ts'

/** Node aborts the process on single reads and writes above 2 GiB; half of that is never asked for. */
export const MAX_IO_BYTE_LENGTH: number = 1024 * 1024 * 1024

/** Each read holds a thread of the pool: one is left for the rest of the program. */
const READS_AT_A_TIME: number = Math.max(1, (Number(process.env.UV_THREADPOOL_SIZE) || 4) - 1)

/** Positioned reads and writes of one open file; tests put a failing one in its place. */
export interface FileAccess {
  readSync(into: Uint8Array, position: number): number
  read(into: Uint8Array, position: number): Promise<number>
  writeSync(from: Uint8Array, position: number): number
  sync(): Promise<void>
  /** How long the file is now, in bytes. */
  byteLength(): number
  /** True when the path names this very file. */
  isFile(path: string): boolean
  close(): void
}

/** {@link FileAccess} of a file descriptor. */
export function fileAccess(fd: number): FileAccess {
  return {
    readSync: (into, position) => fs.readSync(fd, into, 0, into.byteLength, position),
    read: (into, position) =>
      new Promise((resolve, reject) => {
        fs.read(fd, into, 0, into.byteLength, position, (error, count) => (error ? reject(error) : resolve(count)))
      }),
    writeSync: (from, position) => fs.writeSync(fd, from, 0, from.byteLength, position),
    sync: () =>
      new Promise((resolve, reject) => {
        fs.fdatasync(fd, (error) => (error ? reject(error) : resolve()))
      }),
    byteLength: () => fs.fstatSync(fd).size,
    isFile: (path) => {
      const [open, named] = [fs.fstatSync(fd), fs.statSync(path, { throwIfNoEntry: false })]
      return named !== undefined && named.ino === open.ino && named.dev === open.dev
    },
    close: () => fs.closeSync(fd),
  }
}

/** Arrays that nobody closed give their descriptor back when they are collected. */
const abandoned = new FinalizationRegistry<FileAccess>((access) => {
  try {
    access.close()
  } catch {
    // Nobody is left to tell.
  }
})

/** A {@link ByteSource} that reads a file with pread. */
export class FileSource implements ByteSource {
  readonly kind = 'file'
  readonly path: string | null
  readonly byteLength: number
  readonly writable: boolean
  readonly offThread: boolean = true
  #access: FileAccess | null
  #callsInFlight = 0
  readonly #element = new Uint8Array(64)

  constructor(access: FileAccess, details: { path: string | null; byteLength: number; writable: boolean }) {
    this.#access = access
    this.path = details.path
    this.byteLength = details.byteLength
    this.writable = details.writable
    abandoned.register(this, access, this)
  }

  /** Opens a regular file. Throws {@link OsError} or {@link UnsupportedError}. */
  static open(path: string, writable: boolean): FileSource {
    let fd = -1
    try {
      // O_NONBLOCK: a pipe without a writer would block open() for ever.
      fd = fs.openSync(path, (writable ? fs.constants.O_RDWR : fs.constants.O_RDONLY) | (fs.constants.O_NONBLOCK ?? 0))
      const status = fs.fstatSync(fd)
      if (!status.isFile()) throw notARegularFile(path, status.isDirectory() ? 'a directory' : 'a special file')
      return new FileSource(fileAccess(fd), { path, byteLength: status.size, writable })
    } catch (error) {
      if (fd >= 0) fs.closeSync(fd)
      throw fromNodeError(error, path)
    }
  }

  get closed(): boolean {
    return this.#access === null
  }

  #open(): FileAccess {
    if (this.#access === null) throw new ClosedError('array', { path: this.path })
    return this.#access
  }

  #cutShort(position: number): FaultError {
    return new FaultError(`file: expected ${this.byteLength} bytes, it was cut short`, {
      reason: 'truncated',
      path: this.path,
      byteOffset: position,
    })
  }

  #nothingWritten(position: number): FaultError {
    const details = { reason: 'io', path: this.path, byteOffset: position } as const
    return new FaultError('file: the device took no bytes of a write', details)
  }

  #failed(error: unknown, position: number): unknown {
    if (!(error instanceof Error) || typeof (error as NodeJS.ErrnoException).errno !== 'number') return error
    const errno = errnoName((error as NodeJS.ErrnoException).errno as number)
    return new FaultError(`file: ${errno ?? 'the device failed'} while its bytes were read or written`, {
      reason: 'io',
      path: this.path,
      byteOffset: position,
      errno,
      cause: error,
    })
  }

  read(byteOffset: number, into: Uint8Array): void {
    const access = this.#open()
    checkRange(this, byteOffset, into.byteLength)
    for (let done = 0; done < into.byteLength; ) {
      const piece = into.subarray(done, Math.min(into.byteLength, done + MAX_IO_BYTE_LENGTH))
      let count: number
      try {
        count = access.readSync(piece, byteOffset + done)
      } catch (error) {
        throw this.#failed(error, byteOffset + done)
      }
      if (count === 0) throw this.#cutShort(byteOffset + done)
      done += count
    }
    this.#requireUncut(access, byteOffset, into)
  }

  /**
   * Throws when the file was cut short while it was read: the system empties the rest of the page that it now ends in, and a
   * read under way may see that, after the length is changed and before it notices.
   */
  #requireUncut(access: FileAccess, byteOffset: number, bytes: Uint8Array): void {
    if (!mayBeEmptied(byteOffset, bytes)) return
    const fileByteLength = access.byteLength()
    if (fileByteLength < byteOffset + bytes.byteLength) throw this.#cutShort(fileByteLength)
  }

  /** Keeps the descriptor open until the call is done: its number may be another file's as soon as it is closed. */
  async #inFlight<T>(call: (access: FileAccess) => Promise<T>, position: number): Promise<T> {
    const access = this.#open()
    this.#callsInFlight++
    try {
      return await inPool(() => {
        // Closed while it waited for its turn.
        this.#open()
        return call(access)
      })
    } catch (error) {
      throw this.#failed(error, position)
    } finally {
      if (--this.#callsInFlight === 0 && this.#access === null) access.close()
    }
  }

  async #readAsync(byteOffset: number, into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.byteLength; ) {
      const piece = into.subarray(done, Math.min(into.byteLength, done + MAX_IO_BYTE_LENGTH))
      const count = await this.#inFlight(async (access) => {
        const read = await access.read(piece, byteOffset + done)
        this.#requireUncut(access, byteOffset + done, piece.subarray(0, read))
        return read
      }, byteOffset + done)
      if (count === 0) throw this.#cutShort(byteOffset + done)
      done += count
    }
  }

  #write(byteOffset: number, from: Uint8Array): void {
    const access = this.#open()
    // A write past the end would make a file that was cut short long again, with zeros between.
    const fileByteLength = access.byteLength()
    if (fileByteLength < byteOffset + from.byteLength) throw this.#cutShort(fileByteLength)
    for (let done = 0; done < from.byteLength; ) {
      const piece = from.subarray(done, Math.min(from.byteLength, done + MAX_IO_BYTE_LENGTH))
      let count: number
      try {
        count = access.writeSync(piece, byteOffset + done)
      } catch (error) {
        throw this.#failed(error, byteOffset + done)
      }
      // Trying again for ever would hang.
      if (count === 0) throw this.#nothingWritten(byteOffset + done)
      done += count
    }
  }

  #elementScratch(byteLength: number): Uint8Array {
    return byteLength <= this.#element.byteLength ? this.#element.subarray(0, byteLength) : new Uint8Array(byteLength)
  }

  readElement<T>(decode: Decode<T>, byteOffset: number, byteLength: number): T {
    const scratch = this.#elementScratch(byteLength)
    this.read(byteOffset, scratch)
    return decode(new DataView(scratch.buffer, scratch.byteOffset, byteLength), 0)
  }

  gather(region: Region, into: Uint8Array, wordSize: number): void {
    this.#open()
    checkRegion(this, region)
    gatherReads(region, into, wordSize, (byteOffset, target) => this.read(byteOffset, target))
  }

  async gatherAsync(
    region: Region,
    into: Uint8Array,
    wordSize: number,
    threads: number = defaultThreads(),
  ): Promise<void> {
    this.#open()
    checkRegion(this, region)
    const read = (byteOffset: number, target: Uint8Array): Promise<void> => this.#readAsync(byteOffset, target)
    await gatherReadsAsync(region, into, wordSize, read, threads)
  }

  take(taken: TakenRegion, into: Uint8Array, wordSize: number): void {
    this.#open()
    checkRegion(this, taken.region)
    takeByReads(taken, into, wordSize, (byteOffset, target) => this.read(byteOffset, target))
  }

  async takeAsync(taken: TakenRegion, into: Uint8Array, wordSize: number, work: TakeWork): Promise<void> {
    this.#open()
    checkRegion(this, taken.region)
    const { signal, threads: concurrency = READS_AT_A_TIME } = work
    const read = (byteOffset: number, target: Uint8Array): Promise<void> => this.#readAsync(byteOffset, target)
    await takeByReadsAsync(taken, into, wordSize, read, { concurrency, signal })
  }

  scatter(region: Region, from: ByteSource, fromRegion: Region, wordSize: number): void {
    this.#open()
    checkRegion(this, region)
    if (overlap(this, region, from, fromRegion)) {
      const apart = new HeapSource(new Uint8Array(byteLengthOf(fromRegion)))
      from.gather(fromRegion, apart.bytes, 1)
      const byteStrides = denseStrides(fromRegion.shape, fromRegion.itemSize)
      this.scatter(region, apart, { ...fromRegion, byteOffset: 0, byteStrides }, wordSize)
      return
    }
    for (const { start, region: run } of planWrites(region)) {
      const bytes = new Uint8Array(byteLengthOf(run))
      const byteOffset = start.reduce((at, i, axis) => at + i * fromRegion.byteStrides[axis]!, fromRegion.byteOffset)
      from.gather({ ...fromRegion, byteOffset, shape: run.shape }, bytes, wordSize)
      this.#write(run.byteOffset, bytes)
    }
  }

  memory(): MemoryRange {
    this.#open()
    throw new LayoutError('typedArray: this array is read with pread, not mapped; use toTypedArray() for a copy', {
      reason: 'source',
    })
  }

  advise(_byteOffset: number, _byteLength: number, _advice: Advice): void {
    this.#open()
  }

  residentByteLength(): number {
    this.#open()
    return 0
  }

  /** Reads the range once, so that the system caches it. */
  async prefetch(byteOffset: number, byteLength: number, options: PrefetchOptions = {}): Promise<void> {
    const { threads = defaultThreads(), signal } = options
    this.#open()
    checkRange(this, byteOffset, byteLength)
    const idle: Uint8Array[] = []
    const parts = partsOf(byteOffset, byteLength, { parts: threads, most: SCRATCH_BYTE_LENGTH })
    await eachInFlight(parts, threads, async (part) => {
      signal?.throwIfAborted()
      const scratch = idle.pop() ?? new Uint8Array(Math.min(byteLength, SCRATCH_BYTE_LENGTH))
      await this.#readAsync(part.byteOffset, scratch.subarray(0, part.byteLength))
      idle.push(scratch)
    })
  }

  release(): void {
    this.#open()
  }

  async flush(byteOffset: number): Promise<void> {
    if (!this.writable) return
    await this.#inFlight((access) => access.sync(), byteOffset)
  }

  toTransferable(): TransferableSource {
    this.#open()
    return transferableFile(this, { mode: this.writable ? 'r+' : 'r', mmap: false })
  }

  liesIn(path: string): boolean {
    return this.#open().isFile(path)
  }

  close(): void {
    const access = this.#access
    if (access === null) return
    this.#access = null
    abandoned.unregister(this)
    if (this.#callsInFlight === 0) access.close()
  }
}

function byteLengthOf(region: Region): number {
  return region.shape.reduce((product, extent) => product * extent, region.itemSize)
}

function overlap(to: ByteSource, region: Region, from: ByteSource, fromRegion: Region): boolean {
  if (to !== from) return false
  const a = regionExtent(region)
  const b = regionExtent(fromRegion)
  return a.low < b.high && b.low < a.high
}
