// Access points kept beside an archive, so that the next program need not pass its members again. Believed only for the
// very archive that they were made from; in doubt they are not there.

import * as fs from 'node:fs'
import { crc32 } from 'node:zlib'
import { type AccessPoint, WINDOW_BYTE_LENGTH } from './access-points.ts'
import { commit, discard, nodeOutput, openBeside } from './output.ts'

/** A member as the directory of its archive has it: what its points are valid for. */
export interface IndexedMember {
  readonly localHeaderByteOffset: number
  readonly crc32: number
  readonly compressedByteLength: number
  readonly uncompressedByteLength: number
}

/** The archive as it was when it was opened. */
interface ArchiveStatus {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly mode: bigint
  readonly uid: bigint
  readonly gid: bigint
}

const SUFFIX = '.npymap-index'
/** `npymapix`, and the version of what follows. */
const MAGIC = 0x6e70796d61706978n
const VERSION = 1
/** 0 magic, 8 version, 12 CRC-32 of all that follows it, 16 archive size, 24 archive mtime, 32 member count */
const HEAD_BYTE_LENGTH = 40
/** 0 header offset, 8 compressed length, 16 length, 24 CRC-32, 28 point count */
const MEMBER_BYTE_LENGTH = 32
/** 0 offset, 8 compressed offset, 16 CRC-32, 20 window length, 24 bits, 25 byte, 26 window deflated, 27 CRC-32 known */
const POINT_BYTE_LENGTH = 28
/** No index of sane spacing is longer; it is read as a whole. */
const MOST_BYTE_LENGTH = 1024 * 1024 * 1024

/** The access points of an archive's members, in a file beside it. */
export class IndexFile {
  readonly path: string
  readonly #archive: ArchiveStatus
  #members: Map<string, readonly AccessPoint[]> | null = null
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, archive: ArchiveStatus) {
    this.path = path
    this.#archive = archive
  }

  /** For an open archive of this length; null when the path names something else by now. */
  static beside(archivePath: string, archiveByteLength: number): IndexFile | null {
    const archive = statusOf(archivePath)
    if (archive === null || Number(archive.size) !== archiveByteLength) return null
    return new IndexFile(`${archivePath}${SUFFIX}`, archive)
  }

  /** The points of a member, or null when there are none that fit it. */
  points(member: IndexedMember): readonly AccessPoint[] | null {
    const points = this.#all().get(keyOf(member)) ?? []
    return points.length > 0 && points.every((point, i) => isInside(point, points[i - 1], member)) ? points : null
  }

  #all(): Map<string, readonly AccessPoint[]> {
    this.#members ??= parse(readQuietly(this.path), this.#archive)
    return this.#members
  }

  /** Adds a member's points and writes the file anew. What the system refuses is no error: the index is a convenience. */
  save(member: IndexedMember, points: () => Promise<readonly AccessPoint[]>): void {
    this.#writing = this.#writing.then(async () => {
      try {
        const known = await points()
        if (known.length === 0) return
        this.#all().set(keyOf(member), known)
        await this.#write()
      } catch {
        // The next program passes the member again.
      }
    })
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.#writing
  }

  async #write(): Promise<void> {
    if (!mayReplace(this.path)) return
    // The windows are the archive's data: who may not read the one may not read the other.
    const { mode, uid, gid } = this.#archive
    const like = { mode: Number(mode % 0o1000n), uid: Number(uid), gid: Number(gid) }
    const output = openBeside(this.path, nodeOutput, like)
    try {
      await nodeOutput.write(output.fd, format(this.#all(), this.#archive), 0)
    } catch (error) {
      discard(output)
      throw error
    }
    await commit(output, false)
  }
}

function statusOf(path: string): ArchiveStatus | null {
  try {
    return fs.statSync(path, { bigint: true })
  } catch {
    return null
  }
}

/** True where there is nothing, or a file that begins as an index does: no link, and nobody else's file. */
function mayReplace(path: string): boolean {
  const status = fs.lstatSync(path, { throwIfNoEntry: false })
  if (status === undefined) return true
  if (!status.isFile()) return false
  const head = new Uint8Array(8)
  const fd = fs.openSync(path, 'r')
  try {
    fs.readSync(fd, head, 0, 8, 0)
  } finally {
    fs.closeSync(fd)
  }
  return new DataView(head.buffer).getBigUint64(0) === MAGIC
}

function readQuietly(path: string): Uint8Array {
  try {
    const status = fs.statSync(path)
    return status.isFile() && status.size <= MOST_BYTE_LENGTH ? fs.readFileSync(path) : new Uint8Array(0)
  } catch {
    return new Uint8Array(0)
  }
}

function keyOf(member: IndexedMember): string {
  return [member.localHeaderByteOffset, member.crc32, member.compressedByteLength, member.uncompressedByteLength].join()
}

