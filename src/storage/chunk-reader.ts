// The chunks of a seekable member, each inflated as a whole: straight into memory where all of it is wanted, else as a page
// of the cache.

import { IntegrityError } from '../errors.ts'
import { combineCrc32 } from '../format/crc32-combine.ts'
import { SOZIP_CHUNK_END, type SozipIndex } from '../format/sozip.ts'
import { type Block, inflateBlocks } from './block-inflater.ts'
import { crc32 } from './deflate.ts'
import { type CrcMode, type DeflatedRange, hex } from './inflate-cursor.ts'
import type { InflatePool } from './inflate-pool.ts'
import type { Page } from './page-cache.ts'
import type { Steps } from './steps.ts'

/** Output of one trip to a thread, at least a chunk: so much goes on after a signal. */
const TRIP_BYTE_LENGTH = 4 * 1024 * 1024
const CHUNK_END = Uint8Array.from(SOZIP_CHUNK_END)
/** Chunks grow by less than this part when they cannot be compressed: what is longer is none. */
const MOST_EXPANSION = 1.01
const MOST_ADDED_BYTE_LENGTH = 1024

/** How a range is read. */
export interface ChunkedRead {
  /** Whole chunks go straight to the caller's memory; else all goes through the cache. */
  readonly around: boolean
  readonly crc: CrcMode
  /** Reads on where a chunk is not what the index says; returns the CRC-32 when its `own` is asked for. */
  readonly rest: (byteOffset: number, into: Uint8Array) => Steps<number>
}

/** Reads whole chunks of one member. */
export class ChunkReader {
  /** Of every chunk but the last. */
  readonly chunkByteLength: number
  readonly #range: DeflatedRange
  readonly #index: SozipIndex
  readonly #pool: InflatePool
  /** CRC-32 of the chunks that were inflated, NaN of the others. */
  readonly #crcs: Float64Array
  #unseen: number

  constructor(range: DeflatedRange, index: SozipIndex, pool: InflatePool) {
    this.#range = range
    this.#index = index
    this.#pool = pool
    this.chunkByteLength = index.chunkByteLength
    this.#crcs = new Float64Array(index.chunkByteOffsets.length).fill(Number.NaN)
    this.#unseen = this.#crcs.length
  }

  /** True when chunks can be kept as pages; else less than a chunk is better read by a cursor, which goes on where it stands. */
  get fitsCache(): boolean {
    return 2 * this.chunkByteLength <= this.#pool.cache.byteLength
  }

  /** Bytes of it in the cache, of `[start, end)`. */
  heldBetween(start: number, end: number): number {
    return this.#pool.cache.heldBetween(this, start, end)
  }

  /**
   * Reads a range; returns its CRC-32 when its `own` is asked for, else 0.
   *
   * @throws {@link IntegrityError} when with `running` all chunks have been seen, and their CRC-32 is not the member's; what
   * `rest` throws
   */
  *read(byteOffset: number, into: Uint8Array, { around, crc, rest }: ChunkedRead): Steps<number> {
    const own = (total: number, part: number, byteLength: number): number =>
      crc === 'own' ? combineCrc32(total, part, byteLength) : 0
    let total = 0
    let refusedUntil = 0
    for (let done = 0; done < into.byteLength; ) {
      const at = byteOffset + done
      const target = into.subarray(done)
      if (around && at % this.chunkByteLength === 0 && at >= refusedUntil) {
        const whole = yield* this.#wholeChunks(at, target, crc)
        total = own(total, whole.crc, whole.byteLength)
        done += whole.byteLength
        refusedUntil = whole.refusedUntil
        if (whole.byteLength > 0) continue
      }
      if (!this.fitsCache) {
        const part = target.subarray(0, this.chunkByteLength - (at % this.chunkByteLength))
        total = own(total, yield* rest(at, part), part.byteLength)
        done += part.byteLength
        continue
      }
      const page = yield* this.#page(at, crc)
      if (page === null) return own(total, yield* rest(at, target), target.byteLength)
      const from = at - page.byteOffset
      const piece = page.bytes.subarray(from, from + target.byteLength)
      target.set(piece)
      total = own(total, crc === 'own' ? crc32(piece) : 0, piece.byteLength)
      done += piece.byteLength
    }
    return total
  }

