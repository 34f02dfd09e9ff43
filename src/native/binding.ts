// Finds and loads the addon: the one door to C. Its interface is the addon's whole contract; whoever calls it has
// checked the arguments. Without a usable addon `loadAddon()` is null and the library reads with pread.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** A mapping, opaque to JavaScript. Dropped without `close`, it is unmapped once it and its windows are collected. */
export type MappingHandle = { readonly opaque: unique symbol }

/** A raw deflate stream being inflated, opaque to JavaScript; freed once it is collected and no thread works on it. */
export type InflaterHandle = { readonly opaque: unique symbol }

/** How a file is mapped; the numbers are those of `mapping.h`. */
export const MappingMode: { readonly read: 0; readonly shared: 1; readonly private: 2 } = {
  read: 0,
  shared: 1,
  private: 2,
}

/** Where in a stream a block stands that is inflated alone: these numbers, or their sum. */
export const BlockKind: { readonly middle: 0; readonly ends: 1; readonly begins: 2 } = { middle: 0, ends: 1, begins: 2 }

/** What happened under a mapping; the numbers are those of `mapping.h`. */
export const MappingFault: { readonly truncated: 1; readonly io: 2; readonly write: 3 } = {
  truncated: 1,
  io: 2,
  write: 3,
}

/** The C side. Numbers returned are 0 or a negative errno unless said otherwise; offsets are bytes of the file. */
export interface Addon {
  /** Bumped at every fault under any mapping of this thread. */
  readonly faultCounter: Uint32Array
  /** Fills `head` with the first bytes of the file, as far as it goes. */
  open(path: string, mode: number, head: Uint8Array): MappingHandle | number
  byteLength(handle: MappingHandle): number
  /** Detaches every window, then unmaps once work in flight is done. */
  close(handle: MappingHandle): number
  /** Never twice with one `byteOffset`: V8 may abort over two buffers at one address. */
  window(handle: MappingHandle, byteOffset: number, byteLength: number): ArrayBuffer | number
  read(handle: MappingHandle, byteOffset: number, into: Uint8Array): number
  /** The same through a descriptor of its own: no page fault, dear as a second read, cheap as a first. */
  peek(handle: MappingHandle, byteOffset: number, into: Uint8Array): number
  /**
   * Fills `into` on a thread of the pool and gives the CRC-32 of it; a number below 0 at once when the arguments are
   * refused. Do not touch `into` before it is done.
   */
  readCrc32(handle: MappingHandle, byteOffset: number, into: Uint8Array): Promise<number> | number
  /** `plan` is `[itemSize, wordSize, ndim, ...shape, ...dstStrides, ...srcStrides]`, strides in bytes. */
  copy(
    dst: MappingHandle | Uint8Array,
    dstByteOffset: number,
    src: MappingHandle | Uint8Array,
    srcByteOffset: number,
    plan: Float64Array,
  ): number
  /**
   * The same on a thread of the pool; a number at once when the arguments are refused. At most `threads` threads work, this
   * one among them.
   */
  copyAsync(
    dst: MappingHandle | Uint8Array,
    dstByteOffset: number,
    src: MappingHandle | Uint8Array,
    srcByteOffset: number,
    plan: Float64Array,
    threads: number,
  ): Promise<number> | number
  /**
   * Copies the elements at `indices` along one axis. `plan` is `[itemSize, wordSize, ndim, axis, ...shape,
   * ...dstStrides, ...srcStrides]`: the shape is that of `src`, strides are in bytes, and the axis of `dst` has as many
   * elements as there are indices, integers from 0 as doubles. At most `threads` threads work, this one among them.
   * Pages of a mapping that are on the disk are asked for ahead of the copying.
   */
  take(
    dst: Uint8Array,
    dstByteOffset: number,
    src: MappingHandle | Uint8Array,
    srcByteOffset: number,
    plan: Float64Array,
    indices: Float64Array,
    threads: number,
  ): number
  /**
   * The same on a thread of the pool, which starts the others; a number at once when the arguments are refused. It ends
   * soon with -ECANCELED after `stop[0]` is set to 1. Do not touch the indices before it is done.
   */
  takeAsync(
    dst: Uint8Array,
    dstByteOffset: number,
    src: MappingHandle | Uint8Array,
    srcByteOffset: number,
    plan: Float64Array,
    indices: Float64Array,
    threads: number,
    stop: Int32Array,
  ): Promise<number> | number
  /** A file now shorter than `neededByteLength` becomes a fault. */
  checkSize(handle: MappingHandle, neededByteLength: number): number
  /** `[kind, byteOffset, -errno]`. A stray write is repaired and forgotten, lost pages stay reported. */
  takeFault(handle: MappingHandle): [kind: number, byteOffset: number, errno: number] | null
  /** 1 when these bytes, or this mapping, are of the file at the path; else 0. */
  liesIn(bytes: MappingHandle | Uint8Array, path: string): number
  advise(handle: MappingHandle, byteOffset: number, byteLength: number, advice: number): number
  /** Bytes of the range in memory, in whole pages, or a negative errno. */
  resident(handle: MappingHandle, byteOffset: number, byteLength: number): number
  /** For memory about to be filled: a hint. */
  preferHugePages(bytes: Uint8Array): number
  /** Has the system find the pages of memory that others fill meanwhile, on a thread of the pool: a hint. */
  populate(bytes: Uint8Array): Promise<number> | number
  reserve(fd: number, byteLength: number): number
  flush(handle: MappingHandle, byteOffset: number, byteLength: number): Promise<number> | number
  prefetch(handle: MappingHandle, byteOffset: number, byteLength: number): Promise<number> | number
  /** Writes all of it; do not touch the bytes before it is done. */
  write(fd: number, from: Uint8Array, byteOffset: number): Promise<number> | number
  /** Has later writes of an open file go past the page cache (1), or through it again (0). */
  setDirect(fd: number, direct: 0 | 1): number
  /** Where the bytes lie in memory, modulo a divisor above 0. */
  addressModulo(bytes: Uint8Array, divisor: number): number
  /** 1 for bytes of a window of ours, which work in flight keeps mapped whatever becomes of the window; else 0. */
  isMapped(bytes: Uint8Array): number
  /** Takes the file's exclusive lock without waiting; it goes with the descriptor. */
  lock(fd: number): number
  /** CRC-32, unsigned, of the bytes after those whose CRC is `seed`: `zlib.crc32`, but of no bytes it is the seed. */
  crc32(bytes: Uint8Array, seed: number): number
  /** False where the host exports no zlib: `inflater()` then gives -ENOTSUP. */
  readonly hasInflate: boolean
  /** A raw deflate stream at its beginning. */
  inflater(): InflaterHandle | number
  /**
   * Back to a beginning: of a stream (0, 0, no bytes), or at an access point. There, the upper `bits` (0 to 7) bits of
   * `byte`, the one before the input, come first, and `window` is the output before, at most its last 32 KiB.
   */
  inflaterReset(inflater: InflaterHandle, bits: number, byte: number, window: Uint8Array): number
  /**
   * Inflates `input[inputStart, inputEnd)` into `output[outputStart, outputEnd)` until one is used up, the stream ends,
   * or a block other than the last ends with at least `boundaryAfter` bytes (Infinity: never) produced by this call.
   * Fills `result` with [consumed, produced, ended 0 | 1, unused bits of the last byte consumed or -1 when it did not
   * stop at a boundary, CRC-32 of what was produced or 0 without `withCrc`], also when it fails later than on its
   * arguments. -EILSEQ for what is no deflate; -EBUSY, here and above, while a thread works on the inflater.
   * The output range past what was produced may be overwritten. A call without room still consumes what comes before
   * the next byte: the end of a stream, if that is next.
   */
  inflate(
    inflater: InflaterHandle,
    input: Uint8Array,
    inputStart: number,
    inputEnd: number,
    output: Uint8Array,
    outputStart: number,
    outputEnd: number,
    boundaryAfter: number,
    withCrc: boolean,
    result: Float64Array,
  ): number
  /** The same on a thread of the pool; a number at once when the arguments are refused. `result` is filled at the end. */
  inflateAsync(
    inflater: InflaterHandle,
    input: Uint8Array,
    inputStart: number,
    inputEnd: number,
    output: Uint8Array,
    outputStart: number,
    outputEnd: number,
    boundaryAfter: number,
    withCrc: boolean,
    result: Float64Array,
  ): Promise<number> | number
  /** What deflates and inflates whole blocks, as `libdeflate 1.14`; null in a build without: they give -ENOTSUP then. */
  readonly codec: string | null
  /** Its levels are 0 to this; -1 without a codec. */
  readonly codecMaxLevel: number
  /** Room that so many bytes need to be deflated, in bytes. */
  deflateBound(byteLength: number): number
  /**
   * Deflates `input[inputStart, inputEnd)` without regard to anything before: to the end of a stream when `last`, else to
   * whole blocks that end on a whole byte, in an empty stored block. Stores what does not shrink by the part
   * `minSaving`. Returns how many bytes of `output`, which has to have room for the bound, that came to, or -errno.
   */
  deflate(
    input: Uint8Array,
    inputStart: number,
    inputEnd: number,
    level: number,
    minSaving: number,
    last: boolean,
    output: Uint8Array,
  ): number
  /** The same on a thread of the pool; a number at once when the arguments are refused. */
  deflateAsync(
    input: Uint8Array,
    inputStart: number,
    inputEnd: number,
    level: number,
    minSaving: number,
    last: boolean,
    output: Uint8Array,
  ): Promise<number> | number
  /**
   * Inflates blocks that need nothing before them, of an array or of a mapping. `blocks` has five numbers for each:
   * `[inputStart, inputEnd)`, `[outputStart, outputEnd)`, all of it to be filled, and a {@link BlockKind}; in that place comes
   * its CRC-32, or 0 without `withCrc`. A block that begins no stream has to stand behind the bytes `before`. In an array,
   * five bytes of input have to follow a block that ends no stream, and are used for a time. 0, or -EILSEQ when one is no
   * such block; the output may be overwritten anyway.
   */
  inflateBlocks(
    input: Uint8Array | MappingHandle,
    output: Uint8Array,
    blocks: Float64Array,
    withCrc: boolean,
    before: Uint8Array,
  ): number
  /** The same on a thread of the pool; a number at once when the arguments are refused. */
  inflateBlocksAsync(
    input: Uint8Array | MappingHandle,
    output: Uint8Array,
    blocks: Float64Array,
    withCrc: boolean,
    before: Uint8Array,
  ): Promise<number> | number
  /** The last output into `into`, at least 32 KiB long -> how many bytes (32 KiB, or all there were), or -errno. */
  inflaterWindow(inflater: InflaterHandle, into: Uint8Array): number
}

