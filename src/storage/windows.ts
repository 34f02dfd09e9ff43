// Windows: ArrayBuffers over parts of a mapping. Made when someone asks for a typed array, and kept: each is charged to
// V8 in full, and there must never be two at one start.

import { constants } from 'node:buffer'
import type { Addon, MappingHandle } from '../native/binding.ts'

/** The longest ArrayBuffer over foreign memory that this runtime makes: 4 GiB on Node 20. */
export const MAX_WINDOW_BYTE_LENGTH: number = constants.MAX_LENGTH
/** Where one window cannot hold the file, windows start at multiples of this, half of 4 GiB: they overlap. */
const WINDOW_STEP = 2 * 1024 * 1024 * 1024

/** Bytes `start` to `end` of the file. */
export interface Window {
  readonly start: number
  readonly end: number
  readonly view: DataView
}

/** The windows of one mapping. */
export class Windows {
  readonly #addon: Addon
  readonly #handle: MappingHandle
  readonly #byteLength: number
  readonly #windows = new Map<number, Window>()

  constructor(addon: Addon, handle: MappingHandle, byteLength: number) {
    this.#addon = addon
    this.#handle = handle
    this.#byteLength = byteLength
  }

  /**
   * A window that holds the range: one for the whole file where the runtime allows it, else one of a row of overlapping
   * ones, else one that starts at the range itself. Each is as long as it can be, so none is ever needed twice at one
   * start. Null when the range is too long, or the runtime forbids such memory.
   */
  holding(byteOffset: number, byteLength: number): Window | null {
    if (this.#byteLength <= MAX_WINDOW_BYTE_LENGTH) return this.#at(0)
    const start = byteOffset - (byteOffset % WINDOW_STEP)
    if (byteOffset + byteLength - start <= MAX_WINDOW_BYTE_LENGTH) return this.#at(start)
    return byteLength <= MAX_WINDOW_BYTE_LENGTH ? this.#at(byteOffset) : null
  }

  #at(start: number): Window | null {
    const cached = this.#windows.get(start)
    if (cached !== undefined) return cached
    const byteLength = Math.min(MAX_WINDOW_BYTE_LENGTH, this.#byteLength - start)
    const buffer = byteLength === 0 ? new ArrayBuffer(0) : this.#addon.window(this.#handle, start, byteLength)
    if (typeof buffer === 'number') return null
    const window = { start, end: start + byteLength, view: new DataView(buffer) }
    this.#windows.set(start, window)
    return window
  }

  clear(): void {
    this.#windows.clear()
  }
}

/** True when its buffer was transferred: it has no bytes any more, whatever it had. */
export function isDetached(window: Window): boolean {
  return window.end > window.start && window.view.buffer.byteLength === 0
}