  /** The page with this byte, inflated unless it is in the cache; null when its chunk is not what the index says. */
  *#page(byteOffset: number, crc: CrcMode): Steps<Page | null> {
    const chunk = Math.floor(byteOffset / this.chunkByteLength)
    const held = this.#pool.cache.get(this, chunk)
    if (held !== undefined) return held
    const start = chunk * this.chunkByteLength
    const byteLength = Math.min(this.chunkByteLength, this.#range.uncompressedByteLength - start)
    const page = this.#pool.cache.newPage(this, chunk, byteLength, start)
    const crcs = yield* this.#inflate(chunk, chunk + 1, page.bytes, true)
    if (crcs === null) return null
    if (crc === 'running') this.#see(chunk, crcs)
    page.to = byteLength
    this.#pool.cache.put(page)
    return page
  }

  /**
   * Inflates all chunks that lie within `[start, start + into.byteLength)`, from one that begins at `start` on, into memory.
   * Returns how many bytes they have and their CRC-32: no bytes when the first chunk is longer than the memory, fewer where
   * one is not what the index says. It is among those up to `refusedUntil`.
   */
  *#wholeChunks(
    start: number,
    into: Uint8Array,
    crc: CrcMode,
  ): Steps<{ byteLength: number; crc: number; refusedUntil: number }> {
    const { chunkByteLength } = this
    const { uncompressedByteLength } = this.#range
    const end = start + into.byteLength
    const stop = end === uncompressedByteLength ? this.#crcs.length : Math.floor(end / chunkByteLength)
    const perTrip = Math.max(1, Math.floor(TRIP_BYTE_LENGTH / chunkByteLength))
    let done = 0
    let total = 0
    for (let chunk = start / chunkByteLength; chunk < stop; chunk += perTrip) {
      const next = Math.min(stop, chunk + perTrip)
      const byteLength = Math.min(next * chunkByteLength, uncompressedByteLength) - chunk * chunkByteLength
      const crcs = yield* this.#inflate(chunk, next, into.subarray(done, done + byteLength), crc !== 'none')
      if (crcs === null) return { byteLength: done, crc: total, refusedUntil: start + done + byteLength }
      if (crc === 'running') this.#see(chunk, crcs)
      if (crc === 'own') {
        for (const [i, one] of crcs.entries()) total = combineCrc32(total, one, this.#lengthOf(chunk + i))
      }
      done += byteLength
    }
    return { byteLength: done, crc: total, refusedUntil: 0 }
  }

  #lengthOf(chunk: number): number {
    const start = chunk * this.chunkByteLength
    return Math.min(this.chunkByteLength, this.#range.uncompressedByteLength - start)
  }

  /** Inflates chunks `[first, stop)`; returns the CRC-32 of each, or null when they are not what the index says. */
  *#inflate(first: number, stop: number, into: Uint8Array, withCrc: boolean): Steps<number[] | null> {
    const { chunkByteOffsets } = this.#index
    const { source, byteOffset, compressedByteLength } = this.#range
    const begin = (chunk: number): number => chunkByteOffsets[chunk] ?? compressedByteLength
    const most = into.byteLength * MOST_EXPANSION + (stop - first) * MOST_ADDED_BYTE_LENGTH
    if (begin(stop) - begin(first) > most || (first > 0 && begin(first) < CHUNK_END.length)) return null
    const blocks: Block[] = []
    for (let chunk = first; chunk < stop; chunk++) {
      const outputStart = (chunk - first) * this.chunkByteLength
      blocks.push({
        start: byteOffset + begin(chunk),
        end: byteOffset + begin(chunk + 1),
        outputStart,
        outputEnd: outputStart + this.#lengthOf(chunk),
        first: chunk === 0,
        last: chunk + 1 === chunkByteOffsets.length,
      })
    }
    return yield* inflateBlocks({ source, blocks, output: into, before: CHUNK_END, withCrc, spare: this.#pool })
  }

  /** Takes note of what was inflated; once it was all, the member's CRC-32 has to come of it. */
  #see(first: number, crcs: readonly number[]): void {
    if (this.#unseen === 0) return
    for (const [i, crc] of crcs.entries()) {
      if (Number.isNaN(this.#crcs[first + i])) this.#unseen--
      this.#crcs[first + i] = crc
    }
    if (this.#unseen > 0) return
    let found = 0
    this.#crcs.forEach((crc, chunk) => {
      found = combineCrc32(found, crc, this.#lengthOf(chunk))
    })
    const { crc32: expected, source, member } = this.#range
    if (found === expected) return
    throw new IntegrityError('crc-32', { expected: hex(expected), found: hex(found), path: source.path, member })
  }
}
