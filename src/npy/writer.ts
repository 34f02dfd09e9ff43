/// <reference lib="esnext.disposable" preserve="true" />
// NpyWriter: arrays of any length, written chunk by chunk in bounded memory.

import type { DType, DTypeName } from '../layout/dtype.ts'
import type { Order } from '../layout/shape.ts'
import { checkOptions } from '../options.ts'
import { BufferedOutput } from '../storage/buffered-output.ts'
import { requireStillAt } from '../storage/lock.ts'
import { fromNodeError } from '../storage/os.ts'
import { closeFile, closeQuietly, commit, cutBack, discard, nodeOutput, type OutputSystem } from '../storage/output.ts'
import { rowByteLength, shapeWith, writeRowCount } from './growing.ts'
import { type RecoverOptions, type Recovery, recover } from './recover.ts'
import { RowOutput } from './row-output.ts'
import { streamInto, WriterLife } from './writer-life.ts'
import { type AppendOptions, type Opened, startAppending, startNew, type WriterOptions } from './writer-start.ts'

/**
 * Writes an .npy file chunk by chunk. Memory stays at two buffers of 1 MiB however long the file.
 *
 * `create` makes a new file beside its target: the target is untouched until `close()`. `append` continues a file in place,
 * in the order data, sync, header, sync: a reader at any instant sees a whole array.
 */
export class NpyWriter<T extends DTypeName = DTypeName> {
  /** The absolute path that the file gets. */
  readonly path: string
  /** What one element is. */
  readonly dtype: DType<T>
  /** The order in which the elements follow each other. */
  readonly order: Order
  readonly #opened: Opened
  readonly #life: WriterLife
  readonly #rows: RowOutput
  readonly #buffered: BufferedOutput
  #durableRows: number
  /** True while the header on disk may speak of rows past the last checkpoint. */
  #headerAhead = false

  /** @internal */
  constructor(opened: Opened) {
    const { file, system, signal, fixedRows, output } = opened
    const { array, rowCount, fd, path } = file
    this.#opened = opened
    this.path = path
    this.dtype = array.dtype as DType<T>
    this.order = array.order
    this.#durableRows = rowCount
    this.#buffered = new BufferedOutput(
      system,
      fd,
      array.byteOffset + rowCount * rowByteLength(array),
      path,
      opened.sync,
    )
    this.#life = new WriterLife(path, { fd, output, system }, signal, () => this.#rollBack())
    this.#rows = new RowOutput({ array, fixedRows, rowCount }, this.#buffered, this.#life, () =>
      this.#life.requireOpen(),
    )
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
    return this.#rows.rowCount
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
    return this.#rows.write(chunk)
  }

  /** Writes raw bytes in the file's dtype and order: for byte streams. */
  writeBytes(bytes: Uint8Array): Promise<void> {
    return this.#rows.writeBytes(bytes)
  }

  /**
   * Makes all whole rows written so far durable, and visible where the file is: at its path for `append`, under its
   * temporary name for `create`.
   *
   * @throws {@link OsError}, `ESTALE` among others when the file was replaced while it was appended to
   */
  checkpoint(): Promise<void> {
    return this.#life.enqueue(async () => {
      this.#life.requireOpen()
      try {
        await this.#makeDurable(true)
      } catch (error) {
        throw await this.#life.fail(error)
      }
    })
  }

  async #makeDurable(sync: boolean): Promise<void> {
    const { file, system, output } = this.#opened
    await this.#buffered.drain()
    if (output === null) requireStillAt(file.fd, this.path, this.#buffered.byteOffset)
    const { rowCount } = this
    if (rowCount === this.#durableRows) return
    if (sync) await system.sync(file.fd)
    this.#headerAhead = true
    await writeRowCount(file, rowCount, system, sync)
    if (output === null) requireStillAt(file.fd, this.path, this.#buffered.byteOffset)
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
    return this.#life.close(() => this.#finish())
  }

  async #finish(): Promise<void> {
    this.#life.requireOpen()
    this.#rows.requireWhole()
    const { output, sync, system, file } = this.#opened
    try {
      // A new file is synced as a whole before it gets its name.
      await this.#makeDurable(output === null)
      // It may have been aborted meanwhile.
      this.#life.requireOpen()
    } catch (error) {
      throw await this.#life.fail(error)
    }
    await this.#life.end(() => (output === null ? closeFile(file.fd, this.path, system) : commit(output, sync, system)))
  }

  /** Gives up: a new file leaves no trace, an appended one goes back to its last checkpoint. */
  abort(): Promise<void> {
    return this.#life.abort()
  }

  async #rollBack(): Promise<void> {
    const { file, output, system } = this.#opened
    await this.#buffered.drain().catch(() => {})
    if (output !== null) {
      discard(output, system)
      return
    }
    try {
      // The header first, so that it never speaks of what is not there.
      if (this.#headerAhead) await writeRowCount(file, this.#durableRows, system)
      await cutBack(file.fd, file.array.byteOffset + this.#durableRows * rowByteLength(file.array), system)
    } catch (error) {
      throw fromNodeError(error, this.path)
    } finally {
      closeQuietly(file.fd, system)
    }
  }

  /**
   * The writer as a web `WritableStream`; `pipeline(source, w.writable())` closes it at the end and aborts it on errors.
   * A signal goes to `create`: `pipeline` does not pass its own on to web streams, and would let them run to their end.
   * With `bytes`, chunks are raw bytes in the file's dtype, as byte streams give them.
   */
  writable(options: { readonly bytes?: boolean } = {}): WritableStream<unknown> {
    checkOptions(options, ['bytes'], 'writable')
    return streamInto(this, options.bytes === true)
  }

  /** `abort()` unless it was closed: `await using` without `close()` leaves nothing behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.state !== 'closed') await this.abort()
  }

  /** The same without waiting for it. */
  [Symbol.dispose](): void {
    if (this.#life.state === 'open') this.abort().catch(() => {})
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
