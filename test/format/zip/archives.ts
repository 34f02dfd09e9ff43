// Archives for the tests of zip records: those Python wrote, and some made of our own records.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readZipDirectory, type ZipDirectory } from '../../../src/format/zip-records.ts'
import {
  formatCentralHeader,
  formatLocalHeader,
  formatZipEnd,
  type ZipMemberRecord,
} from '../../../src/format/zip-write-records.ts'

/** What zipfile found in an archive of this folder. */
export interface ManifestEntry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly compressedByteLength: number
  readonly uncompressedByteLength: number
  readonly localHeaderByteOffset: number
  readonly centralExtraByteLength: number
  readonly externalAttributes: number
  readonly versionNeeded: number
  readonly isDirectory: boolean
}

export const manifest: Record<string, { comment?: string; entries?: ManifestEntry[]; error?: string }> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'manifest.json'), 'utf8'),
)

export function archive(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(import.meta.dirname, `${name}.zip`)))
}

/** Where `signature`, in latin-1, stands from `from` on. */
export function find(bytes: Uint8Array, signature: string, from = 0): number {
  return Buffer.from(bytes).indexOf(signature, from, 'latin1')
}

/** The archive with fields of its bytes changed. */
export function changed(bytes: Uint8Array, change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice()
  change(new DataView(copy.buffer), copy)
  return copy
}

export function directoryOf(bytes: Uint8Array, maxEntries?: number): ZipDirectory {
  const read = (byteOffset: number, byteLength: number): Uint8Array => {
    if (byteOffset < 0 || byteLength < 0 || byteOffset + byteLength > bytes.length) {
      throw new Error(`asked for ${byteLength} bytes from ${byteOffset} of ${bytes.length}`)
    }
    return bytes.subarray(byteOffset, byteOffset + byteLength)
  }
  return readZipDirectory(read, bytes.length, { path: 'a.npz', maxEntries })
}

/** A few runs of bytes in a file of zeros, too large to hold. */
export class SparseArchive {
  byteLength = 0
  readonly #runs: { byteOffset: number; bytes: Uint8Array }[] = []

  put(byteOffset: number, bytes: Uint8Array): void {
    this.#runs.push({ byteOffset, bytes })
    this.byteLength = Math.max(this.byteLength, byteOffset + bytes.length)
  }

  get runs(): readonly { byteOffset: number; bytes: Uint8Array }[] {
    return this.#runs
  }

  readonly read = (byteOffset: number, byteLength: number): Uint8Array => {
    if (byteLength > 100_000_000) throw new Error(`asked for ${byteLength} bytes`)
    const result = new Uint8Array(byteLength)
    for (const run of this.#runs) {
      const start = Math.max(byteOffset, run.byteOffset)
      const end = Math.min(byteOffset + byteLength, run.byteOffset + run.bytes.length)
      if (start < end) result.set(run.bytes.subarray(start - run.byteOffset, end - run.byteOffset), start - byteOffset)
    }
    return result
  }

  directory(): ZipDirectory {
    return readZipDirectory(this.read, this.byteLength, { path: 'a.npz' })
  }
}

/** An archive of members whose data are zeros, one after the other, each with `extraByteLength` bytes of extra field. */
export function sparseArchive(
  members: readonly Omit<ZipMemberRecord, 'localHeaderByteOffset' | 'crc32'>[],
  extraByteLength: (member: Omit<ZipMemberRecord, 'localHeaderByteOffset' | 'crc32'>) => number = () => 0,
): SparseArchive {
  const result = new SparseArchive()
  const central: Uint8Array[] = []
  let at = 0
  for (const [index, member] of members.entries()) {
    const record: ZipMemberRecord = { ...member, crc32: index, localHeaderByteOffset: at }
    const header = formatLocalHeader(record, extraByteLength(member))
    result.put(at, header)
    central.push(formatCentralHeader(record))
    at += header.length + member.compressedByteLength
  }
  const directory = Buffer.concat(central)
  result.put(at, new Uint8Array(directory))
  result.put(at + directory.length, formatZipEnd(at, directory.length, members.length))
  return result
}
