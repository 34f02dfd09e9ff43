// Ranges of a deflated member inflated straight into the caller's memory, around the cache: in parallel where there are
// several restart points, in one go where all of a member is wanted and a codec does that.

import { combineCrc32 } from '../format/crc32-combine.ts'
import { inflateBlocks, inflatesInPlace } from './block-inflater.ts'
import type { ChunkReader } from './chunk-reader.ts'
import type { DeflatedStream } from './deflated-stream.ts'
import type { CrcMode } from './inflate-cursor.ts'
import type { InflatePool } from './inflate-pool.ts'
import { populate } from './memory.ts'
import { runLater, type Steps } from './steps.ts'
import { defaultThreads } from './threads.ts'

/** The least output of a piece that is inflated in parallel with others. */
const PIECE_BYTE_LENGTH = 1024 * 1024

/** Pieces of a range of a member in chunks. */
const CHUNKED_PIECES = 128

/** Memory is found ahead for data that grows by less. */
const POPULATED_EXPANSION = 64
/** Threads with zlib, from access points, that are quicker than one with a codec for whole blocks. */
const QUICKER_THREADS = 3
/** Of members that are inflated in one go: nothing ends that, no signal and no `close()`. */
const MOST_WHOLE_BYTE_LENGTH = 4 * 1024 ** 3

/** How a range is inflated. */
export interface InflateOptions {
  readonly signal?: AbortSignal | undefined
  /** `running` when left out. */
  readonly crc?: CrcMode | undefined
  /** Pieces inflated at once; as many as the pool of the archive does when left out. */
  readonly threads?: number | undefined
}

/** What inflates: a stream, what it shares with others, and its chunks where they can be inflated as a whole. */
export interface Inflating {
  readonly stream: DeflatedStream
  readonly pool: InflatePool
  readonly chunks: ChunkReader | null
}

/** Does some work on a stream off this thread, as long as it is usable and the signal lets it. */
export function later<T>(stream: DeflatedStream, steps: Steps<T>, { signal }: InflateOptions = {}): Promise<T> {
  return runLater(steps, () => {
    stream.requireUsable()
    signal?.throwIfAborted()
  })
}

/** Inflates a range from the cursor or restart point before it; returns the CRC-32 that the mode asks for, or 0. */
export function inflateTo(
  stream: DeflatedStream,
  byteOffset: number,
  into: Uint8Array,
  crc: CrcMode = 'running',
): Steps<number> {
  return stream.withCursor(byteOffset, byteOffset + into.byteLength, function* (cursor) {
    yield* cursor.skip(byteOffset)
    if (crc === 'own') cursor.startCrc()
    if (crc === 'none') cursor.crc = null
    yield* cursor.fill(into)
    return cursor.crc ?? 0
  })
}

/** Inflates a range chunk by chunk; what is not as the seek index says, from a cursor. Returns as {@link inflateTo}. */
export function readChunks(
  stream: DeflatedStream,
  chunks: ChunkReader,
  byteOffset: number,
  into: Uint8Array,
  { around, crc }: { readonly around: boolean; readonly crc: CrcMode },
): Steps<number> {
  const rest = (at: number, target: Uint8Array): Steps<number> => inflateTo(stream, at, target, crc)
  return stream.watch(chunks.read(byteOffset, into, { around, crc, rest }))
}

/**
 * Inflates a range into memory, around the cache, in parallel from its restart points. Settles when no thread writes to
 * the memory any more. Resolves to the CRC-32 of the range when its `own` is asked for, else to 0.
 */
export async function inflateAround(
  inflating: Inflating,
  byteOffset: number,
  into: Uint8Array,
  options: InflateOptions,
): Promise<number> {
  // A few bytes that claim to become many may not be what they claim: then memory is taken as it is filled.
  const { compressedByteLength } = inflating.stream.member
  let working = true
  const ahead = into.byteLength <= compressedByteLength * POPULATED_EXPANSION ? populate(into, () => working) : null
  try {
    return await inflateInto(inflating, byteOffset, into, options)
  } finally {
    working = false
    await ahead
  }
}

