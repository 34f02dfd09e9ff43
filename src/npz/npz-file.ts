/// <reference lib="esnext.disposable" preserve="true" />
// NpzFile: an archive of arrays, each of them an NdView like any other.

import { totalmem } from 'node:os'
import { NdView } from '../array/view.ts'
import { SelectionError } from '../errors.ts'
import { DEFAULT_MAX_HEADER_SIZE } from '../format/npy-header.ts'
import type { ZipEntry } from '../format/zip-records.ts'
import type { DType, DTypeName } from '../layout/dtype.ts'
import { formatPythonString } from '../layout/python-string.ts'
import type { Order } from '../layout/shape.ts'
import type { HeaderOptions } from '../npy/header.ts'
import { checkOptions } from '../options.ts'
import { absolutePath } from '../storage/os.ts'
import { Archive, type ArchiveSettings } from './archive.ts'
import { Member, type MemberCompression } from './member.ts'
import { isNpyImage } from './member-image.ts'
import { loadMember, type NpzLoadOptions } from './npz-load.ts'
import { type NpzVerifyOptions, verifyMember } from './npz-verify.ts'

/** How an archive is opened. */
export interface NpzOptions extends HeaderOptions {
  /** False reads with pread in place of mapping: for network disks, and files that others cut. */
  readonly mmap?: boolean
  /**
   * Memory in bytes for inflated data, shared by all members; 64 MiB when left out. As much again may go to where members
   * can be entered.
   */
  readonly cacheByteLength?: number
  /**
   * How far apart, in bytes of inflated data, a deflated member without a seek index of its own can be entered once it was
   * passed: less makes slices quicker and takes more memory, 32 KiB each before compression. 1 MiB when left out.
   */
  readonly indexSpacing?: number
  /**
   * True keeps those places in a file beside the archive, `NAME.npymap-index`, for the next time. It is believed only while
   * the archive is unchanged. Where it cannot be written, it is not.
   */
  readonly indexCache?: boolean
  /** Refuses deflated members that say they are more than so many times longer than their data; 1032 when left out, the most there can be. */
  readonly maxRatio?: number
  /** Refuses to load longer members, in bytes; this machine's memory when left out. */
  readonly maxLoadByteLength?: number
}

/** What an archive says of a member. */
export interface MemberInfo {
  /** As in the zip: with `.npy`. */
  readonly name: string
  /** False for members that are no arrays: they are given as their bytes. */
  readonly isArray: boolean
  /** What one element is; uint8 for members that are no arrays. */
  readonly dtype: DType
  /** Elements along each axis. */
  readonly shape: readonly number[]
  /** C for members that are no arrays. */
  readonly order: Order | null
  /** Bytes of all elements. */
  readonly nbytes: number
  /** How the member lies in the archive. */
  readonly compression: MemberCompression
  /** Bytes of the member as it is in the archive. */
  readonly compressedByteLength: number
  /** Bytes of the member: header and data. */
  readonly byteLength: number
  /** As the archive has it; unsigned. */
  readonly crc32: number
  /** True when any slice can be had without reading what is before it. */
  readonly seekable: boolean
  /** True when the data of a stored member begins where typed arrays of its elements can begin. */
  readonly aligned: boolean
}

const OPTION_NAMES: readonly string[] = [
  'mmap',
  'maxHeaderSize',
  'cacheByteLength',
  'indexSpacing',
  'indexCache',
  'maxRatio',
  'maxLoadByteLength',
]
const DEFAULT_CACHE_BYTE_LENGTH = 64 * 1024 * 1024
const DEFAULT_INDEX_SPACING = 1024 * 1024
/** Closer together, the places would take more memory than the data. */
const LEAST_INDEX_SPACING = 64 * 1024
/** The longest that deflate makes of one byte. */
const DEFLATE_MAX_RATIO = 1032
/** As many keys as NumPy shows. */
const SHOWN_KEYS = 5

/**
 * An .npz archive open for reading: a Map of names to arrays, where nothing is read of a member before it is asked for.
 *
 * Names are NumPy's: a member `x.npy` is had as `x` and as `x.npy`; when there is a member `x` as well, `x` is that one. Of
 * several members with one name the last counts. A member that is no array is given as its bytes, a 1-d array of uint8.
 *
 * Stored members are mapped where they lie; deflated ones are inflated as far as a slice needs; those compressed with zstd
 * are decompressed as a whole when they are asked for, where this Node can.
 */
