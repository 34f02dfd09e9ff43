// Deflate and CRC-32 of what is written: the addon's codec, else zlib's own, on threads of the pool where that pays.

import * as zlib from 'node:zlib'
import { type Addon, loadAddon } from '../native/binding.ts'
import type { SpareMemory } from './memory.ts'
import { inPool } from './threads.ts'

/** Compression levels of zlib: 0 stores, 1 is fast, 9 small. libdeflate has more. */
export const ZLIB_MAX_LEVEL = 9
/**
 * zlib's most: 128 KiB more for each stream than its default of 8, and chunks are deflated a tenth to a quarter faster, to
 * fewer bytes where it makes a difference.
 */
const MEM_LEVEL = 9
/** Below this a thread costs more than it saves. */
const ON_THIS_THREAD_BYTE_LENGTH = 8 * 1024

/** The CRC-32 of bytes that follow others with the CRC-32 `seed`; unsigned. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  const addon = loadAddon()
  if (addon !== null) return addon.crc32(bytes, seed)
  // Of no bytes zlib.crc32 gives 0, whatever came before.
  return bytes.byteLength === 0 ? seed : zlib.crc32(bytes, seed)
}

/** How blocks are deflated. */
export interface DeflateSettings {
  readonly level: number
  /** What does not shrink by this part is stored. */
  readonly minSaving: number
}

/** The highest level there is here. */
export function maxLevel(): number {
  return Math.max(ZLIB_MAX_LEVEL, loadAddon()?.codecMaxLevel ?? 0)
}

/** Deflated bytes, and what to call when they are not needed any more. */
export interface Deflated {
  readonly bytes: Uint8Array
  readonly release: () => void
}

const nothingToRelease = (): void => {}

/**
 * Deflates bytes without regard to any before them. Ends in a flush, on a whole byte, or when `last` with the stream's end.
 * The caller must not touch the bytes until a promise settles. The output may be in memory of `spare`.
 */
export function deflateAlone(
  bytes: Uint8Array,
  settings: DeflateSettings,
  last: boolean,
  spare: SpareMemory,
): Deflated | Promise<Deflated> {
  const addon = loadAddon()
  if (addon !== null && addon.codec !== null) return deflateByCodec(addon, bytes, settings, last, spare)
  const deflated = deflateByZlib(bytes, settings, last)
  const whole = (made: Uint8Array): Deflated => ({ bytes: made, release: nothingToRelease })
  return deflated instanceof Promise ? deflated.then(whole) : whole(deflated)
}

function deflateByCodec(
  addon: Addon,
  bytes: Uint8Array,
  { level, minSaving }: DeflateSettings,
  last: boolean,
  spare: SpareMemory,
): Deflated | Promise<Deflated> {
  const { byteLength } = bytes
  const output = spare.take(addon.deflateBound(byteLength))
  const made = (count: number): Deflated => {
    if (count < 0) throw new Error(`deflate: the codec refused the work (errno ${count})`)
    return { bytes: output.subarray(0, count), release: () => spare.put(output) }
  }
  if (byteLength <= ON_THIS_THREAD_BYTE_LENGTH) {
    return made(addon.deflate(bytes, 0, byteLength, level, minSaving, last, output))
  }
  const deflating = inPool(() => addon.deflateAsync(bytes, 0, byteLength, level, minSaving, last, output))
  return deflating.then(made)
}

function deflateByZlib(
  bytes: Uint8Array,
  { level, minSaving }: DeflateSettings,
  last: boolean,
): Uint8Array | Promise<Uint8Array> {
  const options = {
    level,
    memLevel: MEM_LEVEL,
    finishFlush: last ? zlib.constants.Z_FINISH : zlib.constants.Z_SYNC_FLUSH,
    // What cannot be compressed grows by 5 bytes every 16 KiB: all of it fits in one piece.
    chunkSize: bytes.byteLength + Math.floor(bytes.byteLength / 256) + 128,
  }
  const most = bytes.byteLength * (1 - minSaving)
  const stored = (deflated: Uint8Array): Uint8Array =>
    deflated.byteLength > most && level > 0 && minSaving > 0
      ? zlib.deflateRawSync(bytes, { ...options, level: 0 })
      : deflated
  if (bytes.byteLength <= ON_THIS_THREAD_BYTE_LENGTH) return stored(zlib.deflateRawSync(bytes, options))
  return new Promise((resolve, reject) => {
    zlib.deflateRaw(bytes, options, (error, deflated) => {
      // Their numbers are not those of the system.
      if (error !== null) reject(new Error(`deflate: ${error.message}`, { cause: error }))
      else resolve(stored(deflated))
    })
  })
}
