// Which elements of the array an axis of a selection shows, so that ticks tell the array's own indices.

import type { NdView, Selector } from '../../index.ts'

/** An axis of what is drawn: element `i` of it is element `start + step * i` of the array's axis. */
export interface Extent {
  readonly name: string
  readonly count: number
  readonly start: number
  readonly step: number
}

/** The axes that a selection leaves of a view, in order. */
export function extentsOf(view: NdView, selectors: readonly Selector[]): Extent[] {
  const items = selectors.flatMap((selector): Selector[] =>
    typeof selector === 'string' ? selector.split(',').map((word) => word.trim()) : [selector],
  )
  const named = items.filter((item) => item !== '...' && item !== 'newaxis').length
  const extents: Extent[] = []
  let axis = 0
  const keep = (until: number): void => {
    for (; axis < until; axis++) extents.push(extentOf(view, axis, null))
  }
  for (const item of items) {
    if (item === '...') keep(axis + view.ndim - named)
    else if (item === 'newaxis') extents.push({ name: 'new axis', count: 1, start: 0, step: 1 })
    else {
      const drops = typeof item === 'number' || (typeof item === 'string' && !item.includes(':'))
      if (!drops) extents.push(extentOf(view, axis, item))
      axis++
    }
  }
  keep(view.ndim)
  return extents
}

/** What a selector takes of one axis, read off the strides that it makes. */
function extentOf(view: NdView, axis: number, selector: Selector): Extent {
  const name = `axis ${axis}`
  const part = view.slice(...view.shape.map((_, i) => (i === axis ? selector : null)))
  const count = part.shape[axis] as number
  const stride = view.byteStrides[axis] as number
  if (stride === 0 || count === 0) return { name, count, start: 0, step: 1 }
  const start = (part.byteOffset - view.byteOffset) / stride
  return { name, count, start, step: count > 1 ? (part.byteStrides[axis] as number) / stride : 1 }
}