/** What this installation runs on. */
export interface BuildInfo {
  /** True when files are mapped by the addon, false when everything is read with pread. */
  readonly addon: boolean
  /** The addon's file, or null. */
  readonly addonPath: string | null
  /** What deflates and inflates: `libdeflate 1.14`, `zlib` (Node's own), or `fflate` where there is no addon. */
  readonly codec: string
  /** Why there is no addon, with every place looked at; null when there is one. */
  readonly reason: string | null
  /** As `linux-x64`. */
  readonly platform: string
  /** The version of Node, as `24.1.0`. */
  readonly node: string
}

let addon: Addon | null | undefined
let info: BuildInfo | undefined

/** Which C library this process runs on; a system may have both. */
function libc(): 'glibc' | 'musl' {
  try {
    return readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-') ? 'musl' : 'glibc'
  } catch {
    return existsSync('/etc/alpine-release') ? 'musl' : 'glibc'
  }
}

/** Where addons may be, in the order of node-gyp-build: compiled here, then what the package brought. */
function* candidates(): Generator<string> {
  const chosen = process.env.NPYMAP_ADDON
  if (chosen !== undefined && chosen !== '') {
    yield chosen
    return
  }
  const root = new URL('../../', import.meta.url)
  yield fileURLToPath(new URL('build/Release/npymap.node', root))
  const tag = process.platform === 'linux' ? `.${libc()}` : ''
  yield fileURLToPath(new URL(`prebuilds/${process.platform}-${process.arch}/npymap${tag}.node`, root))
}

