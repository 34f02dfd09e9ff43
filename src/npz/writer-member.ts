/// <reference lib="esnext.disposable" preserve="true" />
// A member of an archive that is written chunk by chunk.

import { ClosedError } from '../errors.ts'
import type { DType, DTypeName } from '../layout/dtype.ts'
import type { Order } from '../layout/shape.ts'
import { headerWith, shapeWith } from '../npy/growing.ts'
import type { NewGrowing } from '../npy/growing-shape.ts'
import { RowOutput } from '../npy/row-output.ts'
import { streamInto, type WriterLife } from '../npy/writer-life.ts'
import { checkOptions } from '../options.ts'
import type { MemberSink } from './member-sink.ts'

/** What a member's writer begins with. */
export interface OpenedMember {
  /** As callers know it: without the `.npy`. */
  readonly name: string
  readonly growing: NewGrowing
  readonly sink: MemberSink
  readonly life: WriterLife
  /** Takes the member back. */
  readonly drop: () => Promise<void>
  /** Lets the archive go on with the next member. */
  readonly release: () => void
}

/**
 * Writes one member of an archive chunk by chunk, as {@link NpyWriter} writes a file. Made by {@link NpzWriter.member}; no
 * other member can be written before `close()` or `abort()`.
 */
export class NpzMemberWriter<T extends DTypeName = DTypeName> {
  /** Without the `.npy` that it has in the zip. */
  readonly name: string
  /** What one element is. */
  readonly dtype: DType<T>
  /** The order in which the elements follow each other. */
  readonly order: Order
  readonly #opened: OpenedMember
  readonly #rows: RowOutput
  #state: 'open' | 'closed' | 'aborted' = 'open'
  #closing: Promise<void> | null = null
  #aborting: Promise<void> | null = null

  /** @internal */
  constructor(opened: OpenedMember) {
    const { name, growing, sink, life } = opened
    const { array, fixedRows } = growing
    this.#opened = opened
    this.name = name
    this.dtype = array.dtype as DType<T>
    this.order = array.order
    this.#rows = new RowOutput({ array, fixedRows, rowCount: 0 }, sink, life, () => this.#requireOpen())
  }

  /** The shape if it were closed now: whole rows only. */
  get shape(): readonly number[] {
    return shapeWith(this.#opened.growing.array, this.rowCount)
  }

  /** Whole rows written so far. */
  get rowCount(): number {
    return this.#rows.rowCount
  }

  #requireOpen(): void {
    this.#opened.life.requireOpen()
    if (this.#state !== 'open') {
      throw new ClosedError(`member ${JSON.stringify(this.name)}`, { path: this.#opened.life.path })
    }
  }

  /**
   * Writes a chunk: a typed array of the dtype's kind (any number of values), a view or nested arrays of rows or of one
   * row, an element, a record. Resolves when more may be written: await it, that is the back-pressure. Do not touch the
   * chunk before.
   *
   * @throws `TypeError` for another dtype or shape, {@link SelectionError} past a fixed length: nothing is written then;
   * {@link OsError}, which ends the archive's writer, too
   */
  write(chunk: unknown): Promise<void> {
    return this.#rows.write(chunk)
  }

  /** Writes raw bytes in the member's dtype and order: for byte streams. */
  writeBytes(bytes: Uint8Array): Promise<void> {
    return this.#rows.writeBytes(bytes)
  }

  /**
   * Finishes the member. It can be read once the archive's writer is closed, too.
   *
   * @throws {@link SelectionError} when a row is unfinished or a fixed length not reached: the member stays open then;
   * {@link OsError}, which ends the archive's writer, too
   */
  close(): Promise<void> {
    if (this.#closing !== null) return this.#closing
    const closing = this.#opened.life.enqueue(() => this.#finish())
    this.#closing = closing
    closing.catch(() => {
      if (this.#state === 'open') this.#closing = null
    })
    return closing
  }

  async #finish(): Promise<void> {
    const { life, sink, growing, release } = this.#opened
    this.#requireOpen()
    this.#rows.requireWhole()
    try {
      const { array, fixedRows } = growing
      // Only where it is not yet known is there a way to write the header again.
      if (fixedRows !== null) await sink.finish()
      else await sink.finish(headerWith(array, this.rowCount) ?? undefined)
    } catch (error) {
      throw await life.fail(error)
    }
    this.#state = 'closed'
    release()
  }

  /** Takes the member back: the archive goes on as if it had never begun. */
  abort(): Promise<void> {
    if (this.#aborting !== null) return this.#aborting
    if (this.#state === 'closed') return this.#closing ?? Promise.resolve()
    const { life, drop, release } = this.#opened
    this.#state = 'aborted'
    this.#aborting = life.enqueue(async () => {
      // With the archive's writer ended there is nothing left to take back.
      if (life.state !== 'open') return
      try {
        await drop()
      } catch (error) {
        throw await life.fail(error)
      }
      release()
    })
    return this.#aborting
  }

  /**
   * The member as a web `WritableStream`; `pipeline(source, m.writable())` closes it at the end and aborts it on errors.
   * With `bytes`, chunks are raw bytes in the member's dtype, as byte streams give them.
   */
  writable(options: { readonly bytes?: boolean } = {}): WritableStream<unknown> {
    checkOptions(options, ['bytes'], 'writable')
    return streamInto(this, options.bytes === true)
  }

  /** `abort()` unless it was closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== 'closed') await this.abort()
  }

  /** The same without waiting for it. */
  [Symbol.dispose](): void {
    if (this.#state === 'open') this.abort().catch(() => {})
  }
}
