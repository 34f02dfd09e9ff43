// What inflates, behind one interface: the host's zlib through the addon, or fflate.

import { type Addon, type InflaterHandle, loadAddon } from '../native/binding.ts'
import { FflateInflater } from './fflate-inflater.ts'
import { inPool } from './threads.ts'

/** Compressed bytes; `last` when the compressed data ends with them. */
export interface InflaterInput {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly last: boolean
}

/** Room for output. */
export interface InflaterOutput {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** What a run did. */
export interface InflaterOutcome {
  readonly consumed: number
  readonly produced: number
  /** The stream ended. */
  readonly ended: boolean
  /** Unused bits of the last byte consumed where it stopped at a block boundary; else -1. */
  readonly boundaryBits: number
  /** CRC-32 of the output, when it was asked for. */
  readonly crc: number
}

/** A raw deflate stream being inflated. */
export interface Inflater {
  /** True when it stops at block boundaries and can start there: its window can be had. */
  readonly boundaries: boolean
  /** True when asynchronous runs are off this thread. */
  readonly offThread: boolean
  /** The most output to ask of one run, in bytes. */
  readonly mostOutput: number
  /** Of the last run. */
  readonly outcome: InflaterOutcome
  reset(bits: number, byte: number, window: Uint8Array): void
  /** 0, or a negative errno; -EILSEQ for what is no deflate. */
  run(input: InflaterInput, output: InflaterOutput, boundaryAfter: number, withCrc: boolean): number
  runAsync(input: InflaterInput, output: InflaterOutput, boundaryAfter: number, withCrc: boolean): Promise<number>
  /** The last output, up to 32 KiB; returns how much. */
  window(into: Uint8Array): number
}

class NativeInflater implements Inflater {
  readonly boundaries = true
  readonly offThread = true
  readonly mostOutput: number = 1024 * 1024
  readonly #addon: Addon
  readonly #handle: InflaterHandle
  readonly #result = new Float64Array(5)

  constructor(addon: Addon) {
    const handle = addon.inflater()
    if (typeof handle === 'number') throw new RangeError(`inflate: no memory for an inflater (errno ${handle})`)
    this.#addon = addon
    this.#handle = handle
  }

  get outcome(): InflaterOutcome {
    const [consumed, produced, ended, boundaryBits, crc] = this.#result as unknown as [
      number,
      number,
      number,
      number,
      number,
    ]
    return { consumed, produced, ended: ended === 1, boundaryBits, crc }
  }

  reset(bits: number, byte: number, window: Uint8Array): void {
    const status = this.#addon.inflaterReset(this.#handle, bits, byte, window)
    if (status !== 0) throw new Error(`inflate: no restart there (errno ${status})`)
  }

  run(input: InflaterInput, output: InflaterOutput, boundaryAfter: number, withCrc: boolean): number {
    return this.#addon.inflate(
      this.#handle,
      input.bytes,
      input.start,
      input.end,
      output.bytes,
      output.start,
      output.end,
      boundaryAfter,
      withCrc,
      this.#result,
    )
  }

  async runAsync(
    input: InflaterInput,
    output: InflaterOutput,
    boundaryAfter: number,
    withCrc: boolean,
  ): Promise<number> {
    return inPool(() =>
      this.#addon.inflateAsync(
        this.#handle,
        input.bytes,
        input.start,
        input.end,
        output.bytes,
        output.start,
        output.end,
        boundaryAfter,
        withCrc,
        this.#result,
      ),
    )
  }

  window(into: Uint8Array): number {
    return this.#addon.inflaterWindow(this.#handle, into)
  }
}

/** True when the addon inflates here: off this thread, and with access points. */
export function hasNativeInflate(): boolean {
  return loadAddon()?.hasInflate === true
}

/** A stream at its beginning. */
export function newInflater(): Inflater {
  const addon = loadAddon()
  return addon?.hasInflate === true ? new NativeInflater(addon) : new FflateInflater()
}
