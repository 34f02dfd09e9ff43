// A whole member in memory, checked: read or inflated off the main thread, in parallel where the member allows it.

import type { StridedArray } from '../array/strided-array.ts'
import { combineCrc32 } from '../format/crc32-combine.ts'
import type { ByteSource } from '../storage/byte-source.ts'
import { crc32 } from '../storage/deflate.ts'
import { HeapSource } from '../storage/heap.ts'
import { defaultThreads, eachInFlight } from '../storage/threads.ts'
import { zstdDecompressAsync } from '../storage/zstd.ts'
import type { Member } from './member.ts'
import { imageArray, memoryForImage } from './member-image.ts'

/** Options of {@link NpzFile.load}. */
export interface NpzLoadOptions {
  /** False does not compare the CRC-32: for members that are broken, or trusted. */
  readonly verify?: boolean
  /** Ends the loading with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** Bytes read and checked at a time: so much goes on after a signal. Less where the check holds up this thread. */
const PIECE_BYTE_LENGTH = 8 * 1024 * 1024
const CHECKED_HERE_BYTE_LENGTH = 1024 * 1024

/** Reads a member into memory. Nothing is allocated before its declared length passed the limits. */
export async function loadMember(member: Member, options: NpzLoadOptions): Promise<StridedArray> {
  const { archive, entry } = member
  const { verify = true, signal } = options
  member.checkLoadByteLength()
  if (member.compression === 'zstd') {
    const packed = new Uint8Array(entry.compressedByteLength)
    await readInto(archive.source, member.dataByteOffset, packed)
    signal?.throwIfAborted()
    return member.inMemory(await zstdDecompressAsync(packed, member.zstd), verify)
  }
  const bytes =
    member.compression === 'stored'
      ? await loadStored(member, verify, signal)
      : await loadDeflated(member, verify, signal)
  // Read again from what was checked: the file may have changed meanwhile.
  return imageArray(member.imageIn(new HeapSource(bytes, archive.path), 0))
}

/** Fills memory with bytes of a source, off the main thread. */
export function readInto(source: ByteSource, byteOffset: number, into: Uint8Array): Promise<void> {
  return source.gatherAsync({ byteOffset, shape: [], byteStrides: [], itemSize: into.byteLength }, into, 1)
}

async function loadDeflated(
  member: Member,
  verify: boolean,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const inflated = verify ? member.inflated : member.salvaged
  const bytes = memoryForImage(member.imageIn(inflated, 0))
  const crc = await inflated.readAround(0, bytes, { crc: verify ? 'own' : 'none', signal })
  if (verify) member.checkCrc(crc)
  return bytes
}

async function loadStored(
  member: Member,
  verify: boolean,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const { source } = member.archive
  const bytes = memoryForImage(member.imageIn(source, member.dataByteOffset))
  const most = source.readCrc32 === undefined ? CHECKED_HERE_BYTE_LENGTH : PIECE_BYTE_LENGTH
  const crcs = new Float64Array(Math.ceil(bytes.byteLength / most))
  // Each piece is checked while others are read.
  await eachInFlight(crcs.keys(), defaultThreads(), async (index) => {
    signal?.throwIfAborted()
    const at = index * most
    const piece = bytes.subarray(at, at + most)
    if (verify) crcs[index] = await readWithCrc32(source, member.dataByteOffset + at, piece)
    else await readInto(source, member.dataByteOffset + at, piece)
    // What was copied is not looked at again: less than twice the member is in memory.
    if (!source.closed) source.release(member.dataByteOffset + at, piece.byteLength)
  })
  signal?.throwIfAborted()
  const crc = crcs.reduce((all, one, index) => {
    return combineCrc32(all, one, Math.min(most, bytes.byteLength - index * most))
  }, 0)
  if (verify) member.checkCrc(crc)
  return bytes
}

/** Fills memory with bytes of a source, off the main thread -> their CRC-32. */
export async function readWithCrc32(source: ByteSource, byteOffset: number, into: Uint8Array): Promise<number> {
  if (source.readCrc32 !== undefined) return await source.readCrc32(byteOffset, into)
  await readInto(source, byteOffset, into)
  return crc32(into)
}
