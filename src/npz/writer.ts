/// <reference lib="esnext.disposable" preserve="true" />
// NpzWriter: archives of any size, written member by member in bounded memory, or continued.

import type { DTypeLike, DTypeName } from '../layout/dtype.ts'
import type { Order } from '../layout/shape.ts'
import { headerWith, rowByteLength } from '../npy/growing.ts'
import { newGrowing } from '../npy/growing-shape.ts'
import { toSave } from '../npy/to-save.ts'
import type { ArrayLike } from '../npy/values.ts'
import { WriterLife } from '../npy/writer-life.ts'
import type { WriterOptions } from '../npy/writer-start.ts'
import { checkOptions } from '../options.ts'
import { requireStillAt } from '../storage/lock.ts'
import { fromNodeError } from '../storage/os.ts'
import { closeFile, closeQuietly, commit, cutBack, discard, nodeOutput, type OutputSystem } from '../storage/output.ts'
import { memberName } from './archive-writer.ts'
import { type Compress, type Deflation, deflationOf } from './compress-options.ts'
import { type NpzRecoverOptions, type NpzRecovery, recoverNpz } from './npz-recover.ts'
import { NpzMemberWriter } from './writer-member.ts'
import { type NpzWriterOptions, type OpenedArchive, startAppendingTo, startNewArchive } from './writer-start.ts'

/** Options of {@link NpzWriter.write}. */
export interface MemberOptions {
  /** For typed arrays and nested arrays: what their values are; see {@link ArrayData}. */
  readonly dtype?: DTypeLike
  /** Elements along each axis; that of the values when left out. */
  readonly shape?: number | readonly number[]
  /** As NumPy when left out: `F` for what is contiguous so and not in C order. */
  readonly order?: Order
  /** As the writer's when left out. */
  readonly compress?: Compress
}

/** Options of {@link NpzWriter.member}. */
export interface GrowingMemberOptions<T extends DTypeName = DTypeName>
  extends Pick<WriterOptions<T>, 'dtype' | 'shape' | 'order'> {
  /** As the writer's when left out. */
  readonly compress?: Compress
}

/**
 * Writes an .npz archive member by member. Memory stays bounded however long the members are, deflated ones included.
 *
 * `create` makes a new file beside its target: the target is untouched until `close()`. `append` adds members to an archive
 * in place, after everything that is there, and writes the new directory last: until then `NpzWriter.recover` gives the
 * old archive back, whatever happened.
 */
export class NpzWriter {
  /** The absolute path that the archive gets. */
  readonly path: string
  readonly #opened: OpenedArchive
  readonly #life: WriterLife
  /** The member that is open, without its `.npy`. */
  #open: string | null = null

  /** @internal */
  constructor(opened: OpenedArchive) {
    this.#opened = opened
    this.path = opened.path
    this.#life = new WriterLife(opened.path, opened, opened.signal, () => rollBack(opened))
  }

  /**
   * Starts a new archive.
   *
   * @throws `TypeError` and `RangeError` for options, {@link OsError}
   */
  static create(path: string | URL, options: NpzWriterOptions = {}): Promise<NpzWriter> {
    return createNpz(nodeOutput, path, options)
  }

  /**
   * Adds members to an archive in place, under an exclusive lock. Nothing that is there is written over.
   *
   * @throws {@link OsError} `EWOULDBLOCK` when another writer has the file; {@link FormatError} for what is no whole
   * archive: `recover` mends that; {@link UnsupportedError} without the addon
   */
  static append(path: string | URL, options: NpzWriterOptions = {}): Promise<NpzWriter> {
    return appendNpz(nodeOutput, path, options)
  }

  /** Tells what of an archive is whole after a crash, and gives it back on request: see {@link NpzRecovery}. */
  static recover(path: string | URL, options: NpzRecoverOptions = {}): Promise<NpzRecovery> {
    return recoverNpz(path, options)
  }

