// A deflated member that can be read from its middle (SOZip 0.5): chunks that inflate alone, deflated on several threads,
// and after them a hidden index of where each begins.

import { combineCrc32 } from '../format/crc32-combine.ts'
import { formatSozipIndex } from '../format/sozip.ts'
import { LOCAL_HEADER_BYTE_LENGTH, UINT16_MAX, UINT32_MAX } from '../format/zip-constants.ts'
import {
  encodeZipName,
  formatLocalHeader,
  ZIP64_LOCAL_EXTRA_BYTE_LENGTH,
  type ZipMemberRecord,
} from '../format/zip-write-records.ts'
import { crc32, deflateAlone } from '../storage/deflate.ts'
import { SpareMemory } from '../storage/memory.ts'
import type { Deflation } from './compress-options.ts'
import { type MemberPlan, type MemberSink, type MemberTarget, requireAttached, requireComplete } from './member-sink.ts'

/** An empty stored block on a byte boundary: what Z_SYNC_FLUSH and Z_FULL_FLUSH each leave there. */
const FLUSH = Uint8Array.of(0x00, 0x00, 0x00, 0xff, 0xff)
const STORED_BLOCK_HEADER_BYTE_LENGTH = 5
const MAX_STORED_BLOCK_BYTE_LENGTH = 65_535
/** What the hidden index's name has more than the member's. */
const INDEX_NAME_BYTE_LENGTH = 11
/** As many as can be under way. */
const MOST_SPARE = 4
/** Bytes at a time: the checksum brings them into the cache, the copy into the chunk finds them there. */
const PIECE_BYTE_LENGTH = 256 * 1024
/** More than deflate ever makes of bytes that it cannot compress, block headers and flushes included. */
const MOST_EXPANSION = 1.01

/** Deflates the data chunk by chunk. */
export class DeflateSink implements MemberSink {
  readonly #plan: MemberPlan
  readonly #target: MemberTarget
  readonly #deflation: Deflation
  readonly #nameByteLength: number
  readonly #extraByteLength: number
  /** Bytes of the header that are not deflated, so that they can be written over: all, when its shape is not yet known. */
  readonly #plainByteLength: number
  /** Where the pieces of the header that are not deflated were put, with the bytes of each. */
  readonly #plainPieces: { readonly byteOffset: number; readonly byteLength: number }[] = []
  readonly #chunkByteOffsets: number[] = []
  readonly #spareChunks = new SpareMemory(MOST_SPARE)
  readonly #spareOutputs = new SpareMemory(MOST_SPARE)
  #chunk: Uint8Array<ArrayBuffer>
  #chunkUsed = 0
  #chunkCount = 0
  #byteOffset = -1
  #dataByteOffset = -1
  #crc = 0
  #dataByteLength = 0

  private constructor(plan: MemberPlan, target: MemberTarget, deflation: Deflation) {
    this.#plan = plan
    this.#target = target
    this.#deflation = deflation
    this.#nameByteLength = encodeZipName(plan.name).length
    const { header, dataByteLength } = plan
    this.#plainByteLength = dataByteLength === null ? header.length : 0
    // Unpadded: some readers look for the index where the central header's extra field, which has none, says it is.
    const mayBeZip64 = dataByteLength === null || (header.length + dataByteLength) * MOST_EXPANSION >= UINT32_MAX
    this.#extraByteLength = mayBeZip64 ? ZIP64_LOCAL_EXTRA_BYTE_LENGTH : 0
    this.#chunk = new Uint8Array(this.#nextChunkByteLength)
  }

  static async begin(plan: MemberPlan, target: MemberTarget, deflation: Deflation): Promise<DeflateSink> {
    const sink = new DeflateSink(plan, target, deflation)
    await target.work.add(
      () => {},
      () => sink.#leaveRoom(),
    )
    await sink.#fill(plan.header)
    return sink
  }