export class NpzFile {
  /** The absolute path. */
  readonly path: string
  readonly #archive: Archive
  readonly #members = new Map<ZipEntry, Member>()

  /** @internal */
  constructor(archive: Archive) {
    this.#archive = archive
    this.path = archive.path
  }

  /** The archive's own comment; mostly empty. */
  get comment(): string {
    return this.#archive.comment
  }

  /** How many members there are. */
  get size(): number {
    return this.#archive.size
  }

  /**
   * Full names that several members have, as zip tools leave them that update archives: of each the last one is read, here as in
   * NumPy. Empty but for such archives.
   */
  get sharedNames(): string[] {
    return this.#archive.sharedNames
  }

  /** True once it was closed. */
  get closed(): boolean {
    return this.#archive.closed
  }

  /** The names of all members, without their `.npy` unless that is another member's, in the order of the archive. */
  keys(): IterableIterator<string> {
    return this.#archive.keys()
  }

  /** True when there is a member of this name, with or without its `.npy`. */
  has(name: string): boolean {
    return this.#archive.find(name) !== undefined
  }

  /**
   * A member as an array. Arrays stay valid until the archive is closed.
   *
   * @throws {@link SelectionError} when there is no such member, {@link FormatError}, {@link UnsupportedError} for object
   * arrays, encryption and compression methods without a reader
   */
  get<T extends DTypeName = DTypeName>(name: string): NdView<T> {
    return new NdView<T>(this.#member(name, 'get').view())
  }

  #member(name: string, what: string): Member {
    this.#archive.requireOpen()
    if (typeof name !== 'string') throw new TypeError(`${what}: expected a member's name, got ${typeof name}`)
    const entry = this.#archive.find(name)
    if (entry === undefined) {
      const keys = this.size === 0 ? 'it is empty' : `there are ${this.#someKeys()}`
      throw new SelectionError(`${what}: there is no member ${JSON.stringify(name)}; ${keys} (in ${this.path})`, {
        index: name,
      })
    }
    const member = this.#members.get(entry) ?? new Member(this.#archive, entry)
    this.#members.set(entry, member)
    return member
  }

