/// <reference lib="esnext.disposable" preserve="true" />
// NpyWriter: arrays of any length, written chunk by chunk in bounded memory.

import { sizeOf } from '../array/strided-array.ts'
import { ClosedError, SelectionError } from '../errors.ts'
import type { DType, DTypeName } from '../layout/dtype.ts'
import type { Order } from '../layout/shape.ts'
import { BufferedOutput } from '../storage/buffered-output.ts'
import { requireStillAt } from '../storage/lock.ts'
import { fromNodeError } from '../storage/os.ts'
import {
  closeFile,
  closeQuietly,
  commit,
  discard,
  type NewOutput,
  nodeOutput,
  type OutputSystem,
} from '../storage/output.ts'
import { chunkView, plainBytes, writeView } from './chunk.ts'
import { type GrowingFile, rowByteLength, shapeWith, writeRowCount } from './growing.ts'
import { type RecoverOptions, type Recovery, recover } from './recover.ts'
import { type AppendOptions, type Opened, startAppending, startNew, type WriterOptions } from './writer-start.ts'

const DONE: Promise<void> = Promise.resolve()
/** The most bytes written between two looks at whether the writer was aborted. */
const PIECE_BYTE_LENGTH = 64 * 1024 * 1024

/** Writers that nobody ended give back their descriptor, their lock and their temporary file when collected. */
const abandoned = new FinalizationRegistry<{ fd: number; output: NewOutput | null; system: OutputSystem }>((left) => {
  if (left.output !== null) discard(left.output, left.system)
  else closeQuietly(left.fd, left.system)
})

/**
 * Writes an .npy file chunk by chunk. Memory stays at two buffers of 1 MiB however long the file.
 *
 * `create` makes a new file beside its target: the target is untouched until `close()`. `append` continues a file in place,
 * in the order data, sync, header, sync: a reader at any instant sees a whole array.
 */
export class NpyWriter<T extends DTypeName = DTypeName> {
  readonly path: string
  readonly dtype: DType<T>
  readonly order: Order
  readonly #opened: Opened
  readonly #row: number
  readonly #buffered: BufferedOutput
  readonly #abortListener: (() => void) | null = null
  #durableRows: number
  #queue: Promise<void> = DONE
  #queued = 0
  #state: 'open' | 'closed' | 'aborted' = 'open'
  #failure: unknown = null
  #closing: Promise<void> | null = null
  #ending: Promise<void> | null = null
  /** True while the header on disk may speak of rows past the last checkpoint. */
  #headerAhead = false

