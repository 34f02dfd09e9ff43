// What is drawn: a part of an array, its axes, and how it is to be drawn.

import { basename } from 'node:path'
import type { NdView } from '../../index.ts'
import { UsageError } from '../failure.ts'
import { type OpenedTarget, parseSelection, select, shapeText } from '../target.ts'
import { countText } from '../text.ts'
import { type Extent, extentsOf } from './extent.ts'
import { checkNumbers, isComplex } from './numbers.ts'

export const KINDS = ['heatmap', 'line', 'histogram', 'image'] as const
export type Kind = (typeof KINDS)[number]

export interface Subject {
  readonly kind: Kind
  readonly view: NdView
  readonly extents: readonly Extent[]
  /** File, selection. */
  readonly name: string
  /** Dtype, shape. */
  readonly layout: string
  /** What the numbers are. */
  readonly quantity: string
}

/** So many lines can be told apart. */
export const MOST_LINES = 10
/** Tables of so many times the rows that they have columns are lines, unless they are told to be cells. */
const LONG_RATIO = 20

/** The part of an opened array that is named, and the kind of picture that suits it. */
export function subjectOf(
  target: OpenedTarget,
  selection: string | undefined,
  field: string | undefined,
  asked: Kind | undefined,
): Subject {
  const whole = field === undefined ? target.view : target.view.field(field)
  const chosen = select(whole, selection)
  checkNumbers(chosen.dtype)
  if (chosen.size === 0) throw new UsageError(`plot: there is nothing in it: the shape is ${shapeText(chosen.shape)}`)
  const extents = extentsOf(whole, selection === undefined ? [] : parseSelection(selection))
  const named = `${basename(target.name)}${field === undefined ? '' : `['${field}']`}`
  const inside = selection?.trim().replace(/^\[(.*)\]$/s, '$1') ?? ''
  const facts = {
    name: `${named}${inside === '' ? '' : `[${inside}]`}`,
    layout: `${chosen.dtype} ${shapeText(chosen.shape)}`,
    quantity: isComplex(chosen.dtype) ? 'magnitude' : (field ?? 'value'),
  }
  const kind = asked ?? kindOf(chosen)
  return { kind, ...facts, ...arranged(kind, chosen, extents) }
}

function kindOf(view: NdView): Kind {
  if (isPicture(view) && view.ndim === 3) return 'image'
  const axes = view.shape.filter((count) => count > 1).length
  if (isTable(view.shape)) return 'line'
  if (view.ndim === 1 || (axes <= 1 && view.ndim > 2)) return 'line'
  if (view.ndim === 2 || axes === 2) return 'heatmap'
  if (view.ndim === 0) throw new UsageError('plot: one element is no picture')
  throw new UsageError(
    `plot: the shape is ${shapeText(view.shape)}: more than two axes`,
    `select two of them, such as '0, ...', or give --kind histogram`,
  )
}

/** Few columns of many numbers, or few rows: as cells they would be stripes. */
function isTable(shape: readonly number[]): boolean {
  const [many = 1, few = 1, ...more] = shape.filter((count) => count > 1).sort((a, b) => b - a)
  return more.length === 0 && few <= MOST_LINES && many >= 100 && many >= LONG_RATIO * few
}

function isPicture({ dtype, shape }: NdView): boolean {
  return dtype.name === 'uint8' && (shape.length === 2 || (shape.length === 3 && [3, 4].includes(shape[2] as number)))
}

type Arranged = Pick<Subject, 'view' | 'extents'>

/** As the kind needs its axes: images (rows, columns[, channels]), heat maps (rows, columns), lines (lines, elements). */
function arranged(kind: Kind, view: NdView, extents: readonly Extent[]): Arranged {
  if (kind === 'histogram') return { view, extents }
  if (kind === 'image') {
    if (isPicture(view)) return { view, extents }
    throw new UsageError(
      `plot: images are uint8 of shape (H, W), (H, W, 3) or (H, W, 4), got ${view.dtype} ${shapeText(view.shape)}`,
    )
  }
  const most = kind === 'line' ? 1 : 2
  const kept = squeezed(view, extents, most)
  if (kind === 'heatmap') {
    if (kept.view.ndim === 2) return kept
    throw new UsageError(`plot: a heat map has two axes, the shape is ${shapeText(view.shape)}`)
  }
  return linesOf(kept, view.shape)
}

/** Without axes of one element, as long as there are more than so many. */
function squeezed(view: NdView, extents: readonly Extent[], most: number): Arranged {
  let spare = Math.max(0, view.ndim - most)
  const drops = view.shape.map((count) => count === 1 && spare-- > 0)
  const part = view.slice(...drops.map((drop) => (drop ? 0 : null)))
  return { view: part, extents: extents.filter((_, axis) => drops[axis] !== true) }
}

function linesOf({ view, extents }: Arranged, shape: readonly number[]): Arranged {
  if (view.ndim === 1)
    return { view: view.slice('newaxis'), extents: [{ name: '', count: 1, start: 0, step: 1 }, ...extents] }
  if (view.ndim === 2) {
    const [first, second] = view.shape as [number, number]
    if (first <= MOST_LINES) return { view, extents }
    if (second <= MOST_LINES) return { view: view.transpose(), extents: extents.toReversed() }
  }
  throw new UsageError(
    `plot: lines are one axis, or two of which one has at most ${MOST_LINES} elements; the shape is ${shapeText(shape)}`,
    `select some, such as '0' or ':${MOST_LINES}'`,
  )
}

/** Parts of a subtitle, those that say something. */
export function subtitleOf(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ·  ')
}

/** `3 NaN`, or nothing. */
export function nanText(count: number, isSample: boolean): string {
  return lostText([['NaN', count]], isSample)
}

/** `3 NaN, 1 inf`: what has no place in a picture; nothing when there is none of it. */
export function lostText(counts: readonly (readonly [what: string, count: number])[], isSample: boolean): string {
  const words = counts.flatMap(([what, count]) => (count === 0 ? [] : [`${countText(count)} ${what}`]))
  return words.length === 0 ? '' : `${words.join(', ')}${isSample ? ' among those read' : ''}`
}
