// What every writer is beside what it writes: jobs one after another, open until it is closed or fails, and rolled back
// when it is given up.

import { ClosedError } from '../errors.ts'
import { fromNodeError } from '../storage/os.ts'
import { closeQuietly, discard, type NewOutput, type OutputSystem } from '../storage/output.ts'

const DONE: Promise<void> = Promise.resolve()

/** What a writer holds of the system. */
export interface WriterHold {
  readonly fd: number
  /** For a new file: where it is until it is finished. */
  readonly output: NewOutput | null
  readonly system: OutputSystem
}

/** Writers that nobody ended give back their descriptor, their lock and their temporary file when collected. */
const abandoned = new FinalizationRegistry<WriterHold>((left) => {
  if (left.output !== null) discard(left.output, left.system)
  else closeQuietly(left.fd, left.system)
})

/** The life of a writer, from its first job to its last. */
export class WriterLife {
  readonly path: string
  readonly #signal: AbortSignal | undefined
  readonly #rollBack: () => Promise<void>
  readonly #abortListener: (() => void) | null = null
  #queue: Promise<void> = DONE
  #queued = 0
  #state: 'open' | 'closed' | 'aborted' = 'open'
  #failure: unknown = null
  #closing: Promise<void> | null = null
  #ending: Promise<void> | null = null

  /** `rollBack` undoes what was written and closes what is held; it is called once, with no job running. */
  constructor(path: string, hold: WriterHold, signal: AbortSignal | undefined, rollBack: () => Promise<void>) {
    this.path = path
    this.#signal = signal
    this.#rollBack = rollBack
    if (signal !== undefined) {
      this.#abortListener = () => void this.abort().catch(() => {})
      signal.addEventListener('abort', this.#abortListener, { once: true })
    }
    const { fd, output, system } = hold
    abandoned.register(this, { fd, output, system }, this)
    // Aborted while it was opened: the event has passed.
    if (signal?.aborted === true) this.abort().catch(() => {})
  }

  get state(): 'open' | 'closed' | 'aborted' {
    return this.#state
  }

  /** True when no job runs or waits. */
  get idle(): boolean {
    return this.#queued === 0
  }

  /** Throws what ended the writer, if anything did. */
  requireOpen(): void {
    this.#signal?.throwIfAborted()
    if (this.#failure !== null) throw this.#failure
    if (this.#state !== 'open') throw new ClosedError('writer', { path: this.path })
  }

  /** Runs a job after those before it. */
  enqueue<T>(job: () => Promise<T>): Promise<T> {
    this.#queued++
    const done = this.#queue.then(job).finally(() => {
      this.#queued--
    })
    this.#queue = done.then(
      () => {},
      () => {},
    )
    return this.#tell(done)
  }

  /** A promise for a caller whose call was refused. */
  refuse(error: unknown): Promise<never> {
    return this.#tell(Promise.reject(error))
  }

  /**
   * The promise as its caller gets it. One that fails as `close()` will fail, too, need not be awaited: it does not end the
   * process. One that was only refused must not get lost.
   */
  #tell<T>(done: Promise<T>): Promise<T> {
    const told = done.then((value) => value)
    done.catch((error) => {
      if (error === this.#failure || this.#state === 'aborted') told.catch(() => {})
    })
    return told
  }

  /** From a job: ends the writer for an error that leaves nothing to go on with, and gives that error to throw. */
  async fail(error: unknown): Promise<unknown> {
    this.#failure ??= fromNodeError(error, this.path)
    // An abort under way waits for this very call.
    if (this.#ending === null) {
      this.#ending = this.#giveUp()
      await this.#ending.catch(() => {})
    }
    return this.#failure
  }

  /** Closes once: `finish` is the last job. When it throws and the writer is still open, closing may be tried again. */
  close(finish: () => Promise<void>): Promise<void> {
    if (this.#closing !== null) return this.#closing
    const closing = this.enqueue(finish)
    this.#closing = closing
    closing.catch(() => {
      if (this.#state === 'open') this.#closing = null
    })
    return closing
  }

  /** From the last job: the step after which nothing is rolled back. What it throws is what later calls get. */
  async end(step: () => Promise<void> | void): Promise<void> {
    this.#state = 'closed'
    this.#forget()
    try {
      await step()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  /** Gives up: rolls back once the job that runs is done; the jobs after it are refused. */
  abort(): Promise<void> {
    if (this.#state === 'closed') return this.#queue
    this.#state = 'aborted'
    if (this.#ending === null) {
      this.#ending = this.#queue.then(() => this.#giveUp())
      // Whoever aborts by a signal or by leaving a scope has nobody to tell.
      this.#ending.catch(() => {})
    }
    return this.#ending
  }

  async #giveUp(): Promise<void> {
    this.#state = 'aborted'
    this.#forget()
    await this.#rollBack()
  }

  #forget(): void {
    abandoned.unregister(this)
    if (this.#abortListener !== null) this.#signal?.removeEventListener('abort', this.#abortListener)
  }
}

/** What {@link streamInto} writes to. */
interface StreamTarget {
  write(chunk: unknown): Promise<void>
  writeBytes(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

/** A web stream that closes the writer at its end and aborts it on errors. */
export function streamInto(writer: StreamTarget, bytes: boolean): WritableStream<unknown> {
  // A stream whose sink fails never calls `abort`.
  const orAbort = async (step: Promise<void>): Promise<void> => {
    try {
      await step
    } catch (error) {
      await writer.abort().catch(() => {})
      throw error
    }
  }
  return new WritableStream({
    write: (chunk) => orAbort(bytes ? writer.writeBytes(chunk as Uint8Array) : writer.write(chunk)),
    close: () => orAbort(writer.close()),
    abort: () => writer.abort(),
  })
}