  /** @internal */
  constructor(opened: Opened) {
    const { file, system, signal } = opened
    this.#opened = opened
    this.path = file.path
    this.dtype = file.array.dtype as DType<T>
    this.order = file.array.order
    this.#row = rowByteLength(file.array)
    this.#durableRows = file.rowCount
    const end = file.array.byteOffset + file.rowCount * this.#row
    this.#buffered = new BufferedOutput(system, file.fd, end, file.path)
    if (signal !== undefined) {
      this.#abortListener = () => void this.abort().catch(() => {})
      signal.addEventListener('abort', this.#abortListener, { once: true })
    }
    abandoned.register(this, { fd: file.fd, output: opened.output, system }, this)
  }

  /**
   * Starts a new file.
   *
   * @throws `TypeError` and {@link SelectionError} for arguments, {@link OsError}
   */
  static create<T extends DTypeName = DTypeName>(path: string | URL, options: WriterOptions<T>): Promise<NpyWriter<T>> {
    return createWriter(nodeOutput, path, options)
  }

  /**
   * Continues an .npy file in place, under an exclusive lock. A header without room for more digits is moved first, once.
   *
   * @throws {@link OsError} `EWOULDBLOCK` when another writer has the file; {@link FormatError} when header and size
   * disagree: `recover` mends that; {@link UnsupportedError} without the addon
   */
  static append<T extends DTypeName = DTypeName>(
    path: string | URL,
    options: AppendOptions = {},
  ): Promise<NpyWriter<T>> {
    return appendTo(nodeOutput, path, options)
  }

  /** Tells what a file holds after a crash, and repairs it on request; see {@link recover}. */
  static recover(path: string | URL, options: RecoverOptions = {}): Promise<Recovery> {
    return recover(path, options)
  }

  /** The shape if it were closed now: whole rows only. */
  get shape(): readonly number[] {
    return shapeWith(this.#opened.file.array, this.rowCount)
  }

  /** Whole rows written so far. */
  get rowCount(): number {
    return Math.floor((this.#buffered.byteOffset - this.#opened.file.array.byteOffset) / this.#row)
  }

  /**
   * Writes a chunk: a typed array of the dtype's kind (any number of values), a view or nested arrays of rows or of one
   * row, an element, a record. Resolves when more may be written: await it, that is the back-pressure. Do not touch the
   * chunk before.
   *
   * @throws `TypeError` for another dtype or shape, {@link SelectionError} past a fixed length: nothing is written then;
   * {@link OsError}
   */
  write(chunk: unknown): Promise<void> {
    try {
      this.#requireOpen()
      const bytes = plainBytes(chunk, this.#target)
      if (bytes === null) return this.#enqueue(() => this.#writeView(chunk))
      const { byteLength } = bytes
      if (this.#queued > 0) return this.#enqueue(() => this.#writeBytes(bytes, byteLength))
      this.#requireRoom(byteLength)
      return this.#buffered.take(bytes) ? DONE : this.#enqueue(() => this.#writeBytes(bytes, byteLength))
    } catch (error) {
      return this.#tell(Promise.reject(error))
    }
  }

  /** Writes raw bytes in the file's dtype and order: for byte streams. */
  writeBytes(bytes: Uint8Array): Promise<void> {
    try {
      this.#requireOpen()
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`writeBytes: expected a Uint8Array, got ${typeof bytes}`)
      const { byteLength } = bytes
      return this.#enqueue(() => this.#writeBytes(bytes, byteLength))
    } catch (error) {
      return this.#tell(Promise.reject(error))
    }
  }

  get #target(): GrowingFile['array'] {
    return this.#opened.file.array
  }

  #requireOpen(): void {
    this.#opened.signal?.throwIfAborted()
    if (this.#failure !== null) throw this.#failure
    if (this.#state !== 'open') throw new ClosedError('writer', { path: this.path })
  }

  #requireRoom(byteLength: number): void {
    const { fixedRows, file } = this.#opened
    if (fixedRows === null) return
    const end = file.array.byteOffset + fixedRows * this.#row
    const over = this.#buffered.byteOffset + byteLength - end
    if (over <= 0) return
    throw new SelectionError(
      `write: expected ${fixedRows} rows of ${this.#row} bytes, this chunk goes ${over} bytes (${Math.ceil(over / this.#row)} rows) past them`,
    )
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    this.#queued++
    const done = this.#queue.then(job).finally(() => {
      this.#queued--
    })
    this.#queue = done.catch(() => {})
    return this.#tell(done)
  }

  /**
   * The promise as its caller gets it. One that fails as `close()` will fail, too, need not be awaited: it does not end the
   * process. One that was only refused must not get lost.
   */
  #tell(done: Promise<void>): Promise<void> {
    const told = done.then(() => {})
    done.catch((error) => {
      if (error === this.#failure || this.#state === 'aborted') told.catch(() => {})
    })
    return told
  }

  /** Ends the writer for an error that leaves nothing to go on with, and gives that error to throw. */
  async #fail(error: unknown): Promise<unknown> {
    this.#failure ??= fromNodeError(error, this.path)
    // An abort under way waits for this very call.
    if (this.#ending === null) {
      this.#ending = this.#rollBack()
      await this.#ending.catch(() => {})
    }
    return this.#failure
  }

  async #writeBytes(bytes: Uint8Array, byteLength: number): Promise<void> {
    this.#requireOpen()
    if (bytes.byteLength !== byteLength) throw new TypeError('write: the chunk was detached before it was written')
    this.#requireRoom(byteLength)
    for (let done = 0; done < byteLength; done += PIECE_BYTE_LENGTH) {
      try {
        this.#requireOpen()
        await this.#buffered.write(bytes.subarray(done, done + PIECE_BYTE_LENGTH))
      } catch (error) {
        throw await this.#fail(error)
      }
    }
  }