  /**
   * Writes a whole array, of any kind that `save` takes. Resolves when the next may be written.
   *
   * @throws `TypeError`, `RangeError` and {@link SelectionError} for values and names, a name that is taken among them:
   * nothing is written then; {@link OsError}, which ends the writer
   */
  write(name: string, array: ArrayLike, options: MemberOptions = {}): Promise<void> {
    try {
      this.#life.requireOpen()
      checkOptions(options, ['dtype', 'shape', 'order', 'compress'], 'write')
      const deflation = this.#deflation(options.compress, 'write')
      const member = memberName(name, 'write')
      const saved = toSave(array, options, 'write')
      return this.#life.enqueue(async () => {
        this.#claim(member, 'write')
        try {
          await this.#opened.archive.write(member, saved, deflation, () => this.#life.requireOpen())
        } catch (error) {
          throw await this.#life.fail(error)
        }
      })
    } catch (error) {
      return this.#life.refuse(error)
    }
  }

  /**
   * Begins a member that is written chunk by chunk; `null` in its shape is a length not yet known.
   *
   * @throws `TypeError`, `RangeError` and {@link SelectionError} for arguments, a name that is taken among them;
   * {@link OsError}, which ends the writer
   */
  member<T extends DTypeName = DTypeName>(name: string, options: GrowingMemberOptions<T>): Promise<NpzMemberWriter<T>> {
    try {
      this.#life.requireOpen()
      checkOptions(options, ['dtype', 'shape', 'order', 'compress'], 'member')
      const deflation = this.#deflation(options.compress, 'member')
      const member = memberName(name, 'member')
      const growing = newGrowing(options, 'member')
      return this.#life.enqueue(async () => {
        const { archive } = this.#opened
        const { array, fixedRows } = growing
        this.#claim(member, 'member')
        const header = headerWith(array, fixedRows ?? 0) ?? growing.header
        const dataByteLength = fixedRows === null ? null : fixedRows * rowByteLength(array)
        const checkGoingOn = (): void => this.#life.requireOpen()
        try {
          const sink = await archive.begin({ name: member, header, dataByteLength, checkGoingOn }, deflation)
          this.#open = name
          const release = (): void => {
            this.#open = null
          }
          const drop = (): Promise<void> => archive.drop(member, sink)
          return new NpzMemberWriter<T>({ name, growing, sink, life: this.#life, drop, release })
        } catch (error) {
          throw await this.#life.fail(error)
        }
      })
    } catch (error) {
      return this.#life.refuse(error)
    }
  }

  #deflation(compress: Compress | undefined, what: string): Deflation | null {
    return compress === undefined ? this.#opened.deflation : deflationOf(compress, what)
  }

  #claim(member: string, what: string): void {
    this.#life.requireOpen()
    this.#requireNoMember(what)
    this.#opened.archive.claim(member, what)
  }

  #requireNoMember(what: string): void {
    if (this.#open === null) return
    throw new TypeError(
      `${what}: member ${JSON.stringify(this.#open)} is still being written; close() or abort() it first`,
    )
  }

  /**
   * Finishes the archive: durable and under its name when this resolves.
   *
   * @throws `TypeError` when a member is open: the writer stays open then; {@link OsError}: the old archive is there
   * then
   */
  close(): Promise<void> {
    return this.#life.close(() => this.#finish())
  }

  async #finish(): Promise<void> {
    this.#life.requireOpen()
    this.#requireNoMember('close')
    const { archive, output, fd, sync, system } = this.#opened
    try {
      if (output !== null) await archive.writeDirectory()
      else await this.#finishAppended()
      // It may have been aborted meanwhile.
      this.#life.requireOpen()
    } catch (error) {
      throw await this.#life.fail(error)
    }
    await this.#life.end(() => (output === null ? closeFile(fd, this.path, system) : commit(output, sync, system)))
  }

  async #finishAppended(): Promise<void> {
    const { archive, fd, sync, system } = this.#opened
    await archive.drain()
    requireStillAt(fd, this.path, archive.byteOffset)
    if (!archive.isChanged) return
    // A directory that is there speaks of members that are there.
    if (sync) await system.sync(fd)
    await archive.writeDirectory()
    if (sync) await system.sync(fd)
    requireStillAt(fd, this.path, archive.byteOffset)
  }

  /** Gives up: a new file leaves no trace, an appended archive is what it was. */
  abort(): Promise<void> {
    return this.#life.abort()
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

async function rollBack(opened: OpenedArchive): Promise<void> {
  const { archive, output, fd, oldByteLength, path, system } = opened
  await archive.stop()
  if (output !== null) {
    discard(output, system)
    return
  }
  try {
    await cutBack(fd, oldByteLength, system)
  } catch (error) {
    throw fromNodeError(error, path)
  } finally {
    closeQuietly(fd, system)
  }
}

/** {@link NpzWriter.create} through system calls of the caller's choice. */
export async function createNpz(
  system: OutputSystem,
  path: string | URL,
  options: NpzWriterOptions,
): Promise<NpzWriter> {
  return new NpzWriter(await startNewArchive(system, path, options))
}

/** {@link NpzWriter.append} through system calls of the caller's choice. */
export async function appendNpz(
  system: OutputSystem,
  path: string | URL,
  options: NpzWriterOptions,
): Promise<NpzWriter> {
  return new NpzWriter(await startAppendingTo(system, path, options))
}