function load(): void {
  const platform = `${process.platform}-${process.arch}`
  const node = process.versions.node
  const without = (reason: string): void => {
    addon = null
    info = { addon: false, addonPath: null, codec: 'fflate', reason, platform, node }
  }
  if (process.env.NPYMAP_NO_ADDON === '1') {
    without('NPYMAP_NO_ADDON=1 is set')
    return
  }
  const require = createRequire(import.meta.url)
  const tried: string[] = []
  for (const path of candidates()) {
    if (!existsSync(path)) {
      tried.push(`${path}: not there`)
      continue
    }
    try {
      addon = require(path) as Addon
      const codec = addon.codec ?? (addon.hasInflate ? 'zlib' : 'fflate')
      info = { addon: true, addonPath: path, codec, reason: null, platform, node }
      return
    } catch (error) {
      tried.push(`${path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const build = fileURLToPath(new URL('../../src/native/build.mjs', import.meta.url))
  without(`no addon for ${platform}, Node ${node}; to build it, run: node ${build}; tried ${tried.join('; ')}`)
}

/** The addon, or null where it is not built, does not load, or `NPYMAP_NO_ADDON=1` is set. Looked for once. */
export function loadAddon(): Addon | null {
  if (addon === undefined) load()
  return addon ?? null
}

/** Says whether the addon is in use, and if not, why. */
export function buildInfo(): BuildInfo {
  if (info === undefined) load()
  return info as BuildInfo
}
