// Inflates blocks that need nothing before them, through a codec that knows nothing of streams: chunks of a seekable member,
// and whole members. What it refuses is left to a cursor, which knows how to say what is wrong.

import { type Addon, BlockKind, loadAddon } from '../native/binding.ts'
import type { ByteSource, PackedBlocks } from './byte-source.ts'
import { EILSEQ, osError } from './os.ts'
import type { Steps, Work } from './steps.ts'
import { inPool } from './threads.ts'

/** After a block, for the codec. */
const SPARE_BYTE_LENGTH = 5
const NUMBERS_PER_BLOCK = 5
/** Compressed bytes of one read: between reads the work can be ended. */
const PIECE_BYTE_LENGTH = 4 * 1024 * 1024

/** A block: where it is in its source, and where its output goes. */
export interface Block {
  readonly start: number
  readonly end: number
  readonly outputStart: number
  readonly outputEnd: number
  /** The stream begins with it: nothing stands before it. */
  readonly first: boolean
  /** The stream ends with it. */
  readonly last: boolean
}

/** Memory for compressed bytes that is used again. */
export interface SpareInput {
  takeInput(): Uint8Array | null
  putInput(input: Uint8Array): void
}

/** Blocks that follow one another, and what becomes of them. */
export interface BlocksWork {
  readonly source: ByteSource
  readonly blocks: readonly Block[]
  readonly output: Uint8Array
  /** What stands before each block but the first of a stream. */
  readonly before: Uint8Array
  readonly withCrc: boolean
  readonly spare: SpareInput | null
}

/** True where the addon was built with a codec. */
export function hasBlockCodec(): boolean {
  return (loadAddon()?.codec ?? null) !== null
}

/** True where blocks are inflated without memory for their compressed bytes. */
export function inflatesInPlace(source: ByteSource): boolean {
  return source.inflateBlocks !== undefined && source.inflateBlocksAsync !== undefined
}

/**
 * Inflates blocks, by one trip to a thread where the source does it itself, else of memory that they are read into. Returns
 * the CRC-32 of each, or zeros where it was not asked for; null when one is no such block.
 */
export function* inflateBlocks({ source, blocks, output, before, withCrc, spare }: BlocksWork): Steps<number[] | null> {
  const inSource = inflatesInPlace(source)
  const from = blocks[0]!.first ? blocks[0]!.start : blocks[0]!.start - before.length
  const byteLength = blocks.at(-1)!.end - from
  const input = inSource ? null : yield* readCompressed(source, from, byteLength, spare?.takeInput() ?? null)
  const origin = inSource ? 0 : from
  const numbers = new Float64Array(blocks.length * NUMBERS_PER_BLOCK)
  blocks.forEach(({ start, end, outputStart, outputEnd, first, last }, i) => {
    const kind = (first ? BlockKind.begins : BlockKind.middle) + (last ? BlockKind.ends : BlockKind.middle)
    numbers.set([start - origin, end - origin, outputStart, outputEnd, kind], i * NUMBERS_PER_BLOCK)
  })
  let status = 0
  yield input === null
    ? {
        now: () => {
          status = source.inflateBlocks!({ output, numbers, withCrc, before })
        },
        later: async () => {
          status = await source.inflateBlocksAsync!({ output, numbers, withCrc, before })
          dropPages(source, from, byteLength)
        },
      }
    : workOnMemory(input, { output, numbers, withCrc, before }, (result) => {
        status = result
      })
  if (input !== null) spare?.putInput(input)
  if (status === EILSEQ) return null
  if (status !== 0) throw osError('inflate', status, source.path)
  return blocks.map((_, i) => numbers[i * NUMBERS_PER_BLOCK + NUMBERS_PER_BLOCK - 1] as number)
}

function workOnMemory(input: Uint8Array, packed: PackedBlocks, done: (status: number) => void): Work {
  const addon = loadAddon() as Addon
  const { output, numbers, withCrc, before } = packed
  return {
    now: () => done(addon.inflateBlocks(input, output, numbers, withCrc, before)),
    later: async () => done(await inPool(() => addon.inflateBlocksAsync(input, output, numbers, withCrc, before))),
  }
}

/** What is inflated off this thread is mostly long, and read once. */
function dropPages(source: ByteSource, byteOffset: number, byteLength: number): void {
  if (!source.closed) source.release(byteOffset, byteLength)
}

/** Reads compressed bytes into memory, the given one where it is long enough, with room for a codec that ends a block. */
function* readCompressed(
  source: ByteSource,
  byteOffset: number,
  byteLength: number,
  memory: Uint8Array | null,
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
        dropPages(source, region.byteOffset, region.itemSize)
      },
    }
  }
  return bytes
}
