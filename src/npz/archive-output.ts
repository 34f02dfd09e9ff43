// The file that an archive is written to: bytes at its end, and patches of the member that is being written.

import { BufferedOutput } from '../storage/buffered-output.ts'
import { fromNodeError } from '../storage/os.ts'
import type { OutputSystem } from '../storage/output.ts'

/** Members up to this long are patched before they go to the file: one write for many small members. */
const HELD_BYTE_LENGTH = 256 * 1024

/** Appends members to an open file. One call at a time. */
export class ArchiveOutput {
  readonly #system: OutputSystem
  readonly #fd: number
  readonly #path: string
  readonly #durable: boolean
  readonly #held: Uint8Array = new Uint8Array(HELD_BYTE_LENGTH)
  #buffered: BufferedOutput
  /** Bytes of the member that are held back; -1 when it was too long, and between members. */
  #heldByteLength = -1

  /** `durable` tells that the file will be synced. */
  constructor(system: OutputSystem, fd: number, byteOffset: number, path: string, durable: boolean) {
    this.#system = system
    this.#fd = fd
    this.#path = path
    this.#durable = durable
    this.#buffered = new BufferedOutput(system, fd, byteOffset, path, durable)
  }

  /** Where the next byte goes, in bytes from the start of the file. */
  get byteOffset(): number {
    return this.#buffered.byteOffset + Math.max(0, this.#heldByteLength)
  }

  /** Begins a member: what follows may be patched until {@link end}. */
  begin(): void {
    this.#heldByteLength = 0
  }

  /** Takes the bytes at once when there is room for them; true then, and the caller may reuse them. */
  take(bytes: Uint8Array): boolean {
    if (this.#heldByteLength < 0) return this.#buffered.take(bytes)
    if (bytes.byteLength > HELD_BYTE_LENGTH - this.#heldByteLength) return false
    this.#held.set(bytes, this.#heldByteLength)
    this.#heldByteLength += bytes.byteLength
    return true
  }

  /** Takes any number of bytes; resolves when the caller may reuse them. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.take(bytes)) return
    await this.end()
    await this.#buffered.write(bytes)
  }

  /** Writes over bytes of the member. */
  async patch(byteOffset: number, bytes: Uint8Array): Promise<void> {
    if (this.#heldByteLength >= 0) {
      this.#held.set(bytes, byteOffset - this.#buffered.byteOffset)
      return
    }
    await this.#buffered.drain()
    try {
      await this.#system.write(this.#fd, bytes, byteOffset)
    } catch (error) {
      throw fromNodeError(error, this.#path)
    }
  }

  /** Ends a member. */
  async end(): Promise<void> {
    if (this.#heldByteLength < 0) return
    const held = this.#held.subarray(0, this.#heldByteLength)
    this.#heldByteLength = -1
    await this.#buffered.write(held)
  }

  /** Goes back to where a member began. */
  async truncate(byteOffset: number): Promise<void> {
    this.#heldByteLength = -1
    if (byteOffset === this.#buffered.byteOffset) return
    await this.#buffered.drain()
    try {
      await this.#system.truncate(this.#fd, byteOffset)
    } catch (error) {
      throw fromNodeError(error, this.#path)
    }
    this.#buffered = new BufferedOutput(this.#system, this.#fd, byteOffset, this.#path, this.#durable)
  }

  /** Resolves when everything taken so far is in the file (not yet durable), what is held back aside. */
  async drain(): Promise<void> {
    await this.#buffered.drain()
  }
}
