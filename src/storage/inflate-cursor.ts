// A place in a deflate stream from which inflating goes on: an inflater, the compressed bytes read ahead for it, and the
// checks that the stream keeps what the archive says of it.

import { FormatError, IntegrityError } from '../errors.ts'
import { combineCrc32 } from '../format/crc32-combine.ts'
import { SOZIP_CHUNK_END, type SozipIndex } from '../format/sozip.ts'
import { type AccessPoints, BEGINNING, type RestartPoint, WINDOW_BYTE_LENGTH } from './access-points.ts'
import type { ByteSource } from './byte-source.ts'
import { BUFFER_BYTE_LENGTH, bufferFor, inputFor } from './inflate-sizes.ts'
import type { Inflater } from './inflater.ts'
import { EILSEQ } from './os.ts'
import type { Steps, Work } from './steps.ts'

/** A deflated range of a source, and what the archive says of it. */
export interface DeflatedRange {
  readonly source: ByteSource
  /** Where the compressed data starts in the source. */
  readonly byteOffset: number
  readonly compressedByteLength: number
  readonly uncompressedByteLength: number
  /** Of the uncompressed bytes, unsigned. */
  readonly crc32: number
  /** For messages. */
  readonly member: string
}

/**
 * `running` goes on with a CRC-32 begun at the start of the stream, and checks it at the end; `own` is that of the range;
 * `none` checks nothing.
 */
export type CrcMode = 'running' | 'own' | 'none'

/** Behind a read so much of the source is let go of. */
const RELEASE_BYTE_LENGTH = 1024 * 1024
/** What may lie between the last output of a chunk and its end: an end-of-block code and a few empty blocks. */
const MOST_CHUNK_END_BYTE_LENGTH = 64

const DAMAGED = 'the member is damaged'

/** An inflater at a position of a stream. One caller at a time. */
export class InflateCursor {
  /** Bytes of output before it. */
  position = 0
  /** Whose stream it is in; null when it can start on any. */
  owner: object | null = null
  /** Where it ought to record points; null where nobody wants them. */
  points: AccessPoints | null = null
  /** Up to where output is wanted, as far as its user knows: no more is read than that should take. */
  aim = 0
  /** Where chunks begin, when the stream is made of such. */
  chunks: SozipIndex | null = null
  /** CRC-32 of the output since {@link crcStart}; null when nobody asked. */
  crc: number | null = 0
  crcStart = 0
  readonly #inflater: Inflater
  #range: DeflatedRange | null = null
  #input = new Uint8Array(0)
  /** `[start, end)` of the input is still to be inflated. */
  #start = 0
  #end = 0
  /** Compressed bytes read so far, from the start of the stream. */
  #loaded = 0
  #lastByte = 0
  /** Output that nobody wants is written over again and again. */
  #scratch = new Uint8Array(0)
  readonly #spare = new Uint8Array(1)
  // The work in hand: set before it is yielded, done by whoever drives.
  #target = this.#spare
  #targetAt = 0
  #output: Uint8Array = this.#spare
  #from = 0
  #to = 0
  #inputEnd = 0
  #boundaryAfter = Number.POSITIVE_INFINITY
  #status = 0

  constructor(inflater: Inflater) {
    this.#inflater = inflater
  }

  readonly #reading: Work = {
    now: () => this.#source.read(this.#targetAt, this.#target),
    later: async () => {
      const [source, byteOffset, target] = [this.#source, this.#targetAt, this.#target]
      await source.gatherAsync({ byteOffset, shape: [], byteStrides: [], itemSize: target.byteLength }, target, 1)
      // Who reads here most likely reads on. Pages behind were mapped along with these, so they are let go of once more.
      const from = Math.max(0, byteOffset - RELEASE_BYTE_LENGTH)
      if (!source.closed) source.release(from, byteOffset + target.byteLength - from)
    },
  }

