// An open archive: its directory, its members by name, and what they share. Nothing is read for a member until it is used.

import { ClosedError } from '../errors.ts'
import { decodeCp437 } from '../format/cp437.ts'
import { readZipDirectory, type ZipEntry } from '../format/zip-records.ts'
import type { ByteSource } from '../storage/byte-source.ts'
import { IndexFile } from '../storage/index-file.ts'
import { InflatePool } from '../storage/inflate-pool.ts'
import { openSource } from '../storage/open-source.ts'

/** How an archive is read, with nothing left out. */
export interface ArchiveSettings {
  readonly mmap: boolean
  readonly maxHeaderSize: number
  readonly cacheByteLength: number
  readonly indexSpacing: number
  readonly indexCache: boolean
  readonly maxRatio: number
  readonly maxLoadByteLength: number
}

const NPY_SUFFIX = '.npy'

/** A zip archive open for reading. */
export class Archive {
  readonly path: string
  readonly source: ByteSource
  readonly settings: ArchiveSettings
  readonly #entries: readonly ZipEntry[]
  readonly #comment: Uint8Array
  /** By full name; the last of several with one name, at the place of the first. */
  #byName: Map<string, ZipEntry> | null = null
  #pool: InflatePool | null = null
  #indexFile: IndexFile | null | undefined

  /** Throws {@link FormatError} for what is no archive, {@link UnsupportedError}, {@link OsError}. */
  constructor(path: string, settings: ArchiveSettings) {
    this.path = path
    this.settings = settings
    const source = openSource(path, { mode: 'r', mmap: settings.mmap })
    try {
      const read = (byteOffset: number, byteLength: number): Uint8Array => {
        const bytes = new Uint8Array(byteLength)
        source.read(byteOffset, bytes)
        return bytes
      }
      const { entries, comment } = readZipDirectory(read, source.byteLength, { path })
      this.#entries = entries
      this.#comment = comment
    } catch (error) {
      source.close()
      throw error
    }
    this.source = source
  }

  /** The archive's own comment: UTF-8 where it is, else cp437. */
  get comment(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.#comment)
    } catch {
      return decodeCp437(this.#comment)
    }
  }

  get #names(): Map<string, ZipEntry> {
    if (this.#byName === null) {
      this.#byName = new Map()
      // Not from pairs: thousands of them take longer than the map itself.
      for (const entry of this.#entries) this.#byName.set(entry.name, entry)
    }
    return this.#byName
  }

  /** How many members can be reached. */
  get size(): number {
    return this.#names.size
  }

  /** Full names that several entries have; `find` gives the last of each. */
  get sharedNames(): string[] {
    if (this.size === this.#entries.length) return []
    const seen = new Set<string>()
    const shared = new Set<string>()
    for (const { name } of this.#entries) {
      if (seen.has(name)) shared.add(name)
      seen.add(name)
    }
    return [...shared]
  }

  /** A member by its full name, or without its `.npy`; the full name goes first. */
  find(key: string): ZipEntry | undefined {
    return this.#names.get(key) ?? this.#names.get(key + NPY_SUFFIX)
  }

  /** One key for each member, as short as it can be, in the order of the directory. */
  *keys(): Generator<string> {
    for (const name of this.#names.keys()) yield this.#keyOf(name)
  }

  #keyOf(name: string): string {
    if (!name.endsWith(NPY_SUFFIX)) return name
    const short = name.slice(0, -NPY_SUFFIX.length)
    return this.#names.has(short) ? name : short
  }

  /** What the compressed members share. */
  get pool(): InflatePool {
    this.#pool ??= new InflatePool(this.settings)
    return this.#pool
  }

  /** Where access points are kept, if they are. */
  get indexFile(): IndexFile | null {
    if (this.#indexFile === undefined) {
      this.#indexFile = this.settings.indexCache ? IndexFile.beside(this.path, this.source.byteLength) : null
    }
    return this.#indexFile
  }

  get closed(): boolean {
    return this.source.closed
  }

  /** Throws {@link ClosedError} after `close()`. */
  requireOpen(): void {
    if (this.source.closed) throw new ClosedError('archive', { path: this.path })
  }

  close(): void {
    this.source.close()
    this.#pool?.close()
  }
}