  async #writeView(chunk: unknown): Promise<void> {
    this.#requireOpen()
    const view = chunkView(chunk, this.#target)
    this.#requireRoom(sizeOf(view.shape) * this.dtype.itemSize)
    try {
      await writeView(this.#buffered, view, this.#target, () => this.#requireOpen())
    } catch (error) {
      // Part of the chunk may be in the file: what follows would be shifted.
      throw await this.#fail(error)
    }
  }

  /**
   * Makes all whole rows written so far durable, and visible where the file is: at its path for `append`, under its
   * temporary name for `create`.
   *
   * @throws {@link OsError}, `ESTALE` among others when the file was replaced while it was appended to
   */
  checkpoint(): Promise<void> {
    return this.#enqueue(async () => {
      this.#requireOpen()
      try {
        await this.#makeDurable(true)
      } catch (error) {
        throw await this.#fail(error)
      }
    })
  }

  async #makeDurable(sync: boolean): Promise<void> {
    const { file, system, output } = this.#opened
    await this.#buffered.drain()
    if (output === null) requireStillAt(file.fd, this.path)
    const { rowCount } = this
    if (rowCount === this.#durableRows) return
    if (sync) await system.sync(file.fd)
    this.#headerAhead = true
    await writeRowCount(file, rowCount, system, sync)
    if (output === null) requireStillAt(file.fd, this.path)
    this.#headerAhead = false
    this.#durableRows = rowCount
  }

  /**
   * Finishes the file: durable and under its name when this resolves.
   *
   * @throws {@link SelectionError} when a row is unfinished or a fixed length not reached: the writer stays open then;
   * {@link OsError}: the old file is untouched then
   */
  close(): Promise<void> {
    if (this.#closing !== null) return this.#closing
    const closing = this.#enqueue(() => this.#finish())
    this.#closing = closing
    closing.catch(() => {
      if (this.#state === 'open') this.#closing = null
    })
    return closing
  }

  async #finish(): Promise<void> {
    this.#requireOpen()
    this.#requireWholeRows()
    const { output, sync, system, file } = this.#opened
    try {
      // A new file is synced as a whole before it gets its name.
      await this.#makeDurable(output === null)
      // It may have been aborted meanwhile.
      this.#requireOpen()
    } catch (error) {
      throw await this.#fail(error)
    }
    this.#state = 'closed'
    this.#forget()
    try {
      if (output !== null) await commit(output, sync, system)
      else closeFile(file.fd, this.path, system)
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  #requireWholeRows(): void {
    const { file, fixedRows } = this.#opened
    const over = (this.#buffered.byteOffset - file.array.byteOffset) % this.#row
    if (over !== 0) {
      throw new SelectionError(`close: the last row has ${over} of ${this.#row} bytes, ${this.#row - over} are missing`)
    }
    if (fixedRows !== null && this.rowCount !== fixedRows) {
      throw new SelectionError(
        `close: expected ${fixedRows} rows, got ${this.rowCount}: ${fixedRows - this.rowCount} are missing`,
      )
    }
  }

  /** Gives up: a new file leaves no trace, an appended one goes back to its last checkpoint. */
  abort(): Promise<void> {
    if (this.#state === 'closed') return this.#queue
    this.#state = 'aborted'
    if (this.#ending === null) {
      this.#ending = this.#queue.then(() => this.#rollBack())
      // Whoever aborts by a signal or by leaving a scope has nobody to tell.
      this.#ending.catch(() => {})
    }
    return this.#ending
  }

  async #rollBack(): Promise<void> {
    this.#state = 'aborted'
    this.#forget()
    const { file, output, system } = this.#opened
    await this.#buffered.drain().catch(() => {})
    if (output !== null) {
      discard(output, system)
      return
    }
    try {
      // The header first, so that it never speaks of what is not there.
      if (this.#headerAhead) await writeRowCount(file, this.#durableRows, system)
      await system.truncate(file.fd, file.array.byteOffset + this.#durableRows * this.#row)
    } catch (error) {
      throw fromNodeError(error, this.path)
    } finally {
      closeQuietly(file.fd, system)
    }
  }

  #forget(): void {
    abandoned.unregister(this)
    if (this.#abortListener !== null) this.#opened.signal?.removeEventListener('abort', this.#abortListener)
  }

  /**
   * The writer as a web `WritableStream`; `pipeline(source, w.writable())` closes it at the end and aborts it on errors.
   * A signal goes to `create`: `pipeline` does not pass its own on to web streams, and would let them run to their end.
   * With `bytes`, chunks are raw bytes in the file's dtype, as byte streams give them.
   */
  writable(options: { readonly bytes?: boolean } = {}): WritableStream<unknown> {
    // A stream whose sink fails never calls `abort`.
    const orAbort = async (step: Promise<void>): Promise<void> => {
      try {
        await step
      } catch (error) {
        await this.abort().catch(() => {})
        throw error
      }
    }
    return new WritableStream({
      write: (chunk) => orAbort(options.bytes === true ? this.writeBytes(chunk as Uint8Array) : this.write(chunk)),
      close: () => orAbort(this.close()),
      abort: () => this.abort(),
    })
  }

  /** `abort()` unless it was closed: `await using` without `close()` leaves nothing behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== 'closed') await this.abort()
  }

  /** The same without waiting for it. */
  [Symbol.dispose](): void {
    if (this.#state === 'open') this.abort().catch(() => {})
  }
}

/** {@link NpyWriter.create} through system calls of the caller's choice. */
export async function createWriter<T extends DTypeName>(
  system: OutputSystem,
  path: string | URL,
  options: WriterOptions<T>,
): Promise<NpyWriter<T>> {
  return new NpyWriter<T>(await startNew(system, path, options))
}

/** {@link NpyWriter.append} through system calls of the caller's choice. */
export async function appendTo<T extends DTypeName>(
  system: OutputSystem,
  path: string | URL,
  options: AppendOptions,
): Promise<NpyWriter<T>> {
  return new NpyWriter<T>(await startAppending(system, path, options))
}
