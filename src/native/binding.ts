// Finds and loads the addon: the one door to C. Its interface is the addon's whole contract; whoever calls it has
// checked the arguments. Without a usable addon `loadAddon()` is null and the library reads with pread.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** A mapping, opaque to JavaScript. Dropped without `close`, it is unmapped once it and its windows are collected. */
export type MappingHandle = { readonly opaque: unique symbol }

/** How a file is mapped; the numbers are those of `mapping.h`. */
export const MappingMode: { readonly read: 0; readonly shared: 1; readonly private: 2 } = {
  read: 0,
  shared: 1,
  private: 2,
}

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
  /** `plan` is `[itemSize, wordSize, ndim, ...shape, ...dstStrides, ...srcStrides]`, strides in bytes. */
  copy(
    dst: MappingHandle | Uint8Array,
    dstByteOffset: number,
    src: MappingHandle | Uint8Array,
    srcByteOffset: number,
    plan: Float64Array,
  ): number
  /** The same on a thread of the pool; a number at once when the arguments are refused. */
  copyAsync(
    dst: MappingHandle | Uint8Array,
    dstByteOffset: number,
    src: MappingHandle | Uint8Array,
    srcByteOffset: number,
    plan: Float64Array,
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
  reserve(fd: number, byteLength: number): number
  flush(handle: MappingHandle, byteOffset: number, byteLength: number): Promise<number> | number
  prefetch(handle: MappingHandle, byteOffset: number, byteLength: number): Promise<number> | number
  /** Writes all of it; do not touch the bytes before it is done. */
  write(fd: number, from: Uint8Array, byteOffset: number): Promise<number> | number
  /** Takes the file's exclusive lock without waiting; it goes with the descriptor. */
  lock(fd: number): number
}

/** What this installation runs on. */
export interface BuildInfo {
  /** True when files are mapped by the addon, false when everything is read with pread. */
  readonly addon: boolean
  /** The addon's file, or null. */
  readonly addonPath: string | null
  /** Why there is no addon, with every place looked at; null when there is one. */
  readonly reason: string | null
  readonly platform: string
  readonly node: string
}

let addon: Addon | null | undefined
let info: BuildInfo | undefined

function candidates(): string[] {
  const chosen = process.env.NPYMAP_ADDON
  if (chosen !== undefined && chosen !== '') return [chosen]
  const root = new URL('../../', import.meta.url)
  return [fileURLToPath(new URL('build/Release/npymap.node', root))]
}

function load(): void {
  const platform = `${process.platform}-${process.arch}`
  const node = process.versions.node
  const without = (reason: string): void => {
    addon = null
    info = { addon: false, addonPath: null, reason, platform, node }
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
      info = { addon: true, addonPath: path, reason: null, platform, node }
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