  #someKeys(): string {
    const shown: string[] = []
    for (const key of this.keys()) {
      if (shown.length === SHOWN_KEYS) return `${shown.join(', ')}...`
      shown.push(key)
    }
    return shown.join(', ')
  }

  /** Names and arrays, in the order of `keys()`. */
  *entries(): Generator<[name: string, array: NdView]> {
    for (const key of this.keys()) yield [key, this.get(key)]
  }

  /** Arrays, in the order of `keys()`. */
  *values(): Generator<NdView> {
    for (const key of this.keys()) yield this.get(key)
  }

  /** {@link entries}. */
  [Symbol.iterator](): Generator<[name: string, array: NdView]> {
    return this.entries()
  }

  /**
   * What the archive and the array's header say of a member. Of a deflated member only the header is inflated.
   *
   * @throws as {@link get} does
   */
  info(name: string): MemberInfo {
    const member = this.#member(name, 'info')
    const { entry, compression } = member
    const array = new NdView(member.view())
    const { dtype, shape, order, nbytes, source } = array
    const byteOffset = compression === 'stored' ? member.dataByteOffset : 0
    const elements = dtype.kind === 'V' || dtype.kind === 'S' ? 1 : dtype.wordSize
    return {
      name: entry.name,
      isArray: isNpyImage(member.imageIn(source, byteOffset)),
      dtype,
      shape,
      order,
      nbytes,
      compression,
      compressedByteLength: entry.compressedByteLength,
      byteLength: entry.uncompressedByteLength,
      crc32: entry.crc32,
      seekable: compression === 'stored' || (compression === 'deflated' && member.inflated.seekable),
      aligned: compression === 'stored' && array.byteOffset % elements === 0,
    }
  }

  /**
   * Reads a whole member into memory, off the main thread and in parallel where it can be entered at several places. Its
   * CRC-32 and length are checked. The array may be written to, and stays when the archive is closed. Slices of a member
   * without a seek index are no quicker afterwards, unless there is `indexCache`: {@link buildIndex} makes them so.
   *
   * @throws {@link IntegrityError} when they are wrong, {@link LayoutError} for more than `maxLoadByteLength`, the signal's
   * reason, and as {@link get} does
   */
  async load<T extends DTypeName = DTypeName>(name: string, options: NpzLoadOptions = {}): Promise<NdView<T>> {
    checkOptions(options, ['verify', 'signal'], 'load')
    options.signal?.throwIfAborted()
    return new NdView<T>(await loadMember(this.#member(name, 'load'), options))
  }

  /**
   * Reads all of a member in bounded memory, off the main thread, and compares it with its CRC-32 and length. Members that
   * are no arrays are compared as well.
   *
   * @throws {@link IntegrityError} when they are wrong, the signal's reason, and as {@link get} does
   */
  async verify(name: string, options: NpzVerifyOptions = {}): Promise<void> {
    checkOptions(options, ['signal', 'onProgress'], 'verify')
    options.signal?.throwIfAborted()
    await verifyMember(this.#member(name, 'verify'), options)
  }

  /**
   * Passes a deflated member once, off the main thread, so that any slice of it is quick from then on. Where members can be
   * entered anyway (stored ones, and those with a seek index), and without the addon, there is nothing to do. Reading slices
   * builds the same index as far as they go.
   *
   * @throws {@link IntegrityError} when the member's CRC-32 or length is wrong, and as {@link get} does
   */
  async buildIndex(name: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    checkOptions(options, ['signal'], 'buildIndex')
    options.signal?.throwIfAborted()
    const member = this.#member(name, 'buildIndex')
    if (member.compression !== 'deflated') return
    await member.inflated.buildIndex(options)
    await this.#archive.indexFile?.settled()
  }

  /** Ends it and the arrays that came from `get`: later calls throw {@link ClosedError}. A second call does nothing. */
  close(): void {
    this.#archive.close()
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** As NumPy prints it. */
  toString(): string {
    return `NpzFile ${formatPythonString(this.path)} with keys: ${this.#someKeys()}`
  }
}

// What `console.log` shows. The symbol is Node's, by its public name.
Object.defineProperty(NpzFile.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: NpzFile): string {
    return this.closed ? `NpzFile(closed, ${JSON.stringify(this.path)})` : this.toString()
  },
})

/** Throws `TypeError` and `RangeError` for options that are none. */
function settingsOf(options: NpzOptions): ArchiveSettings {
  checkOptions(options, OPTION_NAMES, 'openNpz')
  const {
    mmap = true,
    maxHeaderSize = DEFAULT_MAX_HEADER_SIZE,
    cacheByteLength = DEFAULT_CACHE_BYTE_LENGTH,
    indexSpacing = DEFAULT_INDEX_SPACING,
    indexCache = false,
    maxRatio = DEFLATE_MAX_RATIO,
    maxLoadByteLength = totalmem(),
  } = options
  checkLeast(cacheByteLength, 0, 'cacheByteLength')
  checkLeast(indexSpacing, LEAST_INDEX_SPACING, 'indexSpacing')
  checkLeast(maxRatio, 1, 'maxRatio')
  checkLeast(maxLoadByteLength, 0, 'maxLoadByteLength')
  return { mmap, maxHeaderSize, cacheByteLength, indexSpacing, indexCache, maxRatio, maxLoadByteLength }
}

function checkLeast(value: unknown, least: number, name: string): void {
  if (typeof value !== 'number') throw new TypeError(`openNpz: ${name}: expected a number, got ${typeof value}`)
  if (value >= least) return
  throw new RangeError(`openNpz: ${name}: expected at least ${least}, got ${value}`)
}

/**
 * Opens an .npz archive in the time that its directory takes: no member is read before it is asked for.
 *
 * @example
 * using z = openNpz('model.npz')
 * z.get('w').slice(':100').toTypedArray()
 *
 * @throws {@link FormatError}, {@link UnsupportedError}, {@link OsError}
 */
export function openNpz(path: string | URL, options: NpzOptions = {}): NpzFile {
  return new NpzFile(new Archive(absolutePath(path), settingsOf(options)))
}
