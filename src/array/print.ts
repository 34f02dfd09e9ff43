// NumPy's text form of an array, `repr` and `str` as NumPy 2.4 prints them: which elements are shown, how each kind of
// element is written and aligned, how lines break. Reads an array only through `get`, and when it summarises only the
// corner elements it shows. Digits of floats are format-float.ts's business.

import { NOT_A_TIME } from '../layout/datetime-unit.ts'
import type { DType } from '../layout/dtype.ts'
import { formatPythonString } from '../layout/python-string.ts'
import { elementCount, formatShape } from '../layout/shape.ts'
import { dateText, formatTime } from './format-date.ts'
import { BINARY16, BINARY32, BINARY64, type FloatGrid, floatColumn, formatFloatScalar } from './format-float.ts'

/** What printing needs of an array. */
export interface PrintableArray {
  readonly dtype: DType
  readonly shape: readonly number[]
  get(...indices: number[]): unknown
}

/** NumPy's print options that the printers here take. */
export interface PrintOptions {
  /** Arrays with more elements than this are summarised; 1000 when left out. */
  readonly threshold?: number
  /** Elements shown at each end of an axis of a summarised array; 3 when left out. */
  readonly edgeItems?: number
  /** Digits after the decimal point of a float, at most; 8 when left out. */
  readonly precision?: number
  /** Characters on a line; 75 when left out. */
  readonly lineWidth?: number
  /** Print floats near zero as zero instead of switching to exponents. */
  readonly suppress?: boolean
}

type Format = (value: unknown) => string

const DEFAULTS: Required<PrintOptions> = {
  threshold: 1000,
  edgeItems: 3,
  precision: 8,
  lineWidth: 75,
  suppress: false,
}

/**
 * `repr` of the array with `prefix` for the word `array`: `Memmap([[1., 2.]], dtype=float32)`.
 *
 * @param prefix - the word before the parenthesis; lines after the first are indented by its length
 */
export function formatRepr(array: PrintableArray, prefix: string, options: PrintOptions = {}): string {
  const settings = { ...DEFAULTS, ...options }
  const { dtype, shape } = array
  const size = elementCount(shape) ?? Number.POSITIVE_INFINITY
  const head = `${prefix}(`
  const indent = ' '.repeat(textWidth(head))
  const body = head + formatElements(array, settings, settings.lineWidth - 1, indent, ', ')

  const extras: string[] = []
  if ((size === 0 && !(shape.length === 1 && shape[0] === 0)) || size > settings.threshold) {
    extras.push(`shape=${formatShape(shape)}`)
  }
  if (size === 0 || !isImplied(dtype)) extras.push(`dtype=${dtypeText(dtype)}`)
  if (extras.length === 0) return `${body})`

  const tail = `${extras.join(', ')})`
  const lastLine = `${body.slice(body.lastIndexOf('\n') + 1)},`
  const fits = textWidth(lastLine) + textWidth(tail) + 1 <= settings.lineWidth
  return `${body},${fits ? ' ' : `\n${indent}`}${tail}`
}

/** `str` of the array: `[[1. 2.]\n [3. 4.]]`; of an array without axes, `str` of the scalar. */
export function formatArray(array: PrintableArray, options: PrintOptions = {}): string {
  const settings = { ...DEFAULTS, ...options }
  if (array.shape.length === 0) return formatScalar(array.get(), array.dtype, settings)
  return formatElements(array, settings, settings.lineWidth, '', ' ')
}

/** Width in code points, as Python counts. */
function textWidth(text: string): number {
  let width = text.length
  for (const _ of text.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g)) width--
  return width
}

/** True when the printed values alone tell the dtype. */
function isImplied(dtype: DType): boolean {
  return dtype.fields === null && ['bool', 'int64', 'float64', 'complex128'].includes(dtype.toString())
}

function dtypeText(dtype: DType): string {
  const text = dtype.toString()
  return dtype.fields !== null || /^[a-z][a-z0-9]*$/i.test(text) ? text : `'${text}'`
}

// --- which elements, and how lines break ---

