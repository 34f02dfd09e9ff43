// The strings np.dtype() accepts, as far as they are about one element: `<f4`, `float32`, `d`, `>M8[25s]`, and the comma
// lists `i4, 2f8, (2,3)u1`, which are split here and put together in dtype.ts (numpy.md 1.5). Sizes are those of 64-bit
// Linux: `l` is 8 bytes, long double 16. Refuses Python objects and StringDType: their data is pickle.

import { UnsupportedError } from '../errors.ts'
import { type DatetimeUnit, parseDatetimeUnit } from './datetime-unit.ts'

/** NumPy's one-letter kind of a dtype: bool, int, unsigned, float, complex, datetime, timedelta, bytes, str, void. */
export type DTypeKind = 'b' | 'i' | 'u' | 'f' | 'c' | 'M' | 'm' | 'S' | 'U' | 'V'

/** NumPy's name of a dtype; kinds with a parameter go by the kind alone, and structured dtypes are `void`. */
export type DTypeName =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'float128'
  | 'complex64'
  | 'complex128'
  | 'complex256'
  | 'datetime64'
  | 'timedelta64'
  | 'bytes'
  | 'str'
  | 'void'

/** Little-endian, big-endian, or `|` where order does not matter. */
export type ByteOrder = '<' | '>' | '|'

/** The byte order of this machine. */
export const NATIVE_BYTE_ORDER: '<' | '>' = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? '<' : '>'

/** NumPy keeps item sizes and sub-array dimensions in a C int. */
export const MAX_ITEM_SIZE = 2_147_483_647

/** What one unstructured element is. */
export interface ScalarLayout {
  readonly name: DTypeName
  readonly kind: DTypeKind
  /** Bytes of one element. */
  readonly itemSize: number
  /** Bytes that turn round as one when the byte order changes; 1 where order does not matter. */
  readonly wordSize: number
  readonly byteOrder: ByteOrder
  readonly unit: DatetimeUnit | null
}

const SIZED: ReadonlyMap<string, DTypeName> = new Map([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['f16', 'float128'],
  ['c8', 'complex64'],
  ['c16', 'complex128'],
  ['c32', 'complex256'],
] as const)

const CODE_OF_NAME: ReadonlyMap<string, string> = new Map([...SIZED].map(([code, name]) => [name, code]))

/** NumPy's type characters; those of long follow LP64, and `c` is an S1. */
const CODE_OF_CHAR: ReadonlyMap<string, string> = new Map([
  ['?', 'b1'],
  ['b', 'i1'],
  ['h', 'i2'],
  ['i', 'i4'],
  ['l', 'i8'],
  ['q', 'i8'],
  ['p', 'i8'],
  ['n', 'i8'],
  ['B', 'u1'],
  ['H', 'u2'],
  ['I', 'u4'],
  ['L', 'u8'],
  ['Q', 'u8'],
  ['P', 'u8'],
  ['N', 'u8'],
  ['e', 'f2'],
  ['f', 'f4'],
  ['d', 'f8'],
  ['g', 'f16'],
  ['F', 'c8'],
  ['D', 'c16'],
  ['G', 'c32'],
  ['M', 'M8'],
  ['m', 'm8'],
  ['S', 'S0'],
  ['c', 'S1'],
  ['U', 'U0'],
  ['V', 'V0'],
  ['O', 'O8'],
  ['T', 'T'],
])