async function inflateInto(
  inflating: Inflating,
  byteOffset: number,
  into: Uint8Array,
  options: InflateOptions,
): Promise<number> {
  const { stream, pool, chunks } = inflating
  const whole = await inflateWhole(inflating, into, options)
  if (whole !== null) return whole
  const { crc = 'running' } = options
  const inFlight = Math.min(options.threads ?? pool.inFlight, pool.inFlight)
  // Chunks can be cut finely, so that no thread waits for the last piece; who begins at a point starts slowly.
  const pieces = inFlight === 1 ? 1 : chunks === null ? 4 * inFlight : CHUNKED_PIECES
  const ends = cuts(stream, byteOffset, byteOffset + into.byteLength, pieces)
  const crcs = new Array<number>(ends.length - 1).fill(0)
  // The last piece may go on for long where no point is known yet: it is started first.
  const order = [ends.length - 2, ...crcs.keys()].slice(0, crcs.length)
  let failed = false
  const worker = async (): Promise<void> => {
    for (let piece = order.shift(); piece !== undefined && !failed; piece = order.shift()) {
      const [start, stop] = [ends[piece]!, ends[piece + 1]!]
      const target = into.subarray(start - byteOffset, stop - byteOffset)
      const steps =
        chunks === null
          ? inflateTo(stream, start, target, crc)
          : readChunks(stream, chunks, start, target, { around: true, crc })
      try {
        crcs[piece] = await later(stream, steps, options)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(inFlight, crcs.length) }, worker)
  for (const result of await Promise.allSettled(workers)) if (result.status === 'rejected') throw result.reason
  if (crc !== 'own') return 0
  return crcs.reduce((all, next, i) => (i === 0 ? next : combineCrc32(all, next, ends[i + 1]! - ends[i]!)), 0)
}

/** All of a member in one go; null where that is not possible, not quicker, or takes too much memory. */
async function inflateWhole(
  { stream, pool, chunks }: Inflating,
  into: Uint8Array,
  options: InflateOptions,
): Promise<number | null> {
  const { source, byteOffset, compressedByteLength, uncompressedByteLength, onIndexed } = stream.member
  if (!pool.inBlocks || chunks !== null || (options.crc ?? 'running') === 'running') return null
  const indexed = stream.points?.complete === true
  // Who keeps an index beside the archive wants it made. Where it is made, enough inflaters at once are quicker.
  if (indexed ? defaultThreads() >= QUICKER_THREADS : onIndexed !== undefined) return null
  if (into.byteLength !== uncompressedByteLength || into.byteLength > MOST_WHOLE_BYTE_LENGTH) return null
  const [start, end] = [byteOffset, byteOffset + compressedByteLength]
  const block = { start, end, outputStart: 0, outputEnd: into.byteLength, first: true, last: true }
  const work = { source, blocks: [block], output: into, before: new Uint8Array(0), spare: null }
  const inflate = async (): Promise<number | null> => {
    const crcs = await later(stream, inflateBlocks({ ...work, withCrc: options.crc === 'own' }), options)
    return crcs === null ? null : crcs[0]!
  }
  return inflatesInPlace(source) ? inflate() : pool.withMemory(compressedByteLength, inflate)
}

/** Where a range is cut into about so many pieces, for working on them in parallel: its ends, and restart points between. */
function cuts(stream: DeflatedStream, start: number, end: number, pieces: number): number[] {
  const found = [start]
  if (pieces > 1 && end - start >= 2 * PIECE_BYTE_LENGTH) {
    const least = Math.max(PIECE_BYTE_LENGTH, (end - start) / pieces)
    for (const at of stream.restartsBetween(start, end)) {
      if (at - found.at(-1)! >= least && end - at >= PIECE_BYTE_LENGTH) found.push(at)
    }
  }
  found.push(end)
  return found
}
