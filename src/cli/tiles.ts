// An array of any size into another order: tile by tile, so that both the reading and the writing run along the disk.

import type { Memmap, NdView, TypedArray } from '../index.ts'
import type { Progress } from './progress.ts'
import { turn } from './run.ts'

/** Of one tile, on each side. */
const TILE_BYTE_LENGTH = 32 * 1024 * 1024

/** Extents of a tile: long where either side is contiguous, as long as the budget lasts. */
export function tileShape(shape: readonly number[], itemSize: number): number[] {
  const tile = shape.map(() => 1)
  const budget = Math.max(1, Math.floor(TILE_BYTE_LENGTH / itemSize))
  let size = 1
  // First the two axes that lie together in C and in F order, in turn, then the others.
  const ends = shape.length === 0 ? [] : [shape.length - 1, 0]
  const inner = shape.map((_, axis) => axis).slice(1, -1)
  for (const axes of [ends, inner]) {
    for (let grew = true; grew; ) {
      grew = false
      for (const axis of axes) {
        const now = tile[axis] as number
        const next = Math.min(shape[axis] as number, now * 2)
        if (next === now || (size / now) * next > budget) continue
        size = (size / now) * next
        tile[axis] = next
        grew = true
      }
    }
  }
  return tile
}

/** Fills `to` from `from`, of the same shape; `values` gives a tile's values in the dtype of `to`. */
export async function copyTiles(
  from: NdView,
  to: Memmap,
  values: (tile: NdView) => NdView | TypedArray,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<void> {
  const tile = tileShape(from.shape, from.dtype.itemSize)
  for (const selection of tilesOf(from.shape, tile)) {
    const part = from.slice(...selection)
    to.slice(...selection).assign(values(part))
    // Written now, a tile costs what its bytes cost; left to a system that is short of memory, pages come one by one.
    await to.flush()
    progress.add(part.nbytes)
    await turn(signal)
  }
}

/** Slices of every tile, in C order of the tiles. */
function* tilesOf(shape: readonly number[], tile: readonly number[], axis = 0): Generator<string[]> {
  if (axis === shape.length) {
    yield []
    return
  }
  const step = tile[axis] as number
  for (let start = 0; start < (shape[axis] as number); start += step) {
    for (const rest of tilesOf(shape, tile, axis + 1)) yield [`${start}:${start + step}`, ...rest]
  }
}