/** NumPy's names besides {@link DTypeName}: these take no byte order in front. */
const CODE_OF_ALIAS: ReadonlyMap<string, string> = new Map([
  ...CODE_OF_NAME,
  ['bool_', 'b1'],
  ['byte', 'i1'],
  ['short', 'i2'],
  ['intc', 'i4'],
  ['int', 'i8'],
  ['int_', 'i8'],
  ['intp', 'i8'],
  ['long', 'i8'],
  ['longlong', 'i8'],
  ['ubyte', 'u1'],
  ['ushort', 'u2'],
  ['uintc', 'u4'],
  ['uint', 'u8'],
  ['uintp', 'u8'],
  ['ulong', 'u8'],
  ['ulonglong', 'u8'],
  ['half', 'f2'],
  ['single', 'f4'],
  ['float', 'f8'],
  ['double', 'f8'],
  ['longdouble', 'f16'],
  ['csingle', 'c8'],
  ['complex', 'c16'],
  ['cdouble', 'c16'],
  ['clongdouble', 'c32'],
  ['a', 'S0'],
  ['bytes', 'S0'],
  ['bytes_', 'S0'],
  ['str', 'U0'],
  ['str_', 'U0'],
  ['unicode', 'U0'],
  ['void', 'V0'],
  ['object', 'O8'],
  ['object_', 'O8'],
])

// NumPy reads the size with strtol, which skips blanks and takes a plus sign.
const SIZE = /^[ \t-\r]*\+?(\d+)$/

function refusePickled(text: string): never {
  throw new UnsupportedError(
    `dtype: '${text}' holds Python objects, which are stored as pickle; pickle is never parsed`,
    {
      feature: 'object dtype',
    },
  )
}

/** A flexible or sized code: `S5`, `U7`, `V0`, `f4`; `order` is the one asked for. Null when there is no such type. */
function layoutOfCode(kind: string, size: number, order: '<' | '>'): ScalarLayout | null {
  if (size > MAX_ITEM_SIZE) return null
  switch (kind) {
    case 'S':
      return { name: 'bytes', kind, itemSize: size, wordSize: 1, byteOrder: '|', unit: null }
    case 'V':
      return { name: 'void', kind, itemSize: size, wordSize: 1, byteOrder: '|', unit: null }
    case 'U':
      if (size * 4 > MAX_ITEM_SIZE) return null
      return { name: 'str', kind, itemSize: size * 4, wordSize: 4, byteOrder: order, unit: null }
    case 'b':
    case 'i':
    case 'u':
    case 'f':
    case 'c': {
      const name = SIZED.get(`${kind}${size}`)
      if (name === undefined) return null
      const wordSize = kind === 'c' ? size / 2 : size
      return { name, kind, itemSize: size, wordSize, byteOrder: size === 1 ? '|' : order, unit: null }
    }
    default:
      return null
  }
}

function layoutOfDatetime(kind: 'M' | 'm', metadata: string, order: '<' | '>'): ScalarLayout | null {
  const unit = parseDatetimeUnit(metadata)
  if (unit === null) return null
  const name = kind === 'M' ? 'datetime64' : 'timedelta64'
  return { name, kind, itemSize: 8, wordSize: 8, byteOrder: order, unit }
}

/**
 * One element's layout from a string np.dtype() takes, comma lists aside; null when NumPy would not understand it.
 *
 * @throws {@link UnsupportedError} for object and StringDType.
 */
export function parseScalarCode(text: string): ScalarLayout | null {
  const first = text.charAt(0)
  const prefixed = first === '<' || first === '>' || first === '=' || first === '|'
  const code = prefixed ? text.slice(1) : text
  const order = first === '<' || first === '>' ? first : NATIVE_BYTE_ORDER

  if (code.startsWith('M8') || code.startsWith('m8')) {
    return layoutOfDatetime(code.startsWith('M') ? 'M' : 'm', code.slice(2), order)
  }
  if (code.startsWith('datetime64')) return layoutOfDatetime('M', code.slice(10), order)
  if (code.startsWith('timedelta64')) return layoutOfDatetime('m', code.slice(11), order)

  let canonical = code.length === 1 ? CODE_OF_CHAR.get(code) : undefined
  if (canonical === undefined && !prefixed) canonical = CODE_OF_ALIAS.get(code)
  canonical ??= code
  if (canonical === 'T') return refusePickled(text)

  const kind = canonical.charAt(0)
  const digits = SIZE.exec(canonical.slice(1))?.[1]
  if (digits === undefined) return null
  const size = Number(digits)
  if (kind === 'O' && (size === 8 || size === 4)) return refusePickled(text)
  if (kind === 'M' || kind === 'm') return size === 8 ? layoutOfDatetime(kind, '', order) : null
  return layoutOfCode(kind === 'a' ? 'S' : kind, size, order)
}