  /** For the local header, which tells checksum and sizes. */
  async #leaveRoom(): Promise<void> {
    const { output } = this.#target
    this.#byteOffset = output.byteOffset
    this.#dataByteOffset = this.#byteOffset + LOCAL_HEADER_BYTE_LENGTH + this.#nameByteLength + this.#extraByteLength
    output.begin()
    await output.write(new Uint8Array(this.#dataByteOffset - this.#byteOffset))
  }

  take(bytes: Uint8Array): boolean {
    if (bytes.byteLength > this.#chunk.length - this.#chunkUsed) return false
    this.#count(bytes)
    this.#chunk.set(bytes, this.#chunkUsed)
    this.#chunkUsed += bytes.byteLength
    return true
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { byteLength } = bytes
    for (let done = 0; done < byteLength; done += PIECE_BYTE_LENGTH) {
      this.#plan.checkGoingOn()
      requireAttached(bytes, byteLength)
      const piece = bytes.subarray(done, done + PIECE_BYTE_LENGTH)
      this.#count(piece)
      await this.#fill(piece)
    }
  }

  #count(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc)
    this.#dataByteLength += bytes.byteLength
  }

  /** As much as the next chunk can come to hold. */
  get #nextChunkByteLength(): number {
    const { blockByteLength } = this.#deflation
    const { header, dataByteLength } = this.#plan
    if (dataByteLength === null) return blockByteLength
    return Math.min(blockByteLength, header.length + dataByteLength - this.#chunkCount * blockByteLength)
  }

  async #fill(bytes: Uint8Array): Promise<void> {
    const { byteLength } = bytes
    for (let done = 0; done < byteLength; ) {
      requireAttached(bytes, byteLength)
      // A full chunk waits: it may be the last.
      if (this.#chunkUsed === this.#chunk.length) {
        await this.#sendChunk(false)
        this.#chunk = this.#spareChunks.take(this.#nextChunkByteLength)
        this.#chunkUsed = 0
      }
      const piece = bytes.subarray(done, done + this.#chunk.length - this.#chunkUsed)
      this.#chunk.set(piece, this.#chunkUsed)
      this.#chunkUsed += piece.byteLength
      done += piece.byteLength
    }
  }

  async #sendChunk(last: boolean): Promise<void> {
    const start = this.#chunkCount * this.#deflation.blockByteLength
    const chunk = this.#chunk
    const bytes = chunk.subarray(0, this.#chunkUsed)
    const plain = bytes.subarray(0, Math.max(0, Math.min(bytes.byteLength, this.#plainByteLength - start)))
    const rest = bytes.subarray(plain.byteLength)
    this.#chunkCount++
    await this.#target.work.add(
      () => {
        if (rest.byteLength === 0 && !last) return { bytes: FLUSH, release: () => {} }
        return deflateAlone(rest, this.#deflation, last, this.#spareOutputs)
      },
      async (deflated) => {
        await this.#writeChunk(plain, deflated.bytes, last)
        deflated.release()
        this.#spareChunks.put(chunk)
      },
    )
  }

  async #writeChunk(plain: Uint8Array, deflated: Uint8Array, last: boolean): Promise<void> {
    const { output } = this.#target
    this.#chunkByteOffsets.push(output.byteOffset - this.#dataByteOffset)
    for (let done = 0; done < plain.byteLength; done += MAX_STORED_BLOCK_BYTE_LENGTH) {
      const piece = plain.subarray(done, done + MAX_STORED_BLOCK_BYTE_LENGTH)
      await output.write(storedBlockHeader(piece.byteLength))
      this.#plainPieces.push({ byteOffset: output.byteOffset, byteLength: piece.byteLength })
      await output.write(piece)
    }
    await output.write(deflated)
    if (!last) await output.write(FLUSH)
  }

  async finish(header: Uint8Array = this.#plan.header): Promise<void> {
    requireComplete(this.#plan, this.#dataByteLength)
    await this.#sendChunk(true)
    await this.#target.work.add(
      () => {},
      () => this.#writeEnd(header),
    )
  }

  async #writeEnd(header: Uint8Array): Promise<void> {
    const { output, add } = this.#target
    const { name } = this.#plan
    const { blockByteLength } = this.#deflation
    const record = this.#record(header, output.byteOffset - this.#dataByteOffset)
    const hasIndex = this.#nameByteLength + INDEX_NAME_BYTE_LENGTH <= UINT16_MAX
    if (this.#chunkCount > 1 && hasIndex) {
      const { uncompressedByteLength, compressedByteLength } = record
      const offsets = this.#chunkByteOffsets
      await output.write(formatSozipIndex(name, blockByteLength, uncompressedByteLength, compressedByteLength, offsets))
    }
    if (header !== this.#plan.header) {
      let done = 0
      for (const { byteOffset, byteLength } of this.#plainPieces) {
        await output.patch(byteOffset, header.subarray(done, done + byteLength))
        done += byteLength
      }
    }
    await output.patch(this.#byteOffset, formatLocalHeader(record, this.#extraByteLength))
    await output.end()
    add(record)
  }

  async drop(): Promise<void> {
    const { output, work } = this.#target
    // Members before it may still be on their way.
    await work.drain()
    await output.truncate(this.#byteOffset)
  }

  #record(header: Uint8Array, compressedByteLength: number): ZipMemberRecord {
    return {
      name: this.#plan.name,
      method: 8,
      crc32: combineCrc32(crc32(header), this.#crc, this.#dataByteLength),
      compressedByteLength,
      uncompressedByteLength: header.length + this.#dataByteLength,
      localHeaderByteOffset: this.#byteOffset,
    }
  }
}

/** The head of a block that is stored and not the last, on a byte boundary. */
function storedBlockHeader(byteLength: number): Uint8Array {
  const bytes = new Uint8Array(STORED_BLOCK_HEADER_BYTE_LENGTH)
  const view = new DataView(bytes.buffer)
  view.setUint16(1, byteLength, true)
  view.setUint16(3, UINT16_MAX - byteLength, true)
  return bytes
}
