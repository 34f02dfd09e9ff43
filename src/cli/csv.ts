// Rows of text: a line for each index of the first axis, the elements of the others in C order.

import type { DType, NdView } from '../index.ts'
import type { Progress } from './progress.ts'

/** Lines of comma-separated values, some at a time. Structured elements get a column a field, and a first line of names. */
export async function* rowsOfText(view: NdView, progress: Progress, signal: AbortSignal): AsyncGenerator<string> {
  const lineOf = (row: unknown): string =>
    cellsOf(row, view.dtype)
      .map((cell) => cellOf(cell, view.dtype.name))
      .join(',')
  const fields = view.dtype.fields === null ? null : [...view.dtype.fields.keys()]
  if (fields !== null && view.ndim === 1) yield `${fields.map((name) => cellOf(name)).join(',')}\n`
  if (view.ndim === 0) {
    yield `${lineOf(view.get())}\n`
    return
  }
  for await (const { view: rows } of view.chunks({ byteLength: 1024 * 1024, signal })) {
    const lines = (rows.toArray() as unknown[]).map(lineOf)
    yield `${lines.join('\n')}\n`
    progress.add(rows.nbytes)
  }
}

/** The values of an element, however deep it is, in the order of its fields. */
function cellsOf(value: unknown, dtype: DType): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => cellsOf(item, dtype))
  if (dtype.subarray !== null) return cellsOf(value, dtype.subarray.dtype)
  if (dtype.fields !== null) {
    return [...dtype.fields].flatMap(([name, field]) => cellsOf((value as Record<string, unknown>)[name], field.dtype))
  }
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('hex')]
  if (dtype.kind !== 'c') return [value]
  const { re, im } = value as { re: number; im: number }
  return [`${re}${signed(im)}j`]
}

function signed(value: unknown): string {
  const text = String(value)
  return text.startsWith('-') ? text : `+${text}`
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
  const text = typeof value === 'number' && dtype in DIGITS ? shortest(value, dtype) : String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