/** The same element with `size` as its parameter: NumPy takes `('S', 5)` for `S5`. Null when it cannot be. */
export function resizeFlexible(layout: ScalarLayout, size: number): ScalarLayout | null {
  return layoutOfCode(layout.kind, size, layout.byteOrder === '|' ? NATIVE_BYTE_ORDER : layout.byteOrder)
}

/** One part of a comma list: what it repeats, and how often or in what shape. */
export interface CommaItem {
  readonly code: string
  readonly repeats: number | readonly number[] | null
}

/** NumPy's `format_re`, with no way to match nothing at all. */
const COMMA_ITEM = /([<>|=]?)( *[(]?[ ,0-9]*[)]? *)([<>|=]?)([A-Za-z0-9.?]+(?:\[[a-zA-Z0-9,.]+\])?)/y
const SEPARATOR = /\s*,\s*/y
const TRAILING_BLANKS = /\s+$/y
const DIMENSION = /^(?:0|[1-9]\d*)$/

/** The `(2,3)` or `2` before a code, read as the Python literal it is. Undefined when it is none. */
function parseRepeats(text: string): number | readonly number[] | null | undefined {
  let body = text.trim()
  if (body === '') return null
  const bracketed = body.startsWith('(')
  if (bracketed !== body.endsWith(')')) return undefined
  if (bracketed) {
    body = body.slice(1, -1).trim()
    if (body === '') return []
  }
  const parts = body.split(',').map((part) => part.trim())
  const isTuple = parts.length > 1
  if (isTuple && parts.at(-1) === '') parts.pop()
  if (!parts.every((part) => DIMENSION.test(part))) return undefined
  const dimensions = parts.map(Number)
  return isTuple ? dimensions : dimensions[0]
}

/** True for the strings NumPy reads as a comma list: a comma outside `[]`, or repeats in front. */
export function isCommaString(text: string): boolean {
  if (/^[<>|=]?(?:\d|\(\))/.test(text)) return true
  let depth = 0
  for (const char of text) {
    if (char === '[') depth += 1
    else if (char === ']') depth -= 1
    else if (char === ',' && depth === 0) return true
  }
  return false
}

/**
 * The parts of a comma list; `isList` is false for repeats alone (`2i4`), which is a sub-array and no structure. Null
 * when NumPy would not understand it.
 */
export function splitCommaString(
  text: string,
): { readonly items: readonly CommaItem[]; readonly isList: boolean } | null {
  const items: CommaItem[] = []
  let isList = false
  let position = 0
  while (position < text.length) {
    COMMA_ITEM.lastIndex = position
    const match = COMMA_ITEM.exec(text)
    if (match === null) return null
    const [whole, before = '', repeatsText = '', after = '', code = ''] = match
    position += whole.length
    if (position < text.length) {
      TRAILING_BLANKS.lastIndex = position
      SEPARATOR.lastIndex = position
      const separator = SEPARATOR.exec(text)
      if (separator !== null) {
        position += separator[0].length
        isList = true
      } else if (TRAILING_BLANKS.test(text)) {
        position = text.length
      } else {
        return null
      }
    }
    const repeats = parseRepeats(repeatsText)
    if (repeats === undefined) return null
    const orderBefore = before === '=' ? NATIVE_BYTE_ORDER : before
    const orderAfter = after === '=' ? NATIVE_BYTE_ORDER : after
    if (orderBefore !== '' && orderAfter !== '' && orderBefore !== orderAfter) return null
    // NumPy drops an order that says nothing, so that `=float32,i4` passes where `=float32` alone does not.
    const order = orderAfter === '' ? orderBefore : orderAfter
    items.push({ code: order === '|' || order === NATIVE_BYTE_ORDER ? code : order + code, repeats })
  }
  return items.length === 0 ? null : { items, isList }
}
