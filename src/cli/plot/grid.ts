// An array of two axes, made as small as a picture of it: means of blocks where all of it may be read, else every n-th row
// and column. A third axis is of channels, which keep apart.

import type { NdView } from '../../index.ts'
import { countText } from '../text.ts'
import { pagesByteLength, type Reading } from './cost.ts'
import { numbersOf } from './numbers.ts'

/** The cells of a picture. Cell (i, j) stands for the block of elements that begins at (i * rowStep, j * colStep). */
export interface Grid {
  readonly rows: number
  readonly cols: number
  readonly rowStep: number
  readonly colStep: number
  /** Of each cell; 1 for arrays of two axes. */
  readonly channels: number
  /** In C order, channels together. NaN where every element of the block is. */
  readonly values: Float64Array
  readonly how: 'all' | 'means' | 'sample'
  /** NaN among the elements that were read. */
  readonly nanCount: number
}

/** Rows that are read at once are about so long. */
const PIECE_BYTE_LENGTH = 4 * 1024 * 1024

/** The step that leaves at most so many: of two digits and zeros when it is long, for people read it. */
export function stepFor(count: number, most: number): number {
  const step = Math.max(1, Math.ceil(count / most))
  const unit = step < 1000 ? 1 : 10 ** (Math.floor(Math.log10(step)) - 1)
  return Math.ceil(step / unit) * unit
}

/** Steps that leave at most so many rows and columns, and cost no more than the budget. */
export function stepsWithin(
  view: NdView,
  most: { readonly rows: number; readonly cols: number },
  budget: number,
): { rowStep: number; colStep: number } {
  const [height, width] = view.shape as [number, number]
  const plane = planeOf(view)
  let rowStep = stepFor(height, most.rows)
  let colStep = stepFor(width, most.cols)
  const stepped = (): NdView => plane.slice(`::${rowStep}`, `::${colStep}`)
  while (pagesByteLength(stepped()) > budget) {
    const [rows, cols] = stepped().shape as [number, number]
    const sparse = Math.abs(view.byteStrides[1] as number) * colStep >= 4096
    if (rows > 1 && (rows >= cols / 4 || !sparse || cols === 1)) rowStep = stepFor(rowStep * 1.2, 1)
    else if (cols > 1) colStep = stepFor(colStep * 1.2, 1)
    else break
  }
  return { rowStep, colStep }
}

/** The first channel: the others lie in its pages. */
function planeOf(view: NdView): NdView {
  return view.ndim === 3 ? view.slice('...', 0) : view
}

/** The picture of an array, at most so many cells high and wide. */
export async function gridOf(
  view: NdView,
  most: { readonly rows: number; readonly cols: number },
  reading: Reading,
): Promise<Grid> {
  const [first, second] = view.byteStrides as [number, number]
  // Along the file: neighbours in it are read together.
  if (Math.abs(first) >= Math.abs(second)) return alongFile(view, most, reading)
  const picture = await alongFile(turned(view), { rows: most.cols, cols: most.rows }, reading)
  return transposed(picture)
}

function turned(view: NdView): NdView {
  return view.ndim === 3 ? view.transpose(1, 0, 2) : view.transpose()
}

async function alongFile(
  view: NdView,
  most: { readonly rows: number; readonly cols: number },
  reading: Reading,
): Promise<Grid> {
  if (pagesByteLength(planeOf(view)) <= reading.budget) return blockMeans(view, most, reading)
  const { rowStep, colStep } = stepsWithin(view, most, reading.budget)
  return sampled(view, rowStep, colStep, reading)
}

async function blockMeans(
  view: NdView,
  most: { readonly rows: number; readonly cols: number },
  { signal, onRead }: Reading,
): Promise<Grid> {
  const [height, width, channels = 1] = view.shape as [number, number, number?]
  const rowStep = stepFor(height, most.rows)
  const colStep = stepFor(width, most.cols)
  const [rows, cols] = [Math.ceil(height / rowStep), Math.ceil(width / colStep)]
  const values = new Float64Array(rows * cols * channels)
  const counts = new Float64Array(rows * cols * channels)
  for await (const { start, view: part } of view.chunks({ byteLength: PIECE_BYTE_LENGTH, signal })) {
    const numbers = await numbersOf(part, signal)
    addRows(values, counts, { numbers, start, width, rowStep, colStep, cols, channels })
    onRead(part.nbytes)
  }
  let nanCount = height * width * channels
  for (let i = 0; i < values.length; i++) {
    nanCount -= counts[i] as number
    values[i] = counts[i] === 0 ? Number.NaN : (values[i] as number) / (counts[i] as number)
  }
  return { rows, cols, rowStep, colStep, channels, values, how: rowStep * colStep > 1 ? 'means' : 'all', nanCount }
}

