// A stored member: its data starts on a boundary that suits typed arrays, or pages.

import { combineCrc32 } from '../format/crc32-combine.ts'
import { LOCAL_HEADER_BYTE_LENGTH, UINT32_MAX } from '../format/zip-constants.ts'
import {
  encodeZipName,
  formatLocalHeader,
  paddedExtraByteLength,
  ZIP64_LOCAL_EXTRA_BYTE_LENGTH,
  type ZipMemberRecord,
} from '../format/zip-write-records.ts'
import { crc32 } from '../storage/deflate.ts'
import { type MemberPlan, type MemberSink, type MemberTarget, requireAttached, requireComplete } from './member-sink.ts'

/** Bytes at a time: the checksum brings them into the cache, the copy into the buffer finds them there. */
const PIECE_BYTE_LENGTH = 256 * 1024

/** Writes the data as it is. */
export class StoredSink implements MemberSink {
  readonly #plan: MemberPlan
  readonly #target: MemberTarget
  readonly #byteOffset: number
  readonly #extraByteLength: number
  readonly #headerByteOffset: number
  #dataByteLength = 0
  #crc = 0

  private constructor(plan: MemberPlan, target: MemberTarget, alignment: number) {
    this.#plan = plan
    this.#target = target
    const { name, header, dataByteLength } = plan
    this.#byteOffset = target.output.byteOffset
    const nameByteLength = encodeZipName(name).length
    // Readers exist that fail on a stored member with zip64 fields: there is only room for them where they may be needed.
    const mayBeZip64 = dataByteLength === null || header.length + dataByteLength >= UINT32_MAX
    const least = mayBeZip64 ? ZIP64_LOCAL_EXTRA_BYTE_LENGTH : 0
    this.#extraByteLength = paddedExtraByteLength(this.#byteOffset, nameByteLength, alignment, header.length, least)
    this.#headerByteOffset = this.#byteOffset + LOCAL_HEADER_BYTE_LENGTH + nameByteLength + this.#extraByteLength
  }

  /** Begins a member with its data on a multiple of `alignment`. */
  static async begin(plan: MemberPlan, target: MemberTarget, alignment: number): Promise<StoredSink> {
    // Where it begins is known once all before it is written.
    await target.work.drain()
    const sink = new StoredSink(plan, target, alignment)
    target.output.begin()
    // Room for the local header, which tells the checksum.
    await target.output.write(new Uint8Array(sink.#headerByteOffset - sink.#byteOffset))
    await target.output.write(plan.header)
    return sink
  }

  take(bytes: Uint8Array): boolean {
    if (bytes.byteLength > PIECE_BYTE_LENGTH || !this.#target.output.take(bytes)) return false
    this.#crc = crc32(bytes, this.#crc)
    this.#dataByteLength += bytes.byteLength
    return true
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { byteLength } = bytes
    for (let done = 0; done < byteLength; done += PIECE_BYTE_LENGTH) {
      this.#plan.checkGoingOn()
      requireAttached(bytes, byteLength)
      const piece = bytes.subarray(done, done + PIECE_BYTE_LENGTH)
      this.#crc = crc32(piece, this.#crc)
      this.#dataByteLength += piece.byteLength
      await this.#target.output.write(piece)
    }
  }

  async finish(header: Uint8Array = this.#plan.header): Promise<void> {
    requireComplete(this.#plan, this.#dataByteLength)
    const { output, add } = this.#target
    if (header !== this.#plan.header) await output.patch(this.#headerByteOffset, header)
    const record = this.#record(header)
    await output.patch(this.#byteOffset, formatLocalHeader(record, this.#extraByteLength))
    await output.end()
    add(record)
  }

  async drop(): Promise<void> {
    await this.#target.output.truncate(this.#byteOffset)
  }

  #record(header: Uint8Array): ZipMemberRecord {
    const byteLength = header.length + this.#dataByteLength
    return {
      name: this.#plan.name,
      method: 0,
      crc32: combineCrc32(crc32(header), this.#crc, this.#dataByteLength),
      compressedByteLength: byteLength,
      uncompressedByteLength: byteLength,
      localHeaderByteOffset: this.#byteOffset,
    }
  }
}