function isInside(point: AccessPoint, previous: AccessPoint | undefined, member: IndexedMember): boolean {
  const { byteOffset, compressedByteOffset, bits } = point
  return (
    Number.isSafeInteger(byteOffset) &&
    Number.isSafeInteger(compressedByteOffset) &&
    byteOffset > (previous?.byteOffset ?? 0) &&
    byteOffset < member.uncompressedByteLength &&
    compressedByteOffset > (previous?.compressedByteOffset ?? 0) &&
    compressedByteOffset <= member.compressedByteLength &&
    bits <= 7
  )
}

function format(members: Map<string, readonly AccessPoint[]>, archive: ArchiveStatus): Uint8Array {
  let byteLength = HEAD_BYTE_LENGTH
  for (const points of members.values()) {
    byteLength += MEMBER_BYTE_LENGTH
    for (const { window } of points) byteLength += POINT_BYTE_LENGTH + window.byteLength
  }
  const bytes = new Uint8Array(byteLength)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, MAGIC)
  view.setUint32(8, VERSION, true)
  view.setBigUint64(16, archive.size, true)
  view.setBigInt64(24, archive.mtimeNs, true)
  view.setUint32(32, members.size, true)
  let at = HEAD_BYTE_LENGTH
  for (const [key, points] of members) {
    const [localHeaderByteOffset, crc, compressed, uncompressed] = key.split(',').map(Number)
    view.setFloat64(at, localHeaderByteOffset!, true)
    view.setFloat64(at + 8, compressed!, true)
    view.setFloat64(at + 16, uncompressed!, true)
    view.setUint32(at + 24, crc!, true)
    view.setUint32(at + 28, points.length, true)
    at += MEMBER_BYTE_LENGTH
    for (const point of points) {
      view.setFloat64(at, point.byteOffset, true)
      view.setFloat64(at + 8, point.compressedByteOffset, true)
      view.setUint32(at + 16, point.crc ?? 0, true)
      view.setUint32(at + 20, point.window.byteLength, true)
      bytes.set([point.bits, point.byte, Number(point.deflated), Number(point.crc !== null)], at + 24)
      bytes.set(point.window, at + POINT_BYTE_LENGTH)
      at += POINT_BYTE_LENGTH + point.window.byteLength
    }
  }
  view.setUint32(12, crc32(bytes.subarray(16)), true)
  return bytes
}

/** The points of every member; empty for anything that is not wholly an index of this archive. */
function parse(bytes: Uint8Array, archive: ArchiveStatus): Map<string, readonly AccessPoint[]> {
  const members = new Map<string, readonly AccessPoint[]>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.byteLength < HEAD_BYTE_LENGTH) return members
  if (view.getBigUint64(0) !== MAGIC || view.getUint32(8, true) !== VERSION) return members
  if (view.getBigUint64(16, true) !== archive.size || view.getBigInt64(24, true) !== archive.mtimeNs) return members
  if (view.getUint32(12, true) !== crc32(bytes.subarray(16))) return members
  try {
    let at = HEAD_BYTE_LENGTH
    for (let left = view.getUint32(32, true); left > 0; left--) {
      const key = keyOf({
        localHeaderByteOffset: view.getFloat64(at, true),
        compressedByteLength: view.getFloat64(at + 8, true),
        uncompressedByteLength: view.getFloat64(at + 16, true),
        crc32: view.getUint32(at + 24, true),
      })
      const points: AccessPoint[] = []
      const count = view.getUint32(at + 28, true)
      at += MEMBER_BYTE_LENGTH
      while (points.length < count) {
        const point = parsePoint(bytes, view, at)
        at += POINT_BYTE_LENGTH + point.window.byteLength
        points.push(point)
      }
      members.set(key, points)
    }
  } catch {
    // A count beyond the end: made by somebody else, checksum and all.
    return new Map()
  }
  return members
}

function parsePoint(bytes: Uint8Array, view: DataView, at: number): AccessPoint {
  const start = at + POINT_BYTE_LENGTH
  const window = bytes.slice(start, start + view.getUint32(at + 20, true))
  const point = {
    byteOffset: view.getFloat64(at, true),
    compressedByteOffset: view.getFloat64(at + 8, true),
    bits: view.getUint8(at + 24),
    byte: view.getUint8(at + 25),
    crc: view.getUint8(at + 27) === 1 ? view.getUint32(at + 16, true) : null,
    window,
    deflated: view.getUint8(at + 26) === 1,
  }
  if (window.byteLength !== view.getUint32(at + 20, true)) throw new RangeError('index: a window beyond the end')
  if (window.byteLength > WINDOW_BYTE_LENGTH) throw new RangeError('index: a window that is too long')
  return point
}