interface Rows {
  readonly numbers: ArrayLike<number>
  readonly start: number
  readonly width: number
  readonly rowStep: number
  readonly colStep: number
  readonly cols: number
  readonly channels: number
}

function addRows(
  sums: Float64Array,
  counts: Float64Array,
  { numbers, start, width, rowStep, colStep, cols, channels }: Rows,
): void {
  let at = 0
  for (let row = start; at < numbers.length; row++) {
    let cell = Math.floor(row / rowStep) * cols * channels
    for (let left = width; left > 0; left -= colStep) {
      const end = at + Math.min(colStep, left) * channels
      for (let channel = 0; channel < channels; channel++, cell++) {
        let sum = 0
        let count = 0
        for (let i = at + channel; i < end; i += channels) {
          const value = numbers[i] as number
          if (Number.isNaN(value)) continue
          sum += value
          count++
        }
        sums[cell]! += sum
        counts[cell]! += count
      }
      at = end
    }
  }
}

async function sampled(view: NdView, rowStep: number, colStep: number, { signal, onRead }: Reading): Promise<Grid> {
  const part = view.slice(`::${rowStep}`, `::${colStep}`)
  const [rows, cols, channels = 1] = part.shape as [number, number, number?]
  const values = new Float64Array(rows * cols * channels)
  const row = pagesByteLength(planeOf(part).slice('0:1'))
  // Read-ahead would fetch what the sample leaves out; whole rows are asked for instead.
  view.advise('random')
  const dense = Math.abs(part.byteStrides[1] as number) < 4096
  const batch = Math.max(1, Math.floor(PIECE_BYTE_LENGTH / row))
  for (let start = 0; start < rows; start += batch) {
    const some = part.slice(`${start}:${start + batch}`)
    for (let row = 0; dense && row < (some.shape[0] as number); row++) await some.slice(row).prefetch({ signal })
    values.set(await numbersOf(some, signal), start * cols * channels)
    onRead(some.nbytes)
  }
  const nanCount = values.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0)
  return { rows, cols, rowStep, colStep, channels, values, how: rowStep * colStep > 1 ? 'sample' : 'all', nanCount }
}

function transposed(grid: Grid): Grid {
  const { rows, cols, rowStep, colStep, channels } = grid
  const values = new Float64Array(grid.values.length)
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const from = (row * cols + col) * channels
      const to = (col * rows + row) * channels
      for (let i = 0; i < channels; i++) values[to + i] = grid.values[from + i] as number
    }
  }
  return { ...grid, rows: cols, cols: rows, rowStep: colStep, colStep: rowStep, values }
}

/** What was done to the elements, in words. */
export function gridText({ how, rowStep, colStep }: Grid): string {
  if (how === 'all') return ''
  if (how === 'means') return `block means of ${countText(rowStep)} × ${countText(colStep)}`
  const parts = [rowStep > 1 ? `${everyText(rowStep)} row` : '', colStep > 1 ? `${everyText(colStep)} column` : '']
  return parts.filter((part) => part !== '').join(', ')
}

/** `22 % of the elements, 3 of every 14`. */
export function shareText(seen: number, block: number): string {
  // A part is never all of them.
  const percent = Math.min(99, (100 * seen) / block)
  const digits = percent >= 1 ? percent.toPrecision(2) : percent.toPrecision(1)
  return `${Number(digits)} % of the elements, ${countText(seen)} of every ${countText(block)}`
}

/** `every 3rd`. */
export function everyText(step: number): string {
  const teen = Math.floor(step / 10) % 10 === 1
  const ending = teen ? 'th' : (['th', 'st', 'nd', 'rd'][step % 10] ?? 'th')
  return `every ${countText(step)}${ending}`
}