function formatElements(
  array: PrintableArray,
  settings: Required<PrintOptions>,
  lineWidth: number,
  indent: string,
  separator: string,
): string {
  const { shape, dtype } = array
  const size = elementCount(shape) ?? Number.POSITIVE_INFINITY
  if (size === 0) return '[]'
  const summarise = size > settings.threshold
  const axes = shape.map((length) => shownIndices(length, summarise, settings.edgeItems))
  const values: unknown[] = []
  readShown(array, axes, [], values)
  const words = values.map(elementFormat(dtype, values, settings, shape.length === 0))
  return layOut(words.values(), axes, lineWidth, `${indent} `, separator)
}

/** The indices of one axis to show; null stands for the gap. */
function shownIndices(length: number, summarise: boolean, edgeItems: number): (number | null)[] {
  if (!summarise || length <= 2 * edgeItems) return Array.from({ length }, (_, index) => index)
  const start = Array.from({ length: edgeItems }, (_, index) => index)
  // without edge items NumPy shows the last element all the same, aligned over a whole array that must not be read here
  const end = Array.from({ length: Math.max(edgeItems, 1) }, (_, index) => length - 1 - index).reverse()
  return [...start, null, ...end]
}

function readShown(
  array: PrintableArray,
  axes: readonly (number | null)[][],
  at: readonly number[],
  into: unknown[],
): void {
  const axis = axes[at.length]
  if (axis === undefined) {
    into.push(array.get(...at))
    return
  }
  for (const index of axis) if (index !== null) readShown(array, axes, [...at, index], into)
}

/** Takes the words in C order, brackets them, and breaks rows longer than `lineWidth`. */
function layOut(
  words: Iterator<string>,
  axes: readonly (number | null)[][],
  lineWidth: number,
  indent: string,
  separator: string,
): string {
  const [axis, ...inner] = axes
  const next = (): string => words.next().value ?? ''
  if (axis === undefined) return next()
  if (inner.length > 0) {
    const parts = axis.map((index) =>
      index === null ? '...' : layOut(words, inner, lineWidth - 1, `${indent} `, separator),
    )
    return `[${parts.join(separator.trimEnd() + '\n'.repeat(inner.length) + indent)}]`
  }
  let done = ''
  let line = indent
  let width = indent.length
  axis.forEach((index, position) => {
    if (position > 0) {
      line += separator
      width += separator.length
    }
    const word = index === null ? '...' : next()
    const wordWidth = textWidth(word)
    // one column stays free for the separator or bracket after the word
    if (width + wordWidth > lineWidth - 1 && width > indent.length) {
      done += `${line.trimEnd()}\n`
      line = indent
      width = indent.length
    }
    line += word
    width += wordWidth
  })
  return `[${(done + line).slice(indent.length)}]`
}

// --- how elements are written ---

function floatGrid(dtype: DType): FloatGrid {
  const bytes = dtype.kind === 'c' ? dtype.itemSize / 2 : dtype.itemSize
  // wider floats arrive as the nearest float64
  return bytes === 2 ? BINARY16 : bytes === 4 ? BINARY32 : BINARY64
}

/** The printer for elements of `dtype`, aligned over `values`; `lone` when they are not elements of an axis. */
function elementFormat(
  dtype: DType,
  values: readonly unknown[],
  settings: Required<PrintOptions>,
  lone: boolean,
  floatFormat?: (grid: FloatGrid) => Format,
): Format {
  if (dtype.fields !== null) return structFormat(dtype, values, settings, lone, floatFormat)
  switch (dtype.kind) {
    case 'b':
      return (value) => (value ? (lone ? 'True' : ' True') : 'False')
    case 'i':
    case 'u':
      return padded(values, String)
    case 'f':
      return floatFormat?.(floatGrid(dtype)) ?? (realFormat(dtype, values as number[], settings, false) as Format)
    case 'c':
      return complexFormat(dtype, values as Complex[], settings)
    case 'M':
      return padded(values, (value) => `'${dateText(value as bigint, dtype)}'`, true)
    case 'm':
      return padded(values, String, true)
    case 'S':
      return (value) => bytesText(value as string)
    case 'U':
      return (value) => formatPythonString(value as string)
    default:
      return (value) => voidText(value as Uint8Array)
  }
}

/** Pads to the longest text; with `hasNat` the smallest integer is not-a-time. */
function padded(values: readonly unknown[], text: Format, hasNat = false): Format {
  const format: Format = (value) => (hasNat && value === NOT_A_TIME ? "'NaT'" : text(value))
  const width = values.reduce((longest: number, value) => Math.max(longest, format(value).length), 0)
  return (value) => format(value).padStart(width)
}

