// Inflating without the addon: fflate, fed in pieces so small that what it gives back stays bounded.

import { crc32 } from 'node:zlib'
import { Inflate } from 'fflate'
import type { Inflater, InflaterInput, InflaterOutcome, InflaterOutput } from './inflater.ts'
import { EILSEQ } from './os.ts'

/** A piece of this many compressed bytes becomes 4 MiB at most. */
const PIECE_BYTE_LENGTH = 4096
/** While the output is not many times longer, pieces are this long, which is quicker; 32 MiB at most. */
const LONG_PIECE_BYTE_LENGTH = 32 * 1024
const FEW_TIMES = 16
const NOTHING = new Uint8Array(0)

/** A raw deflate stream in JavaScript. Starts only where no window is needed or one is given, on a whole byte. */
export class FflateInflater implements Inflater {
  readonly boundaries = false
  readonly offThread = false
  /** An asynchronous run keeps this thread for so much output. */
  readonly mostOutput: number = 256 * 1024
  outcome: InflaterOutcome = { consumed: 0, produced: 0, ended: false, boundaryBits: -1, crc: 0 }
  #stream: Inflate | null = null
  /** Output that there was no room for. */
  #pending: Uint8Array = NOTHING
  #pieceByteLength = PIECE_BYTE_LENGTH
  /** The end of the compressed data was told. */
  #told = false
  #ended = false

  reset(bits: number, _byte: number, window: Uint8Array): void {
    if (bits !== 0) throw new Error('inflate: fflate starts on whole bytes only')
    this.#pending = NOTHING
    this.#pieceByteLength = PIECE_BYTE_LENGTH
    this.#told = false
    this.#ended = false
    const take = (bytes: Uint8Array): void => {
      if (bytes.byteLength > 0) this.#pending = this.#pending.byteLength === 0 ? bytes : joined(this.#pending, bytes)
    }
    this.#stream = window.byteLength === 0 ? new Inflate(take) : new Inflate({ dictionary: window }, take)
  }

  run(input: InflaterInput, output: InflaterOutput, _boundaryAfter: number, withCrc: boolean): number {
    let consumed = 0
    let produced = 0
    let status = 0
    const room = output.end - output.start
    for (;;) {
      const count = Math.min(this.#pending.byteLength, room - produced)
      if (count > 0) {
        output.bytes.set(this.#pending.subarray(0, count), output.start + produced)
        this.#pending = this.#pending.subarray(count)
        produced += count
      }
      if (produced === room || status !== 0) break
      const left = input.end - input.start - consumed
      if (left === 0 && (!input.last || this.#told)) break
      const at = input.start + consumed
      const piece = input.bytes.subarray(at, at + Math.min(left, this.#pieceByteLength))
      consumed += piece.byteLength
      status = this.#push(piece, left === 0)
    }
    const made = output.bytes.subarray(output.start, output.start + produced)
    const ended = this.#ended && this.#pending.byteLength === 0
    this.outcome = { consumed, produced, ended, boundaryBits: -1, crc: withCrc ? crc32(made) : 0 }
    // What came before the fault is good.
    return produced > 0 ? 0 : status
  }

  /** Only an empty last piece tells whether the stream is complete, and loses nothing when it is not. */
  #push(piece: Uint8Array, final: boolean): number {
    if (final) this.#told = true
    if (this.#stream === null) return EILSEQ
    try {
      this.#stream.push(piece, final)
      const few = this.#pending.byteLength < FEW_TIMES * piece.byteLength
      this.#pieceByteLength = few ? LONG_PIECE_BYTE_LENGTH : PIECE_BYTE_LENGTH
      this.#ended = final
      return 0
    } catch {
      // Whatever comes after a fault is one, too.
      this.#stream = null
      return final ? 0 : EILSEQ
    }
  }

  async runAsync(
    input: InflaterInput,
    output: InflaterOutput,
    boundaryAfter: number,
    withCrc: boolean,
  ): Promise<number> {
    // This is this thread: others get their turn between two runs.
    await new Promise((resolve) => setImmediate(resolve))
    return this.run(input, output, boundaryAfter, withCrc)
  }

  window(): number {
    return 0
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.byteLength + second.byteLength)
  bytes.set(first)
  bytes.set(second, first.byteLength)
  return bytes
}
