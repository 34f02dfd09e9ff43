// What the compressed members of one archive share: cached pages, idle cursors, memory for access points.

import { AccessPoints, WindowBudget } from './access-points.ts'
import { hasBlockCodec } from './block-inflater.ts'
import { InflateCursor } from './inflate-cursor.ts'
import { hasNativeInflate, type Inflater, newInflater } from './inflater.ts'
import { PageCache } from './page-cache.ts'

/** Idle cursors that are kept, each with up to half a MiB of buffers, and more after long passes: streams that are read in turns go on quickly. */
const MOST_IDLE = 8
/** Threads of the pool that one operation keeps busy: as many as Node starts by default. */
const MOST_IN_FLIGHT = 4

/** A trip's worth of chunks that do not shrink. */
const MOST_INPUT_BYTE_LENGTH = 1.125 * 1024 * 1024
/** Of members, compressed, that are inflated in one go. */
const MOST_WHOLE_BYTE_LENGTH = 256 * 1024 * 1024

/** How much memory the members of an archive may take. */
export interface InflateLimits {
  /** Of inflated pages, and again of the windows of access points. */
  readonly cacheByteLength: number
  /** Bytes of output between access points. */
  readonly indexSpacing: number
}

/** Shared by all compressed members of an archive. */
export class InflatePool {
  readonly cache: PageCache
  readonly #windows: WindowBudget
  readonly #indexSpacing: number
  readonly #points: AccessPoints[] = []
  /** Members are inflated by threads, with access points. */
  readonly native: boolean
  /** Chunks are inflated as a whole, by a codec that does only that. */
  readonly inBlocks: boolean
  /** Pieces of one operation that are inflated at once. */
  readonly inFlight: number
  readonly #newInflater: () => Inflater
  /** Least recently used first. */
  #idle: InflateCursor[] = []
  /** Memory for compressed bytes that nobody uses now. */
  #input: Uint8Array | null = null
  #wholeByteLength = 0
  #closed = false

  constructor(
    limits: InflateLimits,
    make: () => Inflater = newInflater,
    native: boolean = hasNativeInflate(),
    inBlocks: boolean = native && make === newInflater && hasBlockCodec(),
  ) {
    this.cache = new PageCache(limits.cacheByteLength)
    this.#windows = new WindowBudget(limits.cacheByteLength)
    this.#indexSpacing = limits.indexSpacing
    this.native = native
    this.inBlocks = inBlocks
    this.inFlight = native ? MOST_IN_FLIGHT : 1
    this.#newInflater = make
  }

  /** Somewhere to record access points of a stream; empty after `close()`. */
  newPoints(): AccessPoints {
    const points = new AccessPoints(this.#indexSpacing, this.#windows)
    if (this.#closed) points.close()
    else this.#points.push(points)
    return points
  }

  /** The idle cursor of a stream that stands nearest before a position; it stays idle. */
  nearest(owner: object, position: number): InflateCursor | null {
    let best: InflateCursor | null = null
    for (const cursor of this.#idle) {
      if (cursor.owner !== owner || cursor.position > position) continue
      if (best === null || cursor.position > best.position) best = cursor
    }
    return best
  }

  /** Takes an idle cursor for its new user alone. */
  take(cursor: InflateCursor): void {
    this.#idle.splice(this.#idle.indexOf(cursor), 1)
  }

  /** A cursor that can be started anywhere: one that nobody wants any more, or a new one. */
  any(): InflateCursor {
    const spent = this.#idle.findIndex(({ owner }) => owner === null)
    if (spent >= 0) return this.#idle.splice(spent, 1)[0]!
    return (this.#idle.length >= MOST_IDLE ? this.#idle.shift() : undefined) ?? new InflateCursor(this.#newInflater())
  }

  /** Makes a cursor idle again. One that is `spent` has no position worth keeping. */
  release(cursor: InflateCursor, spent: boolean): void {
    if (this.#closed) return
    if (spent) cursor.owner = null
    cursor.shrink()
    this.#idle.push(cursor)
    if (this.#idle.length > MOST_IDLE) this.#idle.shift()
  }

  /** Memory for compressed bytes, for its new user alone; null when there is none to spare. */
  takeInput(): Uint8Array | null {
    const input = this.#input
    this.#input = null
    return input
  }

  /** Gives back memory for compressed bytes, of {@link takeInput} or new. */
  putInput(input: Uint8Array): void {
    if (!this.#closed && input.byteLength <= MOST_INPUT_BYTE_LENGTH) this.#input = input
  }

  /** Does something that takes so much memory beside the cache, unless others take too much of it: then null. */
  async withMemory<T>(byteLength: number, use: () => Promise<T>): Promise<T | null> {
    if (this.#wholeByteLength + byteLength > MOST_WHOLE_BYTE_LENGTH) return null
    this.#wholeByteLength += byteLength
    try {
      return await use()
    } finally {
      this.#wholeByteLength -= byteLength
    }
  }

  /** Lets go of everything; cursors at work are dropped when they are done. */
  close(): void {
    this.#closed = true
    this.#idle = []
    this.#input = null
    this.cache.close()
    for (const points of this.#points) points.close()
    this.#points.length = 0
  }
}
