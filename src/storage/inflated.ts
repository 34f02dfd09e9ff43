// Bytes of a deflated member, inflated where they are asked for: from the cursor or restart point nearest before them,
// through a cache of pages, in parallel where a large range has several restart points.

import { LayoutError, UnsupportedError } from '../errors.ts'
import type { ByteSource, Decode, MemoryRange, PrefetchOptions, Region, TakenRegion, TakeWork } from './byte-source.ts'
import { checkRange, checkRegion } from './byte-source.ts'
import { ChunkReader } from './chunk-reader.ts'
import { type DeflatedMember, DeflatedStream } from './deflated-stream.ts'
import { ascending, gatherReads, gatherReadsAsync, mirror } from './gather-reads.ts'
import { type InflateOptions, inflateAround, inflateTo, later, readChunks } from './inflate-around.ts'
import type { InflatePool } from './inflate-pool.ts'
import { PAGE_BYTE_LENGTH, Page } from './page-cache.ts'
import { runNow, type Steps } from './steps.ts'
import { takeByReads, takeByReadsAsync } from './take-reads.ts'

/** A range in the cache is inflated on to a multiple of this: neighbours come next, and zlib likes room. */
const GRANULE_BYTE_LENGTH = 16 * 1024
/** Reads that end this early ask for a header: not a byte more is inflated for them. */
const HEAD_BYTE_LENGTH = 4096
/** What ends this early is inflated as a stream: looking for a seek index costs more. */
const UNCHUNKED_BYTE_LENGTH = 32 * 1024
/** From this on asynchronous reads go around the cache: in parallel, and most likely on their way through the member. */
const LONG_BYTE_LENGTH = 2 * 1024 * 1024

/** A {@link ByteSource} over the inflated bytes of a deflated member. */
export class InflatedSource implements ByteSource {
  readonly kind = 'inflated'
  readonly path: string | null
  readonly byteLength: number
  readonly writable: boolean = false
  readonly offThread: boolean
  readonly #stream: DeflatedStream
  readonly #pool: InflatePool
  #chunkReader: ChunkReader | null | undefined
  #indexing: Promise<void> | null = null

  constructor(member: DeflatedMember, pool: InflatePool) {
    this.#stream = new DeflatedStream(member, pool)
    this.#pool = pool
    this.path = member.source.path
    this.byteLength = member.uncompressedByteLength
    this.offThread = pool.native
  }

  get closed(): boolean {
    return this.#stream.member.source.closed
  }

  /** True when any part can be had without inflating all before it. */
  get seekable(): boolean {
    return this.#stream.seekable
  }

  /** True once the member was found to disagree with its CRC-32 or length: it gives nothing any more. */
  get damaged(): boolean {
    return this.#stream.damaged
  }

