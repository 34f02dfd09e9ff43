// Strided regions of sources that can only read ranges: planned reads, through scratch memory where they are not dense.

import { denseStrides, type Region } from './byte-source.ts'
import { planReads, type ReadPiece } from './read-plan.ts'
import { copyStrided } from './strided.ts'
import { eachInFlight, partsOf } from './threads.ts'

/** The longest of several reads that are in flight at once. */
const PART_BYTE_LENGTH = 8 * 1024 * 1024

/** `gather` by reads of ranges, in their order in the source where the strides allow it. */
export function gatherReads(
  region: Region,
  into: Uint8Array,
  wordSize: number,
  read: (byteOffset: number, into: Uint8Array) => void,
): void {
  const scratch = new Scratch()
  for (const piece of planReads(region, wordSize)) {
    const target = scratch.target(piece, into)
    read(piece.fileByteOffset, target)
    if (!piece.direct) copyStrided(into, piece.targetByteOffset, target, piece.scratchByteOffset, piece.plan)
  }
}

/** `gatherAsync` by reads of ranges, so many at once: one after the other when left out. */
export async function gatherReadsAsync(
  region: Region,
  into: Uint8Array,
  wordSize: number,
  read: (byteOffset: number, into: Uint8Array) => Promise<void>,
  inFlight = 1,
): Promise<void> {
  const idle: Scratch[] = []
  await eachInFlight(shared(planReads(region, wordSize), inFlight), inFlight, async (piece) => {
    const scratch = idle.pop() ?? new Scratch()
    const target = scratch.target(piece, into)
    await read(piece.fileByteOffset, target)
    if (!piece.direct) copyStrided(into, piece.targetByteOffset, target, piece.scratchByteOffset, piece.plan)
    idle.push(scratch)
  })
}

/** Long pieces cut, so that there is something for each. */
function* shared(pieces: Iterable<ReadPiece>, inFlight: number): Generator<ReadPiece> {
  for (const piece of pieces) {
    if (!piece.direct || inFlight === 1) {
      yield piece
      continue
    }
    const parts = { parts: inFlight, most: PART_BYTE_LENGTH }
    for (const { byteOffset, byteLength } of partsOf(piece.fileByteOffset, piece.byteLength, parts)) {
      const targetByteOffset = piece.targetByteOffset + byteOffset - piece.fileByteOffset
      yield { ...piece, fileByteOffset: byteOffset, byteLength, targetByteOffset }
    }
  }
}

/** Scratch memory of one gather, as large as its largest piece. */
class Scratch {
  #bytes = new Uint8Array(0)

  target(piece: ReadPiece, into: Uint8Array): Uint8Array {
    if (piece.direct) return into.subarray(piece.targetByteOffset, piece.targetByteOffset + piece.byteLength)
    if (this.#bytes.byteLength < piece.byteLength) this.#bytes = new Uint8Array(piece.byteLength)
    return this.#bytes.subarray(0, piece.byteLength)
  }
}

/** The same elements with every stride positive: where an axis runs backwards, in the opposite order. */
export function ascending(region: Region): Region {
  const { shape, byteStrides } = region
  if (shape.includes(0)) return region
  const back = byteStrides.reduce((sum, stride, axis) => sum + Math.min(0, stride * (shape[axis]! - 1)), 0)
  return { ...region, byteOffset: region.byteOffset + back, byteStrides: byteStrides.map(Math.abs) }
}

/** Puts elements that were gathered by {@link ascending} in the order of the region. */
export function mirror(region: Region, from: Uint8Array, into: Uint8Array): void {
  const { shape, itemSize } = region
  const dstStrides = denseStrides(shape, itemSize)
  const srcStrides = dstStrides.map((stride, axis) => (region.byteStrides[axis]! < 0 ? -stride : stride))
  const first = srcStrides.reduce((sum, stride, axis) => sum - Math.min(0, stride * (shape[axis]! - 1)), 0)
  copyStrided(into, 0, from, first, { shape, dstStrides, srcStrides, itemSize, wordSize: 1 })
}
