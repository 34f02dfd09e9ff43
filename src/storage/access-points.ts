// Where inflating a foreign deflate stream can start again: block boundaries with the output before them (zran's method).
// Recorded while the stream is first passed, at a distance; the outputs are kept deflated once memory gets short, where that
// pays: deflating all of them takes half as long as the pass itself.

import { deflateRaw, inflateRawSync } from 'node:zlib'
import { inPool } from './threads.ts'

/** The most output that deflate refers back to. */
export const WINDOW_BYTE_LENGTH = 32_768
/** A window is kept deflated when that takes off this part of it. */
const WORTHWHILE_GAIN = 0.15
/** After so many windows in a row that did not shrink, only every so manieth is tried. */
const FAILURES_BEFORE_SAMPLING = 2
const SAMPLING = 32
/** Windows are deflated from this part of their budget on. */
const SHORT_OF_MEMORY = 0.5
/** Below this many points, thinning them out saves nothing worth having. */
const FEWEST_POINTS = 8

/** A place to start at. */
export interface RestartPoint {
  /** Bytes of output before it. */
  readonly byteOffset: number
  /** Bytes of the compressed data before it, the byte that it starts in included. */
  readonly compressedByteOffset: number
  /** How many upper bits of `byte` belong to what follows. */
  readonly bits: number
  /** The last byte before `compressedByteOffset`. */
  readonly byte: number
  /** CRC-32 of all output before it, or null when nobody knows. */
  readonly crc: number | null
}

/** The beginning of every stream. */
export const BEGINNING: RestartPoint = { byteOffset: 0, compressedByteOffset: 0, bits: 0, byte: 0, crc: 0 }

/** A restart point with the output that it needs. */
export interface AccessPoint extends RestartPoint {
  /** The last output before the point, raw or deflated. */
  readonly window: Uint8Array
  readonly deflated: boolean
}

/** Memory that the windows of all members share. */
export class WindowBudget {
  readonly byteLength: number
  used = 0

  constructor(byteLength: number) {
    this.byteLength = byteLength
  }
}

/** The access points of one stream, in ascending order. */
export class AccessPoints {
  /** Bytes of output between points; grows when the windows outgrow their budget. */
  #spacing: number
  readonly #budget: WindowBudget
  readonly #points: AccessPoint[] = []
  #complete = false
  #failures = 0
  #compressing: Promise<void> | null = null
  /** Points from here on were not tried yet. */
  #untried = 0

  constructor(spacing: number, budget: WindowBudget) {
    this.#spacing = spacing
    this.#budget = budget
  }

  get points(): readonly AccessPoint[] {
    return this.#points
  }

  get spacing(): number {
    return this.#spacing
  }

  /** True when the whole stream was passed: there is nothing left to record. */
  get complete(): boolean {
    return this.#complete
  }

  /** The end of the stream was reached by a cursor that recorded all the way. */
  finish(): void {
    this.#complete = true
  }

  /** How far the stream is known: where the last point is. */
  get frontier(): number {
    return this.#points.at(-1)?.byteOffset ?? 0
  }

  /** The first boundary from this output position on is worth a point. */
  get due(): number {
    return this.#complete ? Number.POSITIVE_INFINITY : this.frontier + this.#spacing
  }

  /** The last point at or before an output position, or null for the beginning. */
  nearest(byteOffset: number): AccessPoint | null {
    const after = this.#firstAfter(byteOffset)
    return after === 0 ? null : this.#points[after - 1]!
  }

  /** The index of the first point past an output position. */
  #firstAfter(byteOffset: number): number {
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#points[middle]!.byteOffset <= byteOffset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Output positions of points inside `(start, end)`, ascending. */
  *between(start: number, end: number): Generator<number> {
    for (let i = this.#firstAfter(start); i < this.#points.length; i++) {
      const { byteOffset } = this.#points[i]!
      if (byteOffset >= end) return
      yield byteOffset
    }
  }

  /** Records a point; one that is not due is left out, for another cursor was faster. */
  add(point: Omit<AccessPoint, 'deflated'>): void {
    if (point.byteOffset < this.due) return
    this.#push({ ...point, deflated: false })
    if (this.#isShort) this.#compressing ??= this.#compress(() => this.#isShort)
  }

  /** Takes over the points of a whole stream, as they were recorded once. */
  restore(points: readonly AccessPoint[]): void {
    for (const point of points) this.#push(point)
    this.#untried = this.#points.length
    this.#complete = true
  }

  #push(point: AccessPoint): void {
    this.#points.push(point)
    this.#budget.used += point.window.byteLength
    while (this.#budget.used > this.#budget.byteLength && this.#points.length >= FEWEST_POINTS) this.#thin()
  }

  /** Every second point goes. */
  #thin(): void {
    const kept = this.#points.filter((_, index) => index % 2 === 1)
    this.#untried = Math.floor(this.#untried / 2)
    this.#budget.used -= this.#held()
    this.#points.splice(0, this.#points.length, ...kept)
    this.#budget.used += this.#held()
    this.#spacing *= 2
  }

  #held(): number {
    return this.#points.reduce((sum, { window }) => sum + window.byteLength, 0)
  }

  /** Lets go of its share of the budget. */
  close(): void {
    this.#budget.used -= this.#held()
    this.#points.length = 0
    this.#complete = true
  }

  get #isShort(): boolean {
    return this.#budget.used > this.#budget.byteLength * SHORT_OF_MEMORY
  }

  /** Resolves when no window is being deflated. */
  async settled(): Promise<void> {
    await this.#compressing
  }

  /** Resolves when the windows recorded so far are as small as they get. */
  async shrink(): Promise<void> {
    while (this.#untried < this.#points.length) {
      this.#compressing ??= this.#compress(() => true)
      await this.#compressing
    }
    await this.#compressing
  }

  /** One window after the other, off this thread, as long as there is need. */
  async #compress(isNeeded: () => boolean): Promise<void> {
    while (this.#untried < this.#points.length && isNeeded()) {
      const point = this.#points[this.#untried++]!
      if (point.deflated) continue
      if (this.#failures >= FAILURES_BEFORE_SAMPLING && this.#untried % SAMPLING !== 0) continue
      const small = await inPool(() => deflated(point.window)).catch(() => null)
      if (small === null || small.byteLength > point.window.byteLength * (1 - WORTHWHILE_GAIN)) {
        this.#failures++
        continue
      }
      this.#failures = 0
      // Points may have gone meanwhile.
      const index = this.#points.indexOf(point)
      if (index < 0) continue
      this.#points[index] = { ...point, window: small, deflated: true }
      this.#budget.used -= point.window.byteLength - small.byteLength
    }
    this.#compressing = null
  }
}

function deflated(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflateRaw(bytes, { level: 1 }, (error, result) => {
      // Out of Node's pool of small buffers: a slice would keep the whole block.
      if (error === null) resolve(Uint8Array.from(result))
      else reject(error)
    })
  })
}

/** The output before a point; null for a window that does not inflate, from an index file of somebody else's. */
export function windowOf(point: AccessPoint): Uint8Array | null {
  if (!point.deflated) return point.window
  try {
    return inflateRawSync(point.window, { chunkSize: WINDOW_BYTE_LENGTH, maxOutputLength: WINDOW_BYTE_LENGTH })
  } catch {
    return null
  }
}