  /** Reads of more than a quarter of the cache would push out everything else. */
  #goesAround(byteLength: number): boolean {
    const { byteLength: cached } = this.#pool.cache
    return byteLength > cached / 4 || cached < PAGE_BYTE_LENGTH
  }

  /** Of whole chunks, where the stream is made of such and there is a codec for them. */
  get #chunks(): ChunkReader | null {
    if (this.#chunkReader === undefined) {
      const index = this.#pool.inBlocks ? this.#stream.chunks : null
      this.#chunkReader = index === null ? null : new ChunkReader(this.#stream.member, index, this.#pool)
    }
    return this.#chunkReader
  }

  *#read(byteOffset: number, into: Uint8Array): Steps<void> {
    const end = byteOffset + into.byteLength
    const chunks = end > UNCHUNKED_BYTE_LENGTH ? this.#chunks : null
    if (chunks?.fitsCache) {
      const how = { around: this.#goesAround(into.byteLength), crc: 'running' } as const
      yield* readChunks(this.#stream, chunks, byteOffset, into, how)
      return
    }
    if (this.#goesAround(into.byteLength)) {
      yield* inflateTo(this.#stream, byteOffset, into)
      return
    }
    for (let at = byteOffset; at < end; ) {
      const page = this.#pool.cache.get(this, Math.floor(at / PAGE_BYTE_LENGTH))
      const held = page === undefined ? at : Math.min(end, page.byteOffset + page.to)
      if (page !== undefined && page.byteOffset + page.from <= at && at < held) {
        const from = at - page.byteOffset
        into.set(page.bytes.subarray(from, from + held - at), at - byteOffset)
        at = held
      } else {
        at = yield* this.#fillPages(at, end, byteOffset, into)
      }
    }
  }

  /** Inflates pages from `at` on, up to `end` or to bytes that are in the cache; returns where it stopped. */
  #fillPages(at: number, end: number, byteOffset: number, into: Uint8Array): Steps<number> {
    const { cache } = this.#pool
    const source = this
    return this.#stream.withCursor(at, end, function* (cursor) {
      yield* cursor.skip(at - (at % PAGE_BYTE_LENGTH))
      let done = at
      while (done < end) {
        const index = Math.floor(cursor.position / PAGE_BYTE_LENGTH)
        const start = index * PAGE_BYTE_LENGTH
        const from = cursor.position - start
        const held = cache.peek(source, index)
        const extendable = held !== undefined && !held.busy && held.from <= from && from <= held.to
        if (extendable && done < start + held.to) return done
        if (extendable && from < held.to) {
          yield* cursor.skip(start + held.to)
          continue
        }
        const length = Math.min(PAGE_BYTE_LENGTH, source.byteLength - start)
        const page = extendable ? held : new Page(source, index, length, from)
        const to = source.#fillEnd(start, end)
        page.busy = true
        try {
          yield* cursor.fill(page.bytes.subarray(from, to))
        } finally {
          page.busy = false
        }
        page.to = to
        cache.put(page)
        const stop = Math.min(end, start + to)
        if (stop > done) into.set(page.bytes.subarray(done - start, stop - start), done - byteOffset)
        done = Math.max(done, stop)
      }
      return done
    })
  }

  /** How far into its page a read that ends at `end` is inflated. */
  #fillEnd(start: number, end: number): number {
    const length = Math.min(PAGE_BYTE_LENGTH, this.byteLength - start)
    if (end <= HEAD_BYTE_LENGTH) return Math.min(length, end)
    return Math.min(length, Math.ceil((end - start) / GRANULE_BYTE_LENGTH) * GRANULE_BYTE_LENGTH)
  }

  readElement<T>(decode: Decode<T>, byteOffset: number, byteLength: number): T {
    this.#stream.requireUsable()
    const page = this.#pool.cache.newest
    if (page !== null && (page.owner === this || page.owner === this.#chunkReader)) {
      const at = byteOffset - page.byteOffset
      if (at >= page.from && at + byteLength <= page.to && byteLength >= 0) return decode(page.view, at)
    }
    checkRange(this, byteOffset, byteLength)
    const bytes = new Uint8Array(byteLength)
    runNow(this.#read(byteOffset, bytes))
    return decode(new DataView(bytes.buffer), 0)
  }

  read(byteOffset: number, into: Uint8Array): void {
    this.#stream.requireUsable()
    checkRange(this, byteOffset, into.byteLength)
    runNow(this.#read(byteOffset, into))
  }

  gather(region: Region, into: Uint8Array, wordSize: number): void {
    this.#stream.requireUsable()
    checkRegion(this, region)
    const forward = this.#forward(region)
    const target = forward === region ? into : new Uint8Array(into.byteLength)
    gatherReads(forward, target, wordSize, (byteOffset, piece) => {
      this.#stream.requireUsable()
      runNow(this.#read(byteOffset, piece))
    })
    if (forward !== region) mirror(region, target, into)
  }

  async gatherAsync(region: Region, into: Uint8Array, wordSize: number, threads?: number): Promise<void> {
    this.#stream.requireUsable()
    checkRegion(this, region)
    const forward = this.#forward(region)
    const target = forward === region ? into : new Uint8Array(into.byteLength)
    await gatherReadsAsync(forward, target, wordSize, async (byteOffset, piece) => {
      this.#stream.requireUsable()
      if (piece.byteLength >= LONG_BYTE_LENGTH || this.#goesAround(piece.byteLength))
        await this.readAround(byteOffset, piece, { threads })
      else await later(this.#stream, this.#read(byteOffset, piece))
    })
    if (forward !== region) mirror(region, target, into)
  }

  take(taken: TakenRegion, into: Uint8Array, wordSize: number): void {
    this.#stream.requireUsable()
    checkRegion(this, taken.region)
    takeByReads(taken, into, wordSize, (byteOffset, piece) => {
      this.#stream.requireUsable()
      runNow(this.#read(byteOffset, piece))
    })
  }

  /** One read after the other, forwards: each goes on where the one before left off. */
  async takeAsync(taken: TakenRegion, into: Uint8Array, wordSize: number, work: TakeWork): Promise<void> {
    this.#stream.requireUsable()
    checkRegion(this, taken.region)
    const { signal } = work
    const read = async (byteOffset: number, piece: Uint8Array): Promise<void> => {
      this.#stream.requireUsable()
      if (this.#goesAround(piece.byteLength)) await this.readAround(byteOffset, piece, { signal })
      else await later(this.#stream, this.#read(byteOffset, piece), { signal })
    }
    await takeByReadsAsync(taken, into, wordSize, read, { concurrency: 1, signal })
  }

  /** Where every step back means inflating from the beginning, axes that run backwards are read forwards. */
  #forward(region: Region): Region {
    if (this.#pool.native || !region.byteStrides.some((stride) => stride < 0)) return region
    return this.#stream.isChunked ? region : ascending(region)
  }

  /**
   * Inflates a range into memory, around the cache, in parallel from its restart points. Settles when no thread writes to
   * the memory any more. Resolves to the CRC-32 of the range when its `own` is asked for, else to 0.
   */
  async readAround(byteOffset: number, into: Uint8Array, options: InflateOptions = {}): Promise<number> {
    this.#stream.requireUsable()
    checkRange(this, byteOffset, into.byteLength)
    return inflateAround({ stream: this.#stream, pool: this.#pool, chunks: this.#chunks }, byteOffset, into, options)
  }

  /** Passes what was not passed yet, so that any part can be had quickly; nothing where there is a seek index. */
  buildIndex(options: InflateOptions = {}): Promise<void> {
    this.#stream.requireUsable()
    const { points } = this.#stream
    if (points === null || points.complete || this.byteLength === 0) return Promise.resolve()
    const pass = async (): Promise<void> => {
      const { byteLength } = this
      await later(
        this.#stream,
        this.#stream.withCursor(points.frontier, byteLength, (cursor) => cursor.skip(byteLength)),
        options,
      )
      await points.settled()
    }
    if (options.signal !== undefined) return pass()
    this.#indexing ??= pass().finally(() => {
      this.#indexing = null
    })
    return this.#indexing
  }

  scatter(): void {
    throw new UnsupportedError('array: a compressed member cannot be written to', {
      feature: 'writing to compressed members',
      path: this.path,
      member: this.#stream.member.member,
    })
  }

  memory(): MemoryRange {
    this.#stream.requireUsable()
    throw new LayoutError(
      'typedArray: this member is compressed; use toTypedArray(), or load() of the archive for all of it',
      {
        reason: 'source',
      },
    )
  }

  advise(): void {
    this.#stream.requireUsable()
  }

  residentByteLength(byteOffset: number, byteLength: number): number {
    this.#stream.requireUsable()
    const end = byteOffset + byteLength
    const inChunks = this.#chunkReader?.heldBetween(byteOffset, end) ?? 0
    // What was read before chunks were looked for is there a second time.
    return Math.min(byteLength, inChunks + this.#pool.cache.heldBetween(this, byteOffset, end))
  }

  /** Fills the cache with the range, up to half of it. */
  async prefetch(byteOffset: number, byteLength: number, { signal }: PrefetchOptions = {}): Promise<void> {
    this.#stream.requireUsable()
    checkRange(this, byteOffset, byteLength)
    const end = byteOffset + Math.min(byteLength, this.#pool.cache.byteLength / 2)
    const scratch = new Uint8Array(Math.min(byteLength, PAGE_BYTE_LENGTH))
    if (this.#goesAround(scratch.byteLength)) return
    for (let at = byteOffset; at < end; at += scratch.byteLength) {
      await later(this.#stream, this.#read(at, scratch.subarray(0, end - at)), { signal })
    }
  }

  release(): void {
    this.#stream.requireUsable()
  }

  async flush(): Promise<void> {
    this.#stream.requireUsable()
  }

  toTransferable(): never {
    const { member } = this.#stream.member
    throw new UnsupportedError(
      'toTransferable: a compressed member cannot be mapped; open the archive on the other side',
      {
        feature: 'transferring compressed members',
        path: this.path,
        member,
      },
    )
  }

  liesIn(path: string): boolean {
    return this.#stream.member.source.liesIn(path)
  }

  /** Closes the archive's source. */
  close(): void {
    this.#stream.member.source.close()
  }
}
