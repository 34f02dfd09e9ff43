// One member of an archive: stored ones lie in the archive's own source, deflated ones are inflated where they are read,
// zstd ones are decompressed as a whole.

import type { StridedArray } from '../array/strided-array.ts'
import { FormatError, IntegrityError, LayoutError, UnsupportedError } from '../errors.ts'
import { parseSozipIndex, type SozipIndex, sozipIndexByteLength } from '../format/sozip.ts'
import { LOCAL_HEADER_BYTE_LENGTH, parseLocalHeader, type ZipEntry } from '../format/zip-records.ts'
import type { ByteSource } from '../storage/byte-source.ts'
import { crc32 } from '../storage/deflate.ts'
import { HeapSource } from '../storage/heap.ts'
import { hex } from '../storage/inflate-cursor.ts'
import { InflatedSource } from '../storage/inflated.ts'
import { requireZstd, type ZstdMember, zstdDecompress } from '../storage/zstd.ts'
import type { Archive } from './archive.ts'
import { imageArray, type MemberImage, memoryForImage } from './member-image.ts'

/** How a member's bytes are kept. */
export type MemberCompression = 'stored' | 'deflated' | 'zstd'

const COMPRESSIONS: ReadonlyMap<number, MemberCompression> = new Map([
  [0, 'stored'],
  [8, 'deflated'],
  [93, 'zstd'],
])

/** What a zip calls its other methods. */
const METHOD_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'shrink'],
  [6, 'implode'],
  [9, 'deflate64'],
  [10, 'PKWARE implode'],
  [12, 'bzip2'],
  [14, 'lzma'],
  [16, 'IBM CMPSC'],
  [18, 'IBM TERSE'],
  [19, 'IBM LZ77'],
  [20, 'an old zstd'],
  [94, 'mp3'],
  [95, 'xz'],
  [96, 'jpeg'],
  [97, 'WavPack'],
  [98, 'PPMd'],
  [99, 'AES encryption'],
])

/** A member whose local header was read and agrees with the directory. */
export class Member {
  readonly archive: Archive
  readonly entry: ZipEntry
  readonly compression: MemberCompression
  /** Where its bytes, compressed or not, start in the archive. */
  readonly dataByteOffset: number
  #inflated: InflatedSource | null = null
  #salvaged: InflatedSource | null = null

  /** Throws {@link FormatError}, and {@link UnsupportedError} for methods that there is no reader for. */
  constructor(archive: Archive, entry: ZipEntry) {
    this.archive = archive
    this.entry = entry
    const { path, source } = archive
    const available = source.byteLength - entry.localHeaderByteOffset
    const head = new Uint8Array(Math.min(LOCAL_HEADER_BYTE_LENGTH + entry.nameBytes.length, available))
    source.read(entry.localHeaderByteOffset, head)
    this.dataByteOffset = entry.localHeaderByteOffset + parseLocalHeader(head, entry, { path }).byteLength
    this.compression = this.#checkMethod()
    if (this.compression === 'deflated') this.#checkRatio()
    if (this.compression === 'zstd') requireZstd(this.zstd)
  }

