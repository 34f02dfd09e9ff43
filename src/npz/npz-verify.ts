// A member against its checksum and length, in bounded memory.

import { combineCrc32 } from '../format/crc32-combine.ts'
import { zstdDecompressAsync } from '../storage/zstd.ts'
import type { Member } from './member.ts'
import { readInto, readWithCrc32 } from './npz-load.ts'

/** Options of {@link NpzFile.verify}. */
export interface NpzVerifyOptions {
  /** Ends the check with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /** Called with the number of bytes that were passed since the last call. */
  readonly onProgress?: ((byteLength: number) => void) | undefined
}

/** Read at a time; chunks of a seekable member are inflated in parallel within it. */
const PIECE_BYTE_LENGTH = 8 * 1024 * 1024

/** Reads all of a member, and compares. Throws {@link IntegrityError}. */
export async function verifyMember(member: Member, { signal, onProgress }: NpzVerifyOptions): Promise<void> {
  const { archive, entry } = member
  if (member.compression === 'zstd') {
    member.checkLoadByteLength()
    const packed = new Uint8Array(entry.compressedByteLength)
    await readInto(archive.source, member.dataByteOffset, packed)
    signal?.throwIfAborted()
    member.inMemory(await zstdDecompressAsync(packed, member.zstd), true)
    onProgress?.(entry.uncompressedByteLength)
    return
  }
  const { uncompressedByteLength: byteLength } = entry
  const scratch = new Uint8Array(Math.min(PIECE_BYTE_LENGTH, byteLength))
  let total = 0
  for (let at = 0; at < byteLength; at += scratch.byteLength) {
    signal?.throwIfAborted()
    const piece = scratch.subarray(0, Math.min(scratch.byteLength, byteLength - at))
    total = combineCrc32(total, await crcOf(member, at, piece, signal), piece.byteLength)
    onProgress?.(piece.byteLength)
  }
  member.checkCrc(total)
}

async function crcOf(
  member: Member,
  byteOffset: number,
  piece: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (member.compression === 'deflated') return member.inflated.readAround(byteOffset, piece, { crc: 'own', signal })
  return await readWithCrc32(member.archive.source, member.dataByteOffset + byteOffset, piece)
}