  readonly #running: Work = {
    now: () => this.#runNow(),
    later: async () => {
      const { inflater, args } = this.#job()
      this.#status = await inflater.runAsync(...args)
    },
  }

  get #source(): ByteSource {
    return (this.#range as DeflatedRange).source
  }

  #job(): { inflater: Inflater; args: Parameters<Inflater['run']> } {
    const last = this.#inputEnd === this.#end && this.#loaded === (this.#range as DeflatedRange).compressedByteLength
    return {
      inflater: this.#inflater,
      args: [
        { bytes: this.#input, start: this.#start, end: this.#inputEnd, last },
        { bytes: this.#output, start: this.#from, end: this.#to },
        this.#boundaryAfter,
        this.crc !== null,
      ],
    }
  }

  #runNow(): void {
    const { inflater, args } = this.#job()
    this.#status = inflater.run(...args)
  }

  /** Compressed bytes consumed, from the start of the stream. */
  get compressedPosition(): number {
    return this.#loaded - (this.#end - this.#start)
  }

  /** Moves to a restart point of a stream. `window` is the output before the point. */
  *restart(owner: object, range: DeflatedRange, point: RestartPoint, window: Uint8Array): Steps<void> {
    this.owner = owner
    this.#range = range
    this.#start = 0
    this.#end = 0
    this.#loaded = point.compressedByteOffset
    this.#lastByte = point.byte
    this.position = point.byteOffset
    this.crc = point.crc
    this.crcStart = 0
    this.#inflater.reset(point.bits, point.byte, window)
    if (this.chunks !== null && point !== BEGINNING) yield* this.#checkChunkStart(point)
  }

  /** Lets go of the buffers that only long passes need. */
  shrink(): void {
    if (this.#scratch.byteLength > BUFFER_BYTE_LENGTH) this.#scratch = new Uint8Array(0)
    if (this.#start === this.#end && this.#input.byteLength > BUFFER_BYTE_LENGTH) this.#input = new Uint8Array(0)
  }

  /** From here on, the CRC-32 of what comes. */
  startCrc(): void {
    this.crc = 0
    this.crcStart = this.position
  }

  /**
   * Fills memory with the output from here on. Whoever takes the last bytes of the stream also gets its checks.
   *
   * @throws {@link FormatError} for what is no deflate, {@link IntegrityError} for another length or CRC-32 than declared
   */
  *fill(output: Uint8Array): Steps<void> {
    const range = this.#range as DeflatedRange
    for (let done = 0; done < output.byteLength; ) {
      if (this.#start === this.#end && this.#loaded < range.compressedByteLength) yield* this.#load()
      const chunkEnd = this.#chunkEnd()
      const room = Math.min(output.byteLength - done, chunkEnd.byteOffset - this.position, this.#inflater.mostOutput)
      this.#inputEnd = Math.min(this.#end, this.#start + chunkEnd.compressedByteOffset - this.compressedPosition)
      this.#output = output
      this.#from = done
      this.#to = done + room
      this.#boundaryAfter = this.#inflater.boundaries ? this.#untilDue() : Number.POSITIVE_INFINITY
      yield this.#running
      const produced = this.#account()
      if (produced === 0) this.#checkProgress()
      done += produced
      if (this.position === chunkEnd.byteOffset && this.chunks !== null) this.#endChunk(chunkEnd)
    }
    if (this.position === range.uncompressedByteLength) yield* this.#finish()
  }

  /** Goes on to a later position; the output between is lost. */
  *skip(position: number): Steps<void> {
    if (this.position >= position) return
    const byteLength = bufferFor(position - this.position)
    if (this.#scratch.byteLength < byteLength) this.#scratch = new Uint8Array(byteLength)
    const scratch = this.#scratch
    while (this.position < position) {
      yield* this.fill(scratch.subarray(0, Math.min(scratch.byteLength, position - this.position)))
    }
  }

  #untilDue(): number {
    return this.points === null ? Number.POSITIVE_INFINITY : Math.max(0, this.points.due - this.position)
  }

  /** Where the chunk at hand ends; far away where there are no chunks. */
  #chunkEnd(): { byteOffset: number; compressedByteOffset: number } {
    const { uncompressedByteLength, compressedByteLength } = this.#range as DeflatedRange
    if (this.chunks === null) {
      return { byteOffset: uncompressedByteLength, compressedByteOffset: compressedByteLength }
    }
    const { chunkByteLength, chunkByteOffsets } = this.chunks
    const next = Math.floor(this.position / chunkByteLength) + 1
    return {
      byteOffset: Math.min(uncompressedByteLength, next * chunkByteLength),
      compressedByteOffset: chunkByteOffsets[next] ?? compressedByteLength,
    }
  }

  *#load(): Steps<void> {
    const range = this.#range as DeflatedRange
    const byteLength = Math.min(range.compressedByteLength - this.#loaded, inputFor(range, this.aim - this.position))
    if (this.#input.byteLength < byteLength) this.#input = new Uint8Array(Math.max(byteLength, BUFFER_BYTE_LENGTH))
    this.#target = this.#input.subarray(0, byteLength)
    this.#targetAt = range.byteOffset + this.#loaded
    yield this.#reading
    this.#loaded += byteLength
    this.#start = 0
    this.#end = byteLength
  }

  /** Takes over what a run did; returns how much output it made. */
  #account(): number {
    const { consumed, produced, ended, boundaryBits, crc } = this.#inflater.outcome
    if (this.#status === EILSEQ) throw this.#broken('other data')
    if (this.#status !== 0) throw new Error(`inflate: the inflater refused the work (errno ${this.#status})`)
    this.#start += consumed
    if (consumed > 0) this.#lastByte = this.#input[this.#start - 1]!
    this.position += produced
    if (this.crc !== null) this.crc = combineCrc32(this.crc, crc, produced)
    const { uncompressedByteLength } = this.#range as DeflatedRange
    if (ended && this.position < uncompressedByteLength) throw this.#wrongLength(`only ${this.position}`)
    if (boundaryBits >= 0) this.#record(boundaryBits)
    return produced
  }

  /** Nothing came of a run: fine only while there is input left that it was not given, or took. */
  #checkProgress(): void {
    const { consumed, boundaryBits } = this.#inflater.outcome
    if (consumed > 0 || boundaryBits >= 0) return
    if (this.#start < this.#inputEnd) throw this.#broken('a stream that stalls')
    if (this.#start < this.#end) {
      throw this.#badIndex(`a chunk of ${this.position} bytes that ends at byte ${this.compressedPosition}`)
    }
    if (this.#loaded === (this.#range as DeflatedRange).compressedByteLength) throw this.#tooShort()
  }

  #tooShort(): IntegrityError {
    return this.#wrongLength(`only ${this.position}: the compressed data ends early`)
  }

  #record(bits: number): void {
    const { points } = this
    if (points === null || this.position < points.due) return
    const window = new Uint8Array(WINDOW_BYTE_LENGTH)
    const byteLength = this.#inflater.window(window)
    if (byteLength < Math.min(this.position, WINDOW_BYTE_LENGTH)) return
    points.add({
      byteOffset: this.position,
      compressedByteOffset: this.compressedPosition,
      bits,
      byte: this.#lastByte,
      crc: this.crcStart === 0 ? this.crc : null,
      window: byteLength === WINDOW_BYTE_LENGTH ? window : window.slice(0, byteLength),
    })
  }

  /** Runs on without room for output: what is left of a chunk, or of the stream, makes none. */
  #runDry(): void {
    this.#output = this.#spare
    this.#from = 0
    this.#to = 1
    this.#boundaryAfter = Number.POSITIVE_INFINITY
    const { crc, position } = this
    this.#runNow()
    const produced = this.#account()
    this.crc = crc
    this.position = position
    if (produced > 0) throw this.#wrongLength('more')
  }

  /** A chunk's output is complete: so must be its compressed data, or the index is not of this stream. */
  #endChunk(end: { byteOffset: number; compressedByteOffset: number }): void {
    if (end.byteOffset === (this.#range as DeflatedRange).uncompressedByteLength) return
    const rest = end.compressedByteOffset - this.compressedPosition
    // What was not read yet is a few bytes, and comes through the next chunk's input.
    const here = Math.min(rest, this.#end - this.#start)
    if (rest > MOST_CHUNK_END_BYTE_LENGTH) throw this.#badIndex(`${rest} bytes after the output of a chunk`)
    if (here === 0) return
    this.#inputEnd = this.#start + here
    this.#runDry()
  }

  /** The bytes before a chunk are the marks of a flush, or the index is not of this stream. */
  *#checkChunkStart(point: RestartPoint): Steps<void> {
    const { byteOffset } = this.#range as DeflatedRange
    const marks = new Uint8Array(SOZIP_CHUNK_END.length)
    if (point.compressedByteOffset < marks.byteLength) throw this.#badIndex('a chunk without an end before it')
    this.#target = marks
    this.#targetAt = byteOffset + point.compressedByteOffset - marks.byteLength
    yield this.#reading
    if (marks.every((byte, i) => byte === SOZIP_CHUNK_END[i])) return
    throw this.#badIndex(`no end of a chunk before byte ${point.compressedByteOffset}`)
  }

  /** All declared output is there: the stream must end here, with the declared CRC-32. */
  *#finish(): Steps<void> {
    const range = this.#range as DeflatedRange
    for (;;) {
      if (this.#start === this.#end && this.#loaded < range.compressedByteLength) yield* this.#load()
      this.#inputEnd = this.#end
      this.#runDry()
      const { ended, consumed } = this.#inflater.outcome
      if (ended) break
      if (consumed === 0) throw this.#tooShort()
    }
    this.points?.finish()
    if (this.crc === null || this.crcStart !== 0 || this.crc === range.crc32) return
    throw new IntegrityError('crc-32', {
      expected: hex(range.crc32),
      found: hex(this.crc),
      path: range.source.path,
      member: range.member,
    })
  }

  #broken(found: string): FormatError {
    const { source, member, byteOffset } = this.#range as DeflatedRange
    return new FormatError('deflate stream', {
      format: 'npz',
      expected: 'deflated data',
      found,
      path: source.path,
      member,
      byteOffset: byteOffset + this.compressedPosition,
      hint: DAMAGED,
    })
  }

  #badIndex(found: string): FormatError {
    const { source, member, byteOffset } = this.#range as DeflatedRange
    return new FormatError('seek index', {
      format: 'npz',
      expected: 'the index of this very member',
      found,
      path: source.path,
      member,
      byteOffset,
    })
  }

  #wrongLength(found: string): IntegrityError {
    const { source, member, uncompressedByteLength } = this.#range as DeflatedRange
    const expected = `${uncompressedByteLength} bytes of output`
    return new IntegrityError('member length', { expected, found, path: source.path, member, hint: DAMAGED })
  }
}

/** A CRC-32 as zip tools print it. */
export function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
