// A view in pieces of bounded size, whatever its shape: one row of a (1, N) array is all of it.

import type { NdView } from '../index.ts'
import { turn } from './run.ts'

/** Some elements that follow each other in C order. */
export interface Piece {
  /** Good until the next piece is asked for. */
  readonly view: NdView
  /** How many elements of the whole come before. */
  readonly start: number
}

/** How large pieces are. */
export interface PieceOptions {
  /** About so many; twice as many where a row is longer than that, more only for a single element that is. */
  readonly byteLength?: number
  readonly signal?: AbortSignal | undefined
}

const PIECE_BYTE_LENGTH = 8 * 1024 * 1024

/** All elements in C order, the next ones read ahead. An array without axes is one piece with one axis. */
export async function* piecesOf(view: NdView, options: PieceOptions = {}): AsyncGenerator<Piece, void, undefined> {
  const { byteLength = PIECE_BYTE_LENGTH, signal } = options
  if (view.size === 0) return
  const whole = view.ndim === 0 ? view.slice('newaxis') : view
  const axis = axisToCut(whole, 2 * byteLength)
  let start = 0
  for (const index of indicesOf(whole.shape.slice(0, axis))) {
    for await (const { view: piece } of whole.slice(...index).chunks({ byteLength, signal })) {
      yield { view: piece, start }
      start += piece.size
      if (signal !== undefined) await turn(signal)
    }
  }
}

/** The first axis one step of which is short enough. */
function axisToCut({ shape, nbytes }: NdView, most: number): number {
  let stepByteLength = nbytes
  for (let axis = 0; axis < shape.length - 1; axis++) {
    stepByteLength /= shape[axis] as number
    if (stepByteLength <= most) return axis
  }
  return shape.length - 1
}

/** Every index into axes of these extents, in C order. */
function* indicesOf(shape: readonly number[]): Generator<number[]> {
  const [extent, ...inner] = shape
  if (extent === undefined) {
    yield []
    return
  }
  for (let i = 0; i < extent; i++) for (const rest of indicesOf(inner)) yield [i, ...rest]
}

/** The index of an element, from its place in C order. */
export function unravel(place: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length)
  let rest = place
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] as number
    index[axis] = rest % extent
    rest = Math.floor(rest / extent)
  }
  return index
}