function realFormat(
  dtype: DType,
  values: readonly number[],
  settings: Required<PrintOptions>,
  plus: boolean,
): (value: number) => string {
  const { precision, suppress } = settings
  return floatColumn(values, floatGrid(dtype), { precision, suppress, plus })
}

interface Complex {
  readonly re: number
  readonly im: number
}

function complexFormat(dtype: DType, values: readonly Complex[], settings: Required<PrintOptions>): Format {
  const parts = (part: keyof Complex): number[] => values.map((value) => value[part])
  const real = realFormat(dtype, parts('re'), settings, false)
  const imaginary = realFormat(dtype, parts('im'), settings, true)
  return (value) => {
    const { re, im } = value as Complex
    const text = imaginary(im)
    const end = text.trimEnd().length
    return `${real(re)}${text.slice(0, end)}j${text.slice(end)}`
  }
}

function structFormat(
  dtype: DType,
  values: readonly unknown[],
  settings: Required<PrintOptions>,
  lone: boolean,
  floatFormat?: (grid: FloatGrid) => Format,
): Format {
  const fields = [...(dtype.fields ?? [])].map(([name, field]) => {
    const column = values.map((value) => (value as Record<string, unknown>)[name])
    const { subarray } = field.dtype
    if (subarray === null) {
      return { name, format: elementFormat(field.dtype, column, settings, lone, floatFormat) }
    }
    const { shape, dtype: inner } = subarray
    const format = elementFormat(inner, column.flat(shape.length) as unknown[], settings, false, floatFormat)
    const summarise = (elementCount(shape) ?? 0) > settings.threshold
    return { name, format: subarrayFormat(format, shape.length, summarise, settings.edgeItems) }
  })
  return (value) => {
    const texts = fields.map(({ name, format }) => format((value as Record<string, unknown>)[name]))
    return `(${texts.join(', ')}${texts.length === 1 ? ',' : ''})`
  }
}

/** A sub-array of a field stays on one line whatever its length. */
function subarrayFormat(format: Format, ndim: number, summarise: boolean, edgeItems: number): Format {
  if (ndim === 0) return format
  const inner = subarrayFormat(format, ndim - 1, summarise, edgeItems)
  return (value) => {
    const items = value as unknown[]
    const texts =
      summarise && items.length > 2 * edgeItems
        ? [...items.slice(0, edgeItems).map(inner), '...', ...items.slice(-edgeItems).map(inner)]
        : items.map(inner)
    return `[${texts.join(', ')}]`
  }
}

/** `str` of a NumPy scalar, which shows floats in full and text without quotes. */
function formatScalar(value: unknown, dtype: DType, settings: Required<PrintOptions>): string {
  if (dtype.fields !== null) {
    const scalar = (grid: FloatGrid) => (item: unknown) =>
      formatFloatScalar(item as number, grid, { bare: false, plus: false })
    return structFormat(dtype, [value], settings, true, scalar)(value)
  }
  const grid = floatGrid(dtype)
  switch (dtype.kind) {
    case 'f':
      return formatFloatScalar(value as number, grid, { bare: false, plus: false })
    case 'c': {
      const { re, im } = value as Complex
      if (Object.is(re, 0)) return `${formatFloatScalar(im, grid, { bare: true, plus: false })}j`
      const real = formatFloatScalar(re, grid, { bare: true, plus: false })
      return `(${real}${formatFloatScalar(im, grid, { bare: true, plus: true })}j)`
    }
    case 'M':
    case 'm':
      return formatTime(value as bigint, dtype)
    case 'S':
      return `np.bytes_(${bytesText(value as string)})`
    case 'U':
      return value as string
    default:
      return elementFormat(dtype, [value], settings, true)(value)
  }
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function voidText(bytes: Uint8Array): string {
  return `b'${Array.from(bytes, (byte) => `\\x${hexByte(byte).toUpperCase()}`).join('')}'`
}

const BYTE_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** Python's `repr` of bytes, given one character a byte. */
function bytesText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const body = Array.from(text, (character) => {
    if (character === quote) return `\\${quote}`
    const plain = character >= ' ' && character <= '~'
    return BYTE_ESCAPES[character] ?? (plain ? character : `\\x${hexByte(character.charCodeAt(0))}`)
  })
  return `b${quote}${body.join('')}${quote}`
}
