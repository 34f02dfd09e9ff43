// Rows of text: a line for each index of the first axis, the elements of the others in C order.

import { type DType, formatTime, type NdView } from '../index.ts'
import { piecesOf } from './pieces.ts'
import type { Progress } from './progress.ts'

const PIECE_BYTE_LENGTH = 1024 * 1024
const EMPTY_LINES = 65_536

/**
 * Lines of comma-separated values, some at a time, or a part of one where lines are long. One axis of structures gets a first line of
 * names, a column for each.
 */
export async function* rowsOfText(view: NdView, progress: Progress, signal: AbortSignal): AsyncGenerator<string> {
  const { dtype, ndim, shape, size } = view
  if (dtype.fields !== null && ndim === 1)
    yield `${columnsOf(dtype)
      .map((name) => cellOf(name))
      .join(',')}\n`
  if (size === 0 && ndim > 1) yield* emptyLines(shape[0] as number)
  const perLine = ndim < 2 ? 1 : size / (shape[0] as number)
  for await (const { view: piece, start } of piecesOf(view, { byteLength: PIECE_BYTE_LENGTH, signal })) {
    const elements = (piece.toArray() as unknown[]).flat(piece.ndim - 1)
    const texts: string[] = []
    let place = start % perLine
    for (const element of elements) {
      if (place > 0) texts.push(',')
      texts.push(cellsOf(element, dtype).join(','))
      place++
      if (place < perLine) continue
      texts.push('\n')
      place = 0
    }
    yield texts.join('')
    progress.add(piece.nbytes)
  }
}

function* emptyLines(count: number): Generator<string> {
  for (let done = 0; done < count; done += EMPTY_LINES) yield '\n'.repeat(Math.min(EMPTY_LINES, count - done))
}

/** A name for each cell of an element: `pos_0`, `pos_1` for the elements of a field, `a.b` for a field of a field. */
function columnsOf({ fields, subarray }: DType, prefix = ''): string[] {
  if (subarray !== null) {
    const places = subarray.shape.reduce<string[]>(
      (before, extent) => before.flatMap((place) => Array.from({ length: extent }, (_, i) => `${place}_${i}`)),
      [''],
    )
    return places.flatMap((place) => columnsOf(subarray.dtype, prefix + place))
  }
  if (fields === null) return [prefix]
  return [...fields].flatMap(([name, field]) => columnsOf(field.dtype, prefix === '' ? name : `${prefix}.${name}`))
}

/** The texts of an element, in the order of its fields. */
function cellsOf(value: unknown, dtype: DType): string[] {
  const { subarray, fields, kind } = dtype
  if (subarray !== null) {
    return (value as unknown[]).flat(subarray.shape.length - 1).flatMap((item) => cellsOf(item, subarray.dtype))
  }
  if (fields !== null) {
    return [...fields].flatMap(([name, field]) => cellsOf((value as Record<string, unknown>)[name], field.dtype))
  }
  if (kind === 'M' || kind === 'm') return [formatTime(value as bigint, dtype)]
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('hex')]
  if (kind !== 'c') return [cellOf(value, dtype.name)]
  const { re, im } = value as { re: number; im: number }
  const part = dtype.name === 'complex64' ? 'float32' : 'float64'
  const imaginary = cellOf(im, part)
  return [`${cellOf(re, part)}${imaginary.startsWith('-') ? '' : '+'}${imaginary}j`]
}

/** Digits that tell numbers of this dtype apart, at least and at most. */
const DIGITS: Readonly<Record<string, readonly [number, number]>> = { float16: [1, 5], float32: [1, 9] }

/** The shortest text that is read back as the same number of this dtype. */
function shortest(value: number, dtype: string): string {
  const [least, most] = DIGITS[dtype] ?? [0, 0]
  for (let digits = least; digits < most; digits++) {
    const near = Number(value.toPrecision(digits))
    if (Math.fround(near) === value || (dtype === 'float16' && Math.abs(near - value) < Math.abs(value) * 2 ** -12))
      return String(near)
  }
  return String(value)
}

/** As RFC 4180 has it: quoted where it must be. NaN and infinities as NumPy writes them. */
function cellOf(value: unknown, dtype = ''): string {
  if (typeof value === 'number' && !Number.isFinite(value))
    return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Object.is(value, -0)) return '-0'
  // Readers take an empty line for no line.
  if (value === '') return '""'
  const text = typeof value === 'number' && dtype in DIGITS ? shortest(value, dtype) : String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
