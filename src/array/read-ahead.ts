// A walk whose next step is read while one is used: chunk by chunk, in bounded memory, off the main thread.

import { ClosedError } from '../errors.ts'
import { contiguousByteStrides } from '../layout/shape.ts'
import { HeapSource } from '../storage/heap.ts'
import { eachInFlight } from '../storage/threads.ts'
import { gatherInPieces } from './copy.ts'
import { slab } from './rows.ts'
import { runsOf } from './runs.ts'
import { allocate, type StridedArray, sizeOf } from './strided-array.ts'

/** Where a chunk is: its core `start` to `stop`, and with the overlap `low` to `high`. */
export interface ChunkBounds {
  readonly start: number
  readonly stop: number
  readonly low: number
  readonly high: number
}

/** How chunks are read ahead. */
interface ReadAheadOptions {
  readonly axis: number
  readonly threads: number
  readonly signal: AbortSignal | undefined
}

/** A chunk that is in memory. */
interface ReadyChunk {
  readonly bounds: ChunkBounds
  readonly part: StridedArray
}

/** How the bytes of chunks come to memory, and go. */
interface Supply {
  /** Resolves to the elements of a part of the array, in memory. */
  bring(part: StridedArray, signal: AbortSignal): Promise<StridedArray>
  /** Nobody uses the elements any more; `next` is what comes after them. */
  release(brought: StridedArray, next: StridedArray | undefined): void
}

/** Chunks on their way while one is used. */
const DEPTH = 1

/** Yields the parts of an array within the bounds, in order. Ends when nothing is on its way any more. */
export async function* readAhead(
  array: StridedArray,
  bounds: Iterable<ChunkBounds>,
  { axis, threads, signal }: ReadAheadOptions,
): AsyncGenerator<ReadyChunk, void, undefined> {
  signal?.throwIfAborted()
  const end = new AbortController()
  const abort = (): void => end.abort(signal?.reason)
  let supply: Supply | undefined
  const rest = bounds[Symbol.iterator]()
  const ahead: { bounds: ChunkBounds; part: StridedArray; brought: Promise<StridedArray> }[] = []
  const start = (): void => {
    const next = rest.next()
    if (next.done === true) return
    const part = slab(array, axis, next.value.low, next.value.high)
    supply ??= supplyFor(part, threads)
    const brought = supply.bring(part, end.signal)
    // It is awaited in its turn, which tells of its failure.
    brought.catch(() => {})
    ahead.push({ bounds: next.value, part, brought })
  }
  signal?.addEventListener('abort', abort, { once: true })
  try {
    for (let i = 0; i <= DEPTH; i++) start()
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      const part = await next.brought
      end.signal.throwIfAborted()
      if (array.source.closed) throw new ClosedError('array', { path: array.source.path })
      yield { bounds: next.bounds, part }
      supply?.release(part, ahead[0]?.part)
      start()
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    end.abort()
    await Promise.allSettled(ahead.map(({ brought }) => brought))
  }
}

/** `first` is the first part: the others lie alike. */
function supplyFor(first: StridedArray, threads: number): Supply {
  const { kind, writable } = first.source
  if (kind === 'heap') return { bring: async (part) => part, release: () => {} }
  // Elements that lie scattered are better copied once; but what is written to a writable array has to go to the file.
  if (kind === 'mapped' && (writable || runsOf(first) !== null)) return new InPlace(threads)
  return new Copies(threads, kind === 'inflated')
}

/** Elements where they are, in a mapping: pages are read ahead, and let go of behind. */
class InPlace implements Supply {
  readonly #threads: number

  constructor(threads: number) {
    this.#threads = threads
  }

  async bring(part: StridedArray, signal: AbortSignal): Promise<StridedArray> {
    const runs = runsOf(part)
    const { source } = part
    if (runs === null) {
      // Touching the elements reads their pages, and no others.
      await gatherInPieces(part, allocate(part, 'chunks'), 1, { threads: this.#threads, signal })
    } else {
      // One run is shared out; of many, some are read at once.
      const options = { threads: runs.length === 1 ? this.#threads : 1, signal }
      await eachInFlight(runs, this.#threads, ({ low, high }) => source.prefetch(low, high - low, options))
    }
    return part
  }

  release(brought: StridedArray, next: StridedArray | undefined): void {
    const runs = runsOf(brought)
    const keep = next === undefined ? null : runsOf(next)
    // Elements that lie scattered share their pages with the next ones.
    if (runs === null || (next !== undefined && keep?.length !== runs.length)) return
    for (const [i, { low, high }] of runs.entries()) {
      const kept = keep?.[i]
      // Where the next ones overlap these, or start in their last page.
      const from = kept !== undefined && kept.low < low ? Math.max(low, kept.high) : low
      const to = kept !== undefined && kept.low >= low ? Math.min(high, kept.low) : high
      if (to > from) brought.source.release(from, to - from)
    }
  }
}

/** Copies of elements that are not in memory, in buffers that are used again. */
class Copies implements Supply {
  readonly #threads: number
  readonly #inOrder: boolean
  #last: Promise<unknown> = Promise.resolve()
  #spare: Uint8Array<ArrayBuffer>[] = []

  /** `inOrder` for sources that are read from front to back: two reads at once would both start far before. */
  constructor(threads: number, inOrder: boolean) {
    this.#threads = threads
    this.#inOrder = inOrder
  }

  async bring(part: StridedArray, signal: AbortSignal): Promise<StridedArray> {
    const { shape, dtype, source } = part
    const byteLength = sizeOf(shape) * dtype.itemSize
    const options = { threads: this.#threads, signal }
    const fitting = this.#spare.findIndex((spare) => spare.byteLength >= byteLength)
    const buffer = fitting < 0 ? allocate(part, 'chunks') : this.#spare.splice(fitting, 1)[0]!
    const bytes = buffer.subarray(0, byteLength)
    const before = this.#last
    const read = async (): Promise<void> => {
      if (this.#inOrder) await before
      await gatherInPieces(part, bytes, 1, options)
    }
    const reading = read()
    this.#last = reading
    await reading
    const byteStrides = contiguousByteStrides(shape, dtype.itemSize, 'C')
    return { source: new HeapSource(bytes, source.path, false), dtype, shape, byteStrides, byteOffset: 0 }
  }

  release(brought: StridedArray): void {
    const source = brought.source as HeapSource
    const buffer = detached(source.bytes)
    source.close()
    if (buffer !== null) this.#spare.push(buffer)
  }
}

/**
 * The memory, for other use: who still has a typed array over it finds that empty, not changed. Null when it cannot be had,
 * for it was transferred away.
 */
function detached(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  const { buffer } = bytes
  if (buffer.byteLength === 0) return null
  try {
    return new Uint8Array(structuredClone(buffer, { transfer: [buffer] }))
  } catch {
    // Marked as untransferable by somebody who has plans for it.
    return null
  }
}
