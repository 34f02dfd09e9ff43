// A deflated member as a stream that can be entered in the middle: at the chunks of a seek index, at access points recorded
// while it was passed, or where an idle cursor stands.

import { ClosedError, IntegrityError } from '../errors.ts'
import type { SozipIndex } from '../format/sozip.ts'
import { type AccessPoint, type AccessPoints, BEGINNING, type RestartPoint, windowOf } from './access-points.ts'
import type { DeflatedRange, InflateCursor } from './inflate-cursor.ts'
import type { InflatePool } from './inflate-pool.ts'
import type { Steps } from './steps.ts'

/** What starting at a point costs, as bytes that could be inflated meanwhile. */
const RESTART_BYTE_LENGTH = 64 * 1024
/** Members up to this length are inflated from their beginning: looking for an index costs more. */
const SHORT_BYTE_LENGTH = 32 * 1024
/** Chunks longer than this are no better than access points. */
const MOST_CHUNK_BYTE_LENGTH = 4 * 1024 * 1024
const NO_WINDOW = new Uint8Array(0)

/** A deflated member, with the ways to start inside it. */
export interface DeflatedMember extends DeflatedRange {
  /** The seek index that the archive has for it; asked for once, when it is first needed. */
  readonly chunks?: () => SozipIndex | null
  /** Access points of the whole stream, recorded once before; asked for once. */
  readonly saved?: () => readonly AccessPoint[] | null
  /** Called when all access points of the member are known. */
  readonly onIndexed?: (points: AccessPoints) => void
}

/** Hands out cursors in a deflated member. */
export class DeflatedStream {
  readonly member: DeflatedMember
  readonly #pool: InflatePool
  #chunks: SozipIndex | null | undefined
  #points: AccessPoints | null = null
  #told = false
  #damage: IntegrityError | null = null

  constructor(member: DeflatedMember, pool: InflatePool) {
    this.member = member
    this.#pool = pool
  }

  /** True when any part can be had without inflating all before it. */
  get seekable(): boolean {
    this.#findRestarts()
    return this.#chunks !== null || this.#points?.complete === true
  }

  /** True where there is a seek index: what is not passed yet can be entered all the same. */
  get isChunked(): boolean {
    this.#findRestarts()
    return this.#chunks !== null
  }

  /** The seek index; null where there is none, or none that is worth it. */
  get chunks(): SozipIndex | null {
    this.#findRestarts()
    return this.#chunks ?? null
  }

  /** The access points, where it has such; null where there is a seek index, and where the inflater knows no points. */
  get points(): AccessPoints | null {
    this.#findRestarts()
    return this.#points
  }

  /** True once the member was found to disagree with its CRC-32 or length: it gives nothing any more. */
  get damaged(): boolean {
    return this.#damage !== null
  }

  /** Throws {@link ClosedError} after the archive was closed, {@link IntegrityError} for a member found damaged. */
  requireUsable(): void {
    const { source } = this.member
    if (source.closed) throw new ClosedError('array', { path: source.path })
    if (this.#damage !== null) throw this.#damage
  }

  /** Learns where the stream can be started, at the first need. */
  #findRestarts(): void {
    if (this.#chunks !== undefined) return
    const chunks = this.member.chunks?.() ?? null
    this.#chunks = chunks !== null && chunks.chunkByteLength <= MOST_CHUNK_BYTE_LENGTH ? chunks : null
    if (this.#chunks !== null || !this.#pool.native) return
    this.#points = this.#pool.newPoints()
    const saved = this.member.saved?.() ?? null
    if (saved === null) return
    this.#points.restore(saved)
    this.#told = true
  }

  /** The restart point nearest before a position, and the output that it needs. */
  #restartBefore(position: number): { point: RestartPoint; window: () => Uint8Array | null } {
    if (this.#chunks) {
      const { chunkByteLength, chunkByteOffsets } = this.#chunks
      const chunk = Math.floor(position / chunkByteLength)
      const compressedByteOffset = chunkByteOffsets[chunk] ?? 0
      const found = { byteOffset: chunk * chunkByteLength, compressedByteOffset, bits: 0, byte: 0, crc: null }
      return { point: chunk === 0 ? BEGINNING : found, window: () => NO_WINDOW }
    }
    const point = this.#points?.nearest(position) ?? null
    return point === null ? { point: BEGINNING, window: () => NO_WINDOW } : { point, window: () => windowOf(point) }
  }

  /** The cursor nearest before a range, for this caller alone. */
  *#cursorFor(position: number, end: number): Steps<InflateCursor> {
    if (end > SHORT_BYTE_LENGTH) this.#findRestarts()
    const { point, window } = this.#restartBefore(position)
    const idle = this.#pool.nearest(this, position)
    // One that began without regard to chunks may have read past the end of its own.
    const fits = idle !== null && (idle.chunks === (this.#chunks ?? null) || idle.chunks !== null)
    const near = fits && idle.position + RESTART_BYTE_LENGTH >= point.byteOffset
    if (near) this.#pool.take(idle)
    const cursor = near ? idle : this.#pool.any()
    cursor.chunks = this.#chunks ?? null
    cursor.points = this.#points
    cursor.aim = end
    if (cursor.crcStart !== 0) cursor.crc = null
    if (near) return cursor
    const before = window()
    yield* cursor.restart(this, this.member, before === null ? BEGINNING : point, before ?? NO_WINDOW)
    return cursor
  }

  /** Does something in a range with a cursor before it, and gives that back whatever happens. */
  *withCursor<T>(position: number, end: number, use: (cursor: InflateCursor) => Steps<T>): Steps<T> {
    const cursor = yield* this.#cursorFor(position, end)
    let spent = true
    try {
      const result = yield* this.watch(use(cursor))
      spent = cursor.position === this.member.uncompressedByteLength
      return result
    } finally {
      this.#pool.release(cursor, spent)
      this.#tell()
    }
  }

  /** Does something with the stream's data: once that is found damaged, there is no more of it. */
  *watch<T>(steps: Steps<T>): Steps<T> {
    try {
      return yield* steps
    } catch (error) {
      if (error instanceof IntegrityError) this.#damage = error
      throw error
    }
  }

  #tell(): void {
    if (this.#told || this.#points?.complete !== true || this.#damage !== null) return
    this.#told = true
    this.member.onIndexed?.(this.#points)
  }

  /** Positions inside `(start, end)` where the stream can be entered now, ascending. */
  restartsBetween(start: number, end: number): Iterable<number> {
    this.#findRestarts()
    if (this.#chunks) return multiples(this.#chunks.chunkByteLength, start, end)
    return this.#points?.between(start, end) ?? []
  }
}

function* multiples(step: number, start: number, end: number): Generator<number> {
  for (let at = (Math.floor(start / step) + 1) * step; at < end; at += step) yield at
}
