// Writing through two bounded buffers: one fills while the other is on its way to the disk.

import { fromNodeError } from './os.ts'
import type { OutputSystem } from './output.ts'

/** Bytes of each of the two buffers; longer writes go past them. */
export const BUFFER_BYTE_LENGTH: number = 1024 * 1024

/** Appends bytes to an open file. Once a write has failed, every later call throws the same error. */
export class BufferedOutput {
  readonly #system: OutputSystem
  readonly #fd: number
  readonly #path: string
  #buffer: Uint8Array = new Uint8Array(BUFFER_BYTE_LENGTH)
  #spare: Uint8Array = new Uint8Array(BUFFER_BYTE_LENGTH)
  #buffered = 0
  /** Where in the file the buffer's first byte goes. */
  #byteOffset: number
  #inFlight: Promise<void> | null = null
  #failure: unknown = null

  constructor(system: OutputSystem, fd: number, byteOffset: number, path: string) {
    this.#system = system
    this.#fd = fd
    this.#byteOffset = byteOffset
    this.#path = path
  }

  /** Where the next byte goes, in bytes from the start of the file. */
  get byteOffset(): number {
    return this.#byteOffset + this.#buffered
  }

  /** Takes the bytes at once when they fit in the buffer; true then, and the caller may reuse them. */
  take(bytes: Uint8Array): boolean {
    if (this.#failure !== null) throw this.#failure
    if (bytes.byteLength > BUFFER_BYTE_LENGTH - this.#buffered) return false
    this.#buffer.set(bytes, this.#buffered)
    this.#buffered += bytes.byteLength
    return true
  }

  /** Takes any number of bytes; resolves when they are in a buffer or in the file. One call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.take(bytes)) return
    // Before the first await: a chunk that is detached while it is written has no length any more.
    const { byteLength } = bytes
    if (byteLength >= BUFFER_BYTE_LENGTH) {
      await this.drain()
      await this.#send(bytes, this.#byteOffset)
      this.#byteOffset += byteLength
      return
    }
    const room = BUFFER_BYTE_LENGTH - this.#buffered
    this.take(bytes.subarray(0, room))
    await this.#startFlush()
    this.take(bytes.subarray(room))
  }

  /** Resolves when everything taken so far is in the file (not yet durable). */
  async drain(): Promise<void> {
    await this.#startFlush()
    await this.#settle()
  }

  /** Sends the buffer on its way, once the one before has arrived. */
  async #startFlush(): Promise<void> {
    await this.#settle()
    if (this.#buffered === 0) return
    const full = this.#buffer.subarray(0, this.#buffered)
    const byteOffset = this.#byteOffset
    ;[this.#buffer, this.#spare] = [this.#spare, this.#buffer]
    this.#byteOffset += this.#buffered
    this.#buffered = 0
    this.#inFlight = this.#send(full, byteOffset)
    // It is awaited by the next call, which tells of its failure.
    this.#inFlight.catch(() => {})
  }

  async #settle(): Promise<void> {
    const inFlight = this.#inFlight
    this.#inFlight = null
    if (inFlight !== null) await inFlight
    if (this.#failure !== null) throw this.#failure
  }

  async #send(bytes: Uint8Array, byteOffset: number): Promise<void> {
    try {
      await this.#system.write(this.#fd, bytes, byteOffset)
    } catch (error) {
      this.#failure = fromNodeError(error, this.#path)
      throw this.#failure
    }
  }
}
