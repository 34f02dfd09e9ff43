// Basic indexing as in NumPy: which part of a strided layout `a[5, 1:, ..., ::-2]` is. Pure arithmetic, no byte is read.
// Owns the notations (numbers, null, zarrita's slice(), NumPy's strings) and refuses what needs a copy: index lists and
// masks are no selection of this kind.

import { SelectionError } from '../errors.ts'

/** A range along one axis, as Python's slice: null leaves a bound open; bounds count from the end when negative. */
export interface Slice {
  /** The first; null for the end that the step starts from. */
  readonly start: number | null
  /** The one after the last; null for the end that the step goes to. */
  readonly stop: number | null
  /** How far to the next, negative to go backwards; null for 1. */
  readonly step: number | null
}

/**
 * What to take along one axis: an index (the axis goes), null (all of it), a {@link Slice}, or NumPy notation:
 * `'10:20'`, `'::-1'`, `'5'`, `'...'` (all axes not named), `'newaxis'`, and with commas several in one string.
 */
export type Selector = number | null | string | Slice

/** Where the elements of an array lie: strides and offset in bytes. */
export interface StridedLayout {
  readonly shape: readonly number[]
  readonly byteStrides: readonly number[]
  readonly byteOffset: number
}

function checkBound(value: unknown, part: string): void {
  if (value === null || (typeof value === 'number' && Number.isInteger(value))) return
  throw new TypeError(`slice: expected an integer or null for ${part}, got ${describe(value)}`)
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : Array.isArray(value) ? 'an array' : typeof value
}

/** `slice(stop)`, as Python's: from the start up to `stop`; `slice(null)` is the whole axis. */
export function slice(stop: number | null): Slice
/** `slice(start, stop, step)`, as Python's `start:stop:step`. */
export function slice(start: number | null, stop: number | null, step?: number | null): Slice
export function slice(first: number | null, stop?: number | null, step: number | null = null): Slice {
  const range = stop === undefined ? { start: null, stop: first, step } : { start: first, stop, step }
  checkBound(range.start, 'start')
  checkBound(range.stop, 'stop')
  checkBound(range.step, 'step')
  return range
}

/**
 * The index counted from the start.
 *
 * @throws TypeError when it is not an integer.
 * @throws {@link SelectionError} when it is out of bounds.
 */
export function normalizeIndex(index: number, axis: number, extent: number): number {
  const normalized = index < 0 ? index + extent : index
  // A fraction and NaN fail here, too; they are told apart only on the way to the error.
  if (normalized >= 0 && normalized < extent && Number.isInteger(normalized)) return normalized + 0
  if (!Number.isInteger(index)) {
    throw new TypeError(`index: expected an integer for axis ${axis}, got ${describe(index)}`)
  }
  throw new SelectionError(`index ${index} is out of bounds for axis ${axis} with size ${extent}`, {
    axis,
    index,
    extent,
  })
}

/** A slice made definite for an axis: `count` elements from `start`, each `step` after the one before. */
function resolveSlice(range: Slice, axis: number, extent: number): { start: number; step: number; count: number } {
  const step = range.step ?? 1
  if (step === 0) throw new SelectionError(`slice step cannot be zero (axis ${axis})`, { axis, extent })
  const lowest = step < 0 ? -1 : 0
  const highest = step < 0 ? extent - 1 : extent
  const clip = (bound: number): number => (bound < 0 ? Math.max(bound + extent, lowest) : Math.min(bound, highest))
  const start = range.start === null ? (step < 0 ? highest : lowest) : clip(range.start)
  const stop = range.stop === null ? (step < 0 ? lowest : highest) : clip(range.stop)
  const count = step < 0 ? Math.ceil((start - stop) / -step) : Math.ceil((stop - start) / step)
  // As in NumPy, an empty slice stays where the axis begins, so that its offset is always inside the array.
  return count > 0 ? { start, step, count } : { start: 0, step: 1, count: 0 }
}

const ELLIPSIS = '...'
const NEW_AXIS = 'newaxis'
const INTEGER = /^[+-]?\d+$/

function parseInteger(text: string, selector: string): number {
  if (INTEGER.test(text)) return Number(text)
  throw new SelectionError(`selection: expected an integer, a slice, '...' or 'newaxis', got '${selector}'`, {
    index: selector,
  })
}

