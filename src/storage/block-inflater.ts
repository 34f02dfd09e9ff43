// Inflates blocks that need nothing before them, through a codec that knows nothing of streams: chunks of a seekable member,
// and whole members. What it refuses is left to a cursor, which knows how to say what is wrong.

import { type Addon, loadAddon } from '../native/binding.ts'
import type { ByteSource } from './byte-source.ts'
import { EILSEQ } from './os.ts'
import type { Steps, Work } from './steps.ts'
import { inPool } from './threads.ts'

/** After a block, for the codec. */
const SPARE_BYTE_LENGTH = 5
const NUMBERS_PER_BLOCK = 5
/** Compressed bytes of one read: between reads the work can be ended. */
const PIECE_BYTE_LENGTH = 4 * 1024 * 1024

/** A block: where it is in the compressed bytes that were read, and where its output goes. */
export interface Block {
  readonly start: number
  readonly end: number
  readonly outputStart: number
  readonly outputEnd: number
  /** The stream ends with it. */
  readonly last: boolean
}

/** True where the addon was built with a codec. */
export function hasBlockCodec(): boolean {
  return (loadAddon()?.codec ?? null) !== null
}

/** Reads compressed bytes into memory, the given one where it is long enough, with room for {@link inflateBlocks}. */
export function* readCompressed(
  source: ByteSource,
  byteOffset: number,
  byteLength: number,
  memory: Uint8Array | null = null,
): Steps<Uint8Array> {
  const needed = byteLength + SPARE_BYTE_LENGTH
  const bytes = memory !== null && memory.byteLength >= needed ? memory : new Uint8Array(needed)
  for (let done = 0; done < byteLength; done += PIECE_BYTE_LENGTH) {
    const piece = bytes.subarray(done, Math.min(byteLength, done + PIECE_BYTE_LENGTH))
    const region = { byteOffset: byteOffset + done, shape: [], byteStrides: [], itemSize: piece.byteLength }
    yield {
      now: () => source.read(region.byteOffset, piece),
      later: async () => {
        await source.gatherAsync(region, piece, 1)
        // What is inflated off this thread is mostly long, and read once.
        if (!source.closed) source.release(region.byteOffset, region.itemSize)
      },
    }
  }
  return bytes
}

/**
 * Inflates blocks of what {@link readCompressed} gave. Returns the CRC-32 of each, or zeros where it was not asked for; null
 * when one is no such block.
 */
export function* inflateBlocks(
  input: Uint8Array,
  output: Uint8Array,
  blocks: readonly Block[],
  withCrc: boolean,
): Steps<number[] | null> {
  const addon = loadAddon() as Addon
  const numbers = new Float64Array(blocks.length * NUMBERS_PER_BLOCK)
  blocks.forEach(({ start, end, outputStart, outputEnd, last }, i) => {
    numbers.set([start, end, outputStart, outputEnd, last ? 1 : 0], i * NUMBERS_PER_BLOCK)
  })
  let status = 0
  const work: Work = {
    now: () => {
      status = addon.inflateBlocks(input, output, numbers, withCrc)
    },
    later: async () => {
      status = await inPool(() => addon.inflateBlocksAsync(input, output, numbers, withCrc))
    },
  }
  yield work
  if (status === EILSEQ) return null
  if (status !== 0) throw new Error(`inflate: the codec refused the work (errno ${status})`)
  return blocks.map((_, i) => numbers[i * NUMBERS_PER_BLOCK + NUMBERS_PER_BLOCK - 1] as number)
}
