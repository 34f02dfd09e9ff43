// Rows on their way into a file: chunks of any kind become bytes, counted against the length that was promised.

import { sizeOf } from '../array/strided-array.ts'
import { SelectionError } from '../errors.ts'
import { type ByteSink, type ChunkTarget, chunkView, plainBytes, writeView } from './chunk.ts'
import { rowByteLength } from './growing.ts'
import type { WriterLife } from './writer-life.ts'

const DONE: Promise<void> = Promise.resolve()
/** The most bytes written between two looks at whether the writer was aborted. */
const PIECE_BYTE_LENGTH = 64 * 1024 * 1024

/** Where rows go. */
export interface RowSink extends ByteSink {
  /** Takes the bytes at once when there is room for them; true then, and the caller may reuse them. */
  take(bytes: Uint8Array): boolean
}

/** What rows belong to. */
export interface RowTarget {
  readonly array: ChunkTarget
  /** Rows that there must be in the end; null when any number will do. */
  readonly fixedRows: number | null
  /** Rows that are there already. */
  readonly rowCount: number
}

/** Writes chunks of rows as jobs of a writer. */
export class RowOutput {
  readonly #target: RowTarget
  readonly #sink: RowSink
  readonly #life: WriterLife
  readonly #requireOpen: () => void
  readonly #row: number
  #byteLength: number

  /** `requireOpen` is asked before each chunk; the life of the writer is what can end one that is under way. */
  constructor(target: RowTarget, sink: RowSink, life: WriterLife, requireOpen: () => void) {
    this.#target = target
    this.#sink = sink
    this.#life = life
    this.#requireOpen = requireOpen
    this.#row = rowByteLength(target.array)
    this.#byteLength = target.rowCount * this.#row
  }

  /** Whole rows, those that were there included. */
  get rowCount(): number {
    return Math.floor(this.#byteLength / this.#row)
  }

  /** See {@link NpyWriter.write}. */
  write(chunk: unknown): Promise<void> {
    try {
      this.#requireOpen()
      const bytes = plainBytes(chunk, this.#target.array)
      if (bytes === null) return this.#life.enqueue(() => this.#writeView(chunk))
      const { byteLength } = bytes
      if (!this.#life.idle) return this.#life.enqueue(() => this.#writeBytes(bytes, byteLength))
      this.#requireRoom(byteLength)
      if (!this.#sink.take(bytes)) return this.#life.enqueue(() => this.#writeBytes(bytes, byteLength))
      this.#byteLength += byteLength
      return DONE
    } catch (error) {
      return this.#life.refuse(error)
    }
  }

  /** See {@link NpyWriter.writeBytes}. */
  writeBytes(bytes: Uint8Array): Promise<void> {
    try {
      this.#requireOpen()
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`writeBytes: expected a Uint8Array, got ${typeof bytes}`)
      const { byteLength } = bytes
      return this.#life.enqueue(() => this.#writeBytes(bytes, byteLength))
    } catch (error) {
      return this.#life.refuse(error)
    }
  }

  async #writeBytes(bytes: Uint8Array, byteLength: number): Promise<void> {
    this.#requireOpen()
    if (bytes.byteLength !== byteLength) throw new TypeError('write: the chunk was detached before it was written')
    this.#requireRoom(byteLength)
    try {
      for (let done = 0; done < byteLength; done += PIECE_BYTE_LENGTH) {
        this.#life.requireOpen()
        await this.#put(bytes.subarray(done, done + PIECE_BYTE_LENGTH))
      }
    } catch (error) {
      throw await this.#life.fail(error)
    }
  }

  async #writeView(chunk: unknown): Promise<void> {
    this.#requireOpen()
    const { array } = this.#target
    const view = chunkView(chunk, array)
    this.#requireRoom(sizeOf(view.shape) * array.dtype.itemSize)
    try {
      await writeView({ write: (bytes) => this.#put(bytes) }, view, array, () => this.#life.requireOpen())
    } catch (error) {
      // Part of the chunk may be in the file: what follows would be shifted.
      throw await this.#life.fail(error)
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    const { byteLength } = bytes
    await this.#sink.write(bytes)
    this.#byteLength += byteLength
  }

  #requireRoom(byteLength: number): void {
    const { fixedRows } = this.#target
    if (fixedRows === null) return
    const over = this.#byteLength + byteLength - fixedRows * this.#row
    if (over <= 0) return
    throw new SelectionError(
      `write: expected ${fixedRows} rows of ${this.#row} bytes, this chunk goes ${over} bytes (${Math.ceil(over / this.#row)} rows) past them`,
    )
  }

  /** Throws {@link SelectionError} when a row is unfinished or a fixed length not reached. */
  requireWhole(): void {
    const over = this.#byteLength % this.#row
    if (over !== 0) {
      throw new SelectionError(`close: the last row has ${over} of ${this.#row} bytes, ${this.#row - over} are missing`)
    }
    const { fixedRows } = this.#target
    if (fixedRows !== null && this.rowCount !== fixedRows) {
      throw new SelectionError(
        `close: expected ${fixedRows} rows, got ${this.rowCount}: ${fixedRows - this.rowCount} are missing`,
      )
    }
  }
}