/** A number, a slice or one of the two words, from one comma-free string. */
function parseSelector(text: string): number | Slice | typeof ELLIPSIS | typeof NEW_AXIS {
  const selector = text.trim()
  if (selector === ELLIPSIS || selector === NEW_AXIS) return selector
  const parts = selector.split(':').map((part) => part.trim())
  if (parts.length === 1) return parseInteger(selector, selector)
  const [start, stop, step] = parts.map((part) => (part === '' ? null : parseInteger(part, selector)))
  if (parts.length > 3) {
    throw new SelectionError(`selection: expected start:stop:step, got '${selector}'`, { index: selector })
  }
  return { start: start ?? null, stop: stop ?? null, step: step ?? null }
}

type Item = number | Slice | typeof ELLIPSIS | typeof NEW_AXIS

const WHOLE: Slice = { start: null, stop: null, step: null }

function toItems(selectors: readonly Selector[]): Item[] {
  const items: Item[] = []
  for (const selector of selectors) {
    if (typeof selector === 'number') {
      items.push(selector)
    } else if (typeof selector === 'string') {
      const parts = selector.split(',')
      // Python's `a[1:2,]`: a comma at the end adds nothing.
      if (parts.length > 1 && parts.at(-1)?.trim() === '') parts.pop()
      for (const part of parts) items.push(parseSelector(part))
    } else if (selector === null) {
      items.push(WHOLE)
    } else if (isSlice(selector)) {
      items.push(selector)
    } else {
      throw new TypeError(
        `selection: expected a number, null, a string or slice(), got ${describe(selector)}; index lists and masks are no basic selection`,
      )
    }
  }
  return items
}

function isSlice(value: unknown): value is Slice {
  if (typeof value !== 'object' || value === null || !('start' in value && 'stop' in value && 'step' in value))
    return false
  checkBound(value.start, 'start')
  checkBound(value.stop, 'stop')
  checkBound(value.step, 'step')
  return true
}

/**
 * The part of a layout that the selectors name, with NumPy's basic-indexing rules; axes not named stay whole.
 *
 * @throws TypeError for a selector of the wrong type.
 * @throws {@link SelectionError} when an index is out of bounds, there are too many, or a string cannot be read.
 */
export function select(layout: StridedLayout, selectors: readonly Selector[]): StridedLayout {
  const items = toItems(selectors)
  const ndim = layout.shape.length
  const ellipsis = items.indexOf(ELLIPSIS)
  if (ellipsis !== -1 && items.indexOf(ELLIPSIS, ellipsis + 1) !== -1) {
    throw new SelectionError("an index can only have a single ellipsis ('...')", { index: ELLIPSIS })
  }
  let named = 0
  for (const item of items) if (item !== ELLIPSIS && item !== NEW_AXIS) named += 1
  if (named > ndim) {
    throw new SelectionError(`too many indices: the array is ${ndim}-dimensional, but ${named} were indexed`)
  }

  const shape: number[] = []
  const byteStrides: number[] = []
  let byteOffset = layout.byteOffset
  let axis = 0
  const keepAxes = (until: number): void => {
    for (; axis < until; axis += 1) {
      shape.push(layout.shape[axis] ?? 0)
      byteStrides.push(layout.byteStrides[axis] ?? 0)
    }
  }
  for (const item of items) {
    if (item === ELLIPSIS) {
      keepAxes(axis + ndim - named)
    } else if (item === NEW_AXIS) {
      shape.push(1)
      byteStrides.push(0)
    } else {
      const extent = layout.shape[axis] ?? 0
      const stride = layout.byteStrides[axis] ?? 0
      if (typeof item === 'number') {
        byteOffset += normalizeIndex(item, axis, extent) * stride
      } else {
        const { start, step, count } = resolveSlice(item, axis, extent)
        byteOffset += start * stride
        shape.push(count)
        // A step beyond the axis leaves one element: its stride means nothing, but must stay an exact number.
        byteStrides.push(count > 1 || Number.isSafeInteger(stride * step) ? stride * step + 0 : stride)
      }
      axis += 1
    }
  }
  keepAxes(ndim)
  return { shape, byteStrides, byteOffset }
}
