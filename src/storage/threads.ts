// How many threads work for one call, and how many of Node's pool this library takes at most. See native-notes/threads.md.

import { availableParallelism } from 'node:os'

/** Of Node's pool, when UV_THREADPOOL_SIZE says nothing, and at most: libuv's own numbers. */
const DEFAULT_POOL_SIZE = 4
const MOST_POOL_SIZE = 1024
/** One core cannot fill the memory bus or a disk's queue; more than a few gain nothing on most machines. */
const DEFAULT_THREADS = 4
/** The most that one call may ask for. */
const MOST_THREADS = 64

/** Threads of one call when it does not say: as many as there are cores, at most 4. */
export function defaultThreads(): number {
  return Math.min(DEFAULT_THREADS, availableParallelism())
}

/** The option `threads` of a call. Throws `TypeError` and `RangeError` for what is no number of threads. */
export function checkThreads(threads: unknown, what: string): number {
  if (threads === undefined) return defaultThreads()
  if (typeof threads !== 'number')
    throw new TypeError(`${what}: expected threads to be a number, got ${typeof threads}`)
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS) return threads
  throw new RangeError(`${what}: expected threads to be an integer from 1 to ${MOST_THREADS}, got ${threads}`)
}

/** Threads in Node's pool, as libuv reads the variable when it starts them. */
export function poolSize(): number {
  const text = process.env.UV_THREADPOOL_SIZE
  if (text === undefined) return DEFAULT_POOL_SIZE
  const size = Number.parseInt(text, 10)
  return Number.isNaN(size) ? 1 : Math.max(1, Math.min(MOST_POOL_SIZE, size))
}

/** Jobs for Node's pool, of which some run at once and the others wait for their turn. */
export class PoolShare {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(size: number) {
    this.#free = size
  }

  /** Runs a job that takes one thread of the pool until its promise settles. Jobs must not wait for one another. */
  async run<T>(job: () => Promise<T> | T): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await job()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

let share: PoolShare | undefined

/**
 * Runs a job on Node's pool. However many calls there are, all but one thread of the pool (its only one, where there is
 * one) work for this library, so that a program's own files, DNS look-ups and ciphers never wait behind them.
 */
export function inPool<T>(job: () => Promise<T> | T): Promise<T> {
  share ??= new PoolShare(Math.max(1, poolSize() - 1))
  return share.run(job)
}

/**
 * Does some work for every item, so many at once; takes no further item once one has failed. Settles when nothing is in
 * flight any more.
 */
export async function eachInFlight<T>(
  items: Iterable<T>,
  inFlight: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  let failed = false
  const worker = async (): Promise<void> => {
    while (!failed) {
      try {
        const item = rest.next()
        if (item.done === true) return
        await work(item.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: inFlight }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** A range in parts of about equal length, none longer than `most` bytes, and at least `parts` unless they get short. */
export function* partsOf(
  byteOffset: number,
  byteLength: number,
  { parts, most }: { readonly parts: number; readonly most: number },
): Generator<{ readonly byteOffset: number; readonly byteLength: number }> {
  const step = Math.min(most, Math.max(LEAST_PART_BYTE_LENGTH, Math.ceil(byteLength / parts / PAGE) * PAGE))
  for (let done = 0; done < byteLength; done += step) {
    yield { byteOffset: byteOffset + done, byteLength: Math.min(step, byteLength - done) }
  }
}

const PAGE = 4096
/** Shorter parts cost more to hand out than they gain. */
const LEAST_PART_BYTE_LENGTH = 1024 * 1024
