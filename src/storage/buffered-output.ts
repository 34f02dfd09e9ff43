// Writing through two bounded buffers: one fills while the other is on its way to the disk.

import { alignedBytes, staysMapped } from './memory.ts'
import { fromNodeError } from './os.ts'
import type { OutputSystem } from './output.ts'
import { WriteRoute } from './write-route.ts'

/** Bytes of each of the two buffers; longer writes go past them. */
export const BUFFER_BYTE_LENGTH: number = 1024 * 1024
/** Of each buffer once a file has grown long and its bytes go past the page cache: fewer, longer writes. */
const DIRECT_BUFFER_BYTE_LENGTH = 4 * 1024 * 1024
/** Addresses, offsets and lengths past the page cache are multiples of this: the largest block that devices have. */
const ALIGNMENT = 4096

/** Appends bytes to an open file. Once a write has failed, every later call throws the same error. */
export class BufferedOutput {
  readonly #system: OutputSystem
  readonly #fd: number
  readonly #path: string
  readonly #route: WriteRoute
  #buffer: Uint8Array = new Uint8Array(BUFFER_BYTE_LENGTH)
  #spare: Uint8Array = new Uint8Array(BUFFER_BYTE_LENGTH)
  #buffered = 0
  /** How far the buffer may be filled. */
  #limit = BUFFER_BYTE_LENGTH
  /** Where in the file the buffer's first byte goes. */
  #byteOffset: number
  #inFlight: Promise<void> | null = null
  #failure: unknown = null
  #isDirect = false

  /** `durable` tells that the file will be synced: then there is nothing to gain from the page cache. */
  constructor(system: OutputSystem, fd: number, byteOffset: number, path: string, durable = true) {
    this.#system = system
    this.#fd = fd
    this.#byteOffset = byteOffset
    this.#path = path
    this.#route = new WriteRoute(durable)
  }

  /** Where the next byte goes, in bytes from the start of the file. */
  get byteOffset(): number {
    return this.#byteOffset + this.#buffered
  }

  /** Takes the bytes at once when they fit in the buffer; true then, and the caller may reuse them. */
  take(bytes: Uint8Array): boolean {
    if (this.#failure !== null) throw this.#failure
    if (bytes.byteLength > this.#limit - this.#buffered) return false
    this.#buffer.set(bytes, this.#buffered)
    this.#buffered += bytes.byteLength
    return true
  }

  /** Takes any number of bytes; resolves when they are in a buffer or in the file. One call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.take(bytes)) return
    // Before the first await: a chunk that is detached while it is written has no length any more.
    const { byteLength } = bytes
    if (byteLength >= BUFFER_BYTE_LENGTH && this.#route.route === 'cached') {
      await this.#flush()
      await this.#settle()
      if (bytes.byteLength !== byteLength) throw new TypeError('write: the chunk was detached while it was written')
      const isKept = staysMapped(bytes)
      await this.#send(bytes, this.#byteOffset)
      if (bytes.byteLength !== byteLength && !isKept) {
        // Whatever was in its place went into the file.
        this.#failure = new TypeError('write: the chunk was detached while it was written')
        throw this.#failure
      }
      this.#byteOffset += byteLength
      this.#startBuffer()
      return
    }
    for (let done = 0; done < byteLength; ) {
      if (bytes.byteLength !== byteLength) throw new TypeError('write: the chunk was detached while it was written')
      const piece = bytes.subarray(done, done + this.#limit - this.#buffered)
      this.take(piece)
      done += piece.byteLength
      if (this.#buffered === this.#limit) await this.#flush()
    }
  }

  /** Resolves when everything taken so far is in the file (not yet durable), and any other write may follow. */
  async drain(): Promise<void> {
    try {
      await this.#flush()
      await this.#settle()
    } finally {
      this.#setDirect(false)
    }
  }

  /** Sends the buffer on its way, once the one before has arrived. */
  async #flush(): Promise<void> {
    await this.#settle()
    if (this.#buffered === 0) return
    const full = this.#buffer.subarray(0, this.#buffered)
    const byteOffset = this.#byteOffset
    ;[this.#buffer, this.#spare] = [this.#spare, this.#buffer]
    this.#byteOffset += this.#buffered
    this.#buffered = 0
    this.#startBuffer()
    this.#inFlight = this.#send(full, byteOffset)
    // It is awaited by the next call, which tells of its failure.
    this.#inFlight.catch(() => {})
  }

  /** Past the page cache a buffer ends at a multiple of the alignment, so that the next one starts there. */
  #startBuffer(): void {
    if (this.#route.route === 'direct' && this.#buffer.byteLength < DIRECT_BUFFER_BYTE_LENGTH) {
      const aligned = alignedBytes(DIRECT_BUFFER_BYTE_LENGTH, ALIGNMENT)
      if (aligned === null) this.#route.refuseDirect()
      else this.#buffer = aligned
    }
    const { byteLength } = this.#buffer
    this.#limit = this.#route.route === 'direct' ? byteLength - (this.#byteOffset % ALIGNMENT) : byteLength
  }

  async #settle(): Promise<void> {
    const inFlight = this.#inFlight
    this.#inFlight = null
    if (inFlight !== null) await inFlight
    if (this.#failure !== null) throw this.#failure
  }

  async #send(bytes: Uint8Array, byteOffset: number): Promise<void> {
    const { byteLength } = bytes
    const aligned = byteOffset % ALIGNMENT === 0 && byteLength % ALIGNMENT === 0
    // Of our buffers only the long ones lie at a multiple of the alignment.
    const long = bytes.buffer.byteLength > DIRECT_BUFFER_BYTE_LENGTH
    this.#setDirect(this.#route.route === 'direct' && aligned && long)
    const start = performance.now()
    try {
      try {
        await this.#system.write(this.#fd, bytes, byteOffset)
      } catch (error) {
        // File systems may take the flag and refuse the write.
        if (!this.#isDirect || (error as { code?: unknown }).code !== 'EINVAL') throw error
        this.#route.refuseDirect()
        this.#setDirect(false)
        await this.#system.write(this.#fd, bytes, byteOffset)
      }
    } catch (error) {
      this.#failure = fromNodeError(error, this.#path)
      throw this.#failure
    }
    this.#route.note(byteLength, performance.now() - start)
  }

  #setDirect(direct: boolean): void {
    if (direct === this.#isDirect) return
    if (this.#system.setDirect(this.#fd, direct)) this.#isDirect = direct
    else if (direct) this.#route.refuseDirect()
  }
}
