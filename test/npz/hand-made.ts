// Archives made by hand, lies included: every field of every record can be set. Knows nothing of the library's own writer.

import * as zlib from 'node:zlib'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { DType, type DTypeLike } from '../../src/index.ts'

/** One member; what is left out is as an honest zip tool writes it. */
export interface Part {
  readonly name: string
  readonly data: Uint8Array
  /** 0 when left out. */
  readonly method?: number
  /** The compressed data. */
  readonly packed?: Uint8Array
  readonly crc?: number
  readonly size?: number
  readonly packedSize?: number
  readonly flags?: number
  readonly localName?: string
  readonly localExtra?: Uint8Array
  readonly offset?: number
  /** Bytes between this member and the next. */
  readonly after?: Uint8Array
}

/** The archive of these members. */
export function zipOf(parts: readonly Part[], options: { comment?: string; count?: number } = {}): Buffer {
  const pieces: Uint8Array[] = []
  const central: Uint8Array[] = []
  let at = 0
  const push = (...bytes: Uint8Array[]): void => {
    for (const piece of bytes) {
      pieces.push(piece)
      at += piece.byteLength
    }
  }
  for (const part of parts) {
    const { method = 0, flags = 0x800, localExtra = new Uint8Array(0) } = part
    const packed = part.packed ?? (method === 8 ? zlib.deflateRawSync(part.data) : part.data)
    const name = Buffer.from(part.name)
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(flags, 2)
    shared.writeUInt16LE(method, 4)
    shared.writeUInt16LE(0x21, 8)
    shared.writeUInt32LE(part.crc ?? zlib.crc32(part.data), 10)
    shared.writeUInt32LE(part.packedSize ?? packed.byteLength, 14)
    shared.writeUInt32LE(part.size ?? part.data.byteLength, 18)
    shared.writeUInt16LE(name.byteLength, 22)
    const offset = Buffer.alloc(16)
    offset.writeUInt32LE(part.offset ?? at, 12)
    central.push(Buffer.from([0x50, 0x4b, 1, 2, 20, 0]), shared, offset.subarray(2), name)
    const local = Buffer.from(shared)
    const localName = Buffer.from(part.localName ?? part.name)
    local.writeUInt16LE(localName.byteLength, 22)
    local.writeUInt16LE(localExtra.byteLength, 24)
    push(Buffer.from([0x50, 0x4b, 3, 4]), local, localName, localExtra, packed, part.after ?? new Uint8Array(0))
  }
  const start = at
  push(...central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(options.count ?? parts.length, 8)
  end.writeUInt16LE(options.count ?? parts.length, 10)
  end.writeUInt32LE(at - start, 12)
  end.writeUInt32LE(start, 16)
  const comment = Buffer.from(options.comment ?? '')
  end.writeUInt16LE(comment.byteLength, 20)
  return Buffer.concat([...pieces, end, comment])
}

/** An .npy image. */
export function npyOf(dtype: DTypeLike, shape: readonly number[], data: ArrayBufferView): Buffer {
  const header = formatNpyHeader({ dtype: DType.of(dtype), shape, order: 'C' })
  return Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
}

/** A member that can be entered at its chunks (SOZip), as other programs write it. */
export function chunkedPart(name: string, data: Uint8Array, chunkByteLength: number): Part {
  const chunks: Buffer[] = []
  const offsets: number[] = []
  let packedSize = 0
  for (let at = 0; at < data.byteLength; at += chunkByteLength) {
    const last = at + chunkByteLength >= data.byteLength
    const finishFlush = last ? zlib.constants.Z_FINISH : zlib.constants.Z_SYNC_FLUSH
    const chunk = zlib.deflateRawSync(data.subarray(at, at + chunkByteLength), { finishFlush })
    const flushed = last ? chunk : Buffer.concat([chunk, Buffer.from([0, 0, 0, 0xff, 0xff])])
    offsets.push(packedSize)
    packedSize += flushed.byteLength
    chunks.push(flushed)
  }
  const packed = Buffer.concat(chunks)
  return {
    name,
    data,
    method: 8,
    packed,
    after: chunkIndex(name, data.byteLength, packedSize, chunkByteLength, offsets),
  }
}

/** The hidden entry after such a member; with offsets of the caller's choice. */
export function chunkIndex(
  name: string,
  size: number,
  packedSize: number,
  chunkByteLength: number,
  offsets: readonly number[],
): Buffer {
  const index = Buffer.alloc(32 + 8 * (offsets.length - 1))
  index.writeUInt32LE(1, 0)
  index.writeUInt32LE(chunkByteLength, 8)
  index.writeUInt32LE(8, 12)
  index.writeBigUInt64LE(BigInt(size), 16)
  index.writeBigUInt64LE(BigInt(packedSize), 24)
  for (const [i, offset] of offsets.slice(1).entries()) index.writeBigUInt64LE(BigInt(offset), 32 + 8 * i)
  const slash = name.lastIndexOf('/') + 1
  const hidden = Buffer.from(`${name.slice(0, slash)}.${name.slice(slash)}.sozip.idx`)
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(20, 4)
  head.writeUInt16LE(0x21, 12)
  head.writeUInt32LE(zlib.crc32(index), 14)
  head.writeUInt32LE(index.byteLength, 18)
  head.writeUInt32LE(index.byteLength, 22)
  head.writeUInt16LE(hidden.byteLength, 26)
  return Buffer.concat([head, hidden, index])
}

/** Where the chunks of such a member begin in its compressed data, from the index after it. */
export function chunkOffsets(part: Part): number[] {
  const entry = part.after as Buffer
  const first = 30 + entry.readUInt16LE(26) + 32
  const offsets = [0]
  for (let at = first; at < entry.byteLength; at += 8) offsets.push(Number(entry.readBigUInt64LE(at)))
  return offsets
}

/** Bytes that deflate to about half, the same in every run: runs, repeats and noise. */
export function compressible(byteLength: number, random: () => number): Uint8Array {
  const bytes = new Uint8Array(byteLength)
  for (let at = 0; at < byteLength; ) {
    const length = Math.min(byteLength - at, 1 + Math.floor(random() * 400))
    const kind = random()
    if (kind < 0.2) bytes.fill(Math.floor(random() * 256), at, at + length)
    else if (kind < 0.5 && at > 40_000) bytes.copyWithin(at, at - Math.floor(random() * 32_000) - length, at - 1)
    else for (let i = 0; i < length; i++) bytes[at + i] = Math.floor(random() * (kind < 0.8 ? 40 : 256))
    at += length
  }
  return bytes
}
