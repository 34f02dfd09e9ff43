// Which parts of an array the demo reads: one element, one row, a strided block, a column, for any number of axes.

import type { NdView, Selector } from 'npymap'

export interface Part {
  readonly what: 'one element' | 'one row' | 'a strided block' | 'a column'
  readonly selectors: readonly Selector[]
  /** How a user writes it. */
  readonly code: string
}

/** More than this is not taken of a row or a column: the demo is no test of patience. */
const MAX_BYTE_LENGTH = 256 * 1024 * 1024
const MAX_BLOCK_EXTENT = 1000

/** The parts of an array of this shape; none of an empty one. */
export function partsOf(array: NdView): Part[] {
  const { shape, dtype } = array
  if (array.size === 0) return []
  const middle = shape.map((extent) => Math.floor(extent / 2))
  const element: Part = { what: 'one element', selectors: middle, code: `get(${middle.join(', ')})` }
  if (shape.length === 0) return [element]

  const last = shape.length - 1
  const most = Math.max(1, Math.floor(MAX_BYTE_LENGTH / Math.max(1, dtype.itemSize)))
  const whole = (axis: number): Selector => (shape[axis]! <= most ? null : `:${most}`)
  const stepped = (axis: number, step: number): Selector => {
    const extent = Math.min(shape[axis]!, MAX_BLOCK_EXTENT)
    const start = Math.floor((shape[axis]! - extent) / 2)
    return extent === shape[axis] ? `::${step}` : `${start}:${start + extent}:${step}`
  }
  const part = (what: Part['what'], selectors: Selector[]): Part => {
    while (selectors.length > 1 && selectors.at(-1) === null) selectors.pop()
    const code = selectors.map((selector) => (typeof selector === 'string' ? `'${selector}'` : String(selector)))
    return { what, selectors, code: `slice(${code.join(', ')})` }
  }
  if (shape.length === 1) return [element, part('a strided block', [stepped(0, 3)])]
  const row = middle.map((index, axis) => (axis === last ? whole(axis) : index))
  const block = middle.map((index, axis) =>
    axis === 0 ? stepped(axis, 2) : axis === last ? stepped(axis, 3) : (index as Selector),
  )
  const column = middle.map((index, axis) => (axis === 0 ? whole(axis) : index))
  return [element, part('one row', row), part('a strided block', block), part('a column', column)]
}