  #checkMethod(): MemberCompression {
    const { method, name } = this.entry
    const compression = COMPRESSIONS.get(method)
    if (compression !== undefined) return compression
    const known = METHOD_NAMES.get(method) ?? 'unknown'
    throw new UnsupportedError(
      `zip member: compressed with method ${method} (${known}), which there is no reader for`,
      {
        feature: `zip method ${method} (${known})`,
        path: this.archive.path,
        member: name,
      },
    )
  }

  /** No deflate stream says more than 1032 bytes with one: what is declared beyond that is a lie, or a bomb. */
  #checkRatio(): void {
    const { name, compressedByteLength, uncompressedByteLength } = this.entry
    const { maxRatio } = this.archive.settings
    if (uncompressedByteLength <= compressedByteLength * maxRatio) return
    throw new FormatError('member length', {
      format: 'npz',
      expected: `at most ${maxRatio} times the ${compressedByteLength} compressed bytes`,
      found: `${uncompressedByteLength}`,
      path: this.archive.path,
      member: name,
      hint: 'a larger maxRatio lets it through',
    })
  }

  /** As {@link zstdDecompress} wants it. */
  get zstd(): ZstdMember {
    return { path: this.archive.path, member: this.entry.name, byteLength: this.entry.uncompressedByteLength }
  }

  /** The deflated member's bytes. */
  get inflated(): InflatedSource {
    this.#inflated ??= this.#openInflated()
    return this.#inflated
  }

  /** The same, also after it was found damaged: for who wants what is left of it. */
  get salvaged(): InflatedSource {
    if (!this.inflated.damaged) return this.inflated
    this.#salvaged ??= this.#openInflated()
    return this.#salvaged
  }

  #openInflated(): InflatedSource {
    const { archive, entry, dataByteOffset: byteOffset } = this
    const { source, indexFile, pool } = archive
    const { name: member, crc32: expected, compressedByteLength, uncompressedByteLength } = entry
    const deflated = { source, byteOffset, compressedByteLength, uncompressedByteLength, crc32: expected, member }
    const chunks = (): SozipIndex | null => this.#seekIndex()
    if (indexFile === null) return new InflatedSource({ ...deflated, chunks }, pool)
    return new InflatedSource(
      {
        ...deflated,
        chunks,
        saved: () => indexFile.points(entry),
        onIndexed: (points) => {
          // Closed before the windows are as small as they get, the archive lets go of them: these are as they are now.
          const known = [...points.points]
          indexFile.save(entry, async () => {
            await points.shrink()
            return points.points.length === known.length ? [...points.points] : known
          })
        },
      },
      pool,
    )
  }

  /** The hidden index that follows the compressed data in archives made for it, or null. */
  #seekIndex(): SozipIndex | null {
    const { entry, dataByteOffset } = this
    const { source } = this.archive
    const start = dataByteOffset + entry.compressedByteLength
    const end = Math.min(entry.limitByteOffset ?? source.byteLength, source.byteLength)
    if (end - start < LOCAL_HEADER_BYTE_LENGTH) return null
    const head = new Uint8Array(LOCAL_HEADER_BYTE_LENGTH)
    source.read(start, head)
    const byteLength = sozipIndexByteLength(head, entry)
    if (byteLength === null || byteLength > end - start) return null
    const bytes = new Uint8Array(byteLength)
    source.read(start, bytes)
    return parseSozipIndex(bytes, entry)
  }

  /** The member as an array, or its bytes where it is none. */
  view(): StridedArray {
    const { source } = this.archive
    if (this.compression === 'stored') return imageArray(this.imageIn(source, this.dataByteOffset))
    if (this.compression === 'deflated') return imageArray(this.imageIn(this.inflated, 0))
    this.checkLoadByteLength()
    const packed = new Uint8Array(this.entry.compressedByteLength)
    source.read(this.dataByteOffset, packed)
    return this.inMemory(zstdDecompress(packed, this.zstd), true)
  }

  /** The member's bytes at an offset of a source. */
  imageIn(source: ByteSource, byteOffset: number): MemberImage {
    const { uncompressedByteLength: byteLength, name: member } = this.entry
    return { source, byteOffset, byteLength, member, maxHeaderSize: this.archive.settings.maxHeaderSize }
  }

  /** The array of bytes in memory, once they are checked and where their data is aligned. */
  inMemory(bytes: Uint8Array, verify: boolean): StridedArray {
    if (verify) this.checkCrc(crc32(bytes))
    const { path } = this.archive
    const aligned = memoryForImage(this.imageIn(new HeapSource(bytes as Uint8Array<ArrayBuffer>, path), 0))
    aligned.set(bytes)
    return imageArray(this.imageIn(new HeapSource(aligned, path), 0))
  }

  /** Throws {@link LayoutError} for a member that is longer than what may be loaded. */
  checkLoadByteLength(): void {
    const { name, uncompressedByteLength } = this.entry
    const { maxLoadByteLength } = this.archive.settings
    if (uncompressedByteLength <= maxLoadByteLength) return
    const remedy = this.compression === 'zstd' ? 'raise maxLoadByteLength' : 'get() reads slices of it'
    throw new LayoutError(
      `load: ${JSON.stringify(name)} has ${uncompressedByteLength} bytes, more than maxLoadByteLength ` +
        `${maxLoadByteLength}; ${remedy} (in ${this.archive.path})`,
      { reason: 'size' },
    )
  }

  /** Throws {@link IntegrityError} when this is not the CRC-32 that the directory has. */
  checkCrc(found: number): void {
    const { crc32: expected, name } = this.entry
    if (found === expected) return
    throw new IntegrityError('crc-32', {
      expected: hex(expected),
      found: hex(found),
      path: this.archive.path,
      member: name,
    })
  }
}
