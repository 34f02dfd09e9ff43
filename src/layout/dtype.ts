// What one element is: its kind, size, byte order, and for structured elements its fields (numpy.md 1.5). Owns DType and
// the putting together of structures and sub-arrays from a descr; the rules are those of numpy.lib.format.descr_to_dtype,
// so that what a header says is what NumPy loads. Refuses what NumPy refuses (TypeError) and Python objects (UnsupportedError).

import { UnsupportedError } from '../errors.ts'
import { type DatetimeUnit, datetimeToDate, formatDatetimeUnit } from './datetime-unit.ts'
import {
  type ByteOrder,
  type DTypeKind,
  type DTypeName,
  isCommaString,
  MAX_ITEM_SIZE,
  NATIVE_BYTE_ORDER,
  parseScalarCode,
  resizeFlexible,
  type ScalarLayout,
  splitCommaString,
} from './dtype-code.ts'
import { formatDType } from './dtype-text.ts'
import { elementCount, MAX_NDIM } from './shape.ts'

export type { ByteOrder, DTypeKind, DTypeName } from './dtype-code.ts'

/** One field of a structure as NumPy writes it: name or `[title, name]`, what it is, and the shape of a sub-array. */
export type DescrField =
  | readonly [name: string | readonly [title: string | null, name: string], descr: Descr]
  | readonly [
      name: string | readonly [title: string | null, name: string],
      descr: Descr,
      shape: number | readonly number[],
    ]

/** Elements of a fixed shape inside an element: `['<f8', [2, 3]]`. */
export type DescrSubarray = readonly [descr: Descr, shape: number | readonly number[]]

/** NumPy's `dtype.descr` in JavaScript's arrays: a code, a list of fields, or a sub-array. */
export type Descr = string | readonly DescrField[] | DescrSubarray

/** Whatever {@link DType.of} understands. */
export type DTypeLike = Descr | DType

/** One field of a structured dtype. */
export interface Field {
  /** As NumPy has it; `f0`, `f1`, … where none was given. */
  readonly name: string
  /** A second name of the field; mostly undefined. */
  readonly title: string | undefined
  /** What the field is. */
  readonly dtype: DType
  /** From the start of the element. */
  readonly byteOffset: number
}

/** Elements of a fixed shape that make up one element. */
export interface Subarray {
  /** What each of them is. */
  readonly dtype: DType
  /** How many there are along each axis. */
  readonly shape: readonly number[]
}

/** Deeper than Python's parser can nest a header, and short of what the JavaScript stack holds. */
const MAX_DESCR_DEPTH = 200

/** Header strings are chosen by files: the cache must not grow with them. */
const MAX_CACHED = 256
const MAX_CACHED_LENGTH = 32
const cache = new Map<string, DType>()

function notADType(spec: string, reason = 'is not a NumPy dtype'): TypeError {
  return new TypeError(`dtype: ${spec} ${reason}`)
}

function isShape(value: unknown): value is number | readonly number[] {
  return typeof value === 'number' || (Array.isArray(value) && value.every((length) => typeof length === 'number'))
}

/** True for a sub-array: a field is never an array of numbers, so that a pair ending in one can be nothing else. */
export function isSubarrayDescr(descr: readonly unknown[]): descr is DescrSubarray {
  return descr.length === 2 && isShape(descr[1])
}

/**
 * NumPy's dtype: what one element of an array is. Made by {@link DType.of}; immutable.
 *
 * @example
 * DType.of('float32').itemSize // 4
 * DType.of([['x', '<i4'], ['y', '<f8', [2]]]).fields?.get('y')?.byteOffset // 4
 */
export class DType<T extends DTypeName = DTypeName> {
  /** `float32`; kinds with a parameter go by the kind: `datetime64`, `bytes`, `str`, `void` (also the structured ones). */
  readonly name: T
  /** NumPy's letter: `b i u f c M m S U V`. */
  readonly kind: DTypeKind
  /** NumPy's `dtype.str`: `<f4`, `<M8[25s]`, `|S5`, `|V12`. */
  readonly str: string
  /** Bytes of one element. */
  readonly itemSize: number
  /** `|` where order does not matter, and for structures, whose fields have their own. */
  readonly byteOrder: ByteOrder
  /** Bytes that turn round as one when the byte order changes: 4 for float32, complex64 and str, 1 where order does not matter. */
  readonly wordSize: number
  /** True when no byte needs to be swapped on this machine. */
  readonly isNative: boolean
  /** Natural alignment in bytes of the words of one element; 1 for bytes, void and structures. */
  readonly alignment: number
  /** Of datetime64 and timedelta64, else null. */
  readonly unit: DatetimeUnit | null
  /** Of structured dtypes, in order; else null. */
  readonly fields: ReadonlyMap<string, Field> | null
  /** Elements within the element, else null. */
  readonly subarray: Subarray | null

  private constructor(
    name: T,
    layout: Omit<ScalarLayout, 'name'>,
    parts: { fields?: ReadonlyMap<string, Field>; subarray?: Subarray } = {},
  ) {
    const { kind, itemSize, wordSize, byteOrder, unit } = layout
    const { fields = null, subarray = null } = parts
    this.name = name
    this.kind = kind
    this.itemSize = itemSize
    this.byteOrder = byteOrder
    this.wordSize = wordSize
    this.unit = unit
    this.fields = fields
    this.subarray = subarray
    this.str = `${byteOrder}${kind}${kind === 'U' ? itemSize / 4 : itemSize}${unit === null ? '' : formatDatetimeUnit(unit)}`
    this.isNative = byteOrder === '|' || byteOrder === NATIVE_BYTE_ORDER
    this.alignment = wordSize
    if (subarray !== null) {
      this.isNative = subarray.dtype.isNative
      this.alignment = subarray.dtype.alignment
    } else if (fields !== null) {
      for (const field of fields.values()) this.isNative &&= field.dtype.isNative
    }
    Object.freeze(this)
  }

  /**
   * The dtype a NumPy string (`'float32'`, `'<f4'`, `'>M8[25s]'`, `'i4, 2f8'`), a descr list or a DType stands for.
   *
   * A descr is read as the .npy header's is: a void field without a name is padding, and another field without a name
   * keeps the name `''`.
   *
   * @throws TypeError when NumPy would not accept it.
   * @throws {@link UnsupportedError} for Python objects.
   */
  static of<N extends DTypeName>(spec: N | DType<N>): DType<N>
  static of(spec: DTypeLike): DType
  static of(spec: DTypeLike): DType {
    if (typeof spec !== 'string') return spec instanceof DType ? spec : DType.#fromDescr(spec, 0)
    let dtype = cache.get(spec)
    if (dtype === undefined) {
      dtype = DType.#fromString(spec)
      if (cache.size >= MAX_CACHED) cache.clear()
      if (spec.length <= MAX_CACHED_LENGTH) cache.set(spec, dtype)
    }
    return dtype
  }

  static #fromScalar(layout: ScalarLayout): DType {
    return new DType(layout.name, layout)
  }

  static #fromString(text: string): DType {
    if (!isCommaString(text)) {
      const layout = parseScalarCode(text)
      if (layout === null) throw notADType(`'${text}'`)
      return DType.#fromScalar(layout)
    }
    const list = splitCommaString(text)
    if (list === null) throw notADType(`'${text}'`)
    const dtypes = list.items.map(({ code, repeats }) => {
      const layout = parseScalarCode(code)
      if (layout === null) throw notADType(`'${text}'`)
      const dtype = DType.#fromScalar(layout)
      return repeats === null ? dtype : DType.#withShape(dtype, repeats)
    })
    const [only] = dtypes
    if (!list.isList && only !== undefined) return only
    return DType.#fromFields(dtypes.map((dtype, index) => ({ name: `f${index}`, title: undefined, dtype })))
  }

  static #fromDescr(descr: unknown, depth: number): DType {
    if (typeof descr === 'string') return DType.of(descr)
    if (descr instanceof DType) return descr
    if (!Array.isArray(descr)) {
      throw new TypeError(
        `dtype: expected a string, a DType or a list of fields, got ${descr === null ? 'null' : typeof descr}`,
      )
    }
    if (depth >= MAX_DESCR_DEPTH) throw new TypeError(`dtype: expected at most ${MAX_DESCR_DEPTH} nested levels`)
    if (isSubarrayDescr(descr)) return DType.#withShape(DType.#fromDescr(descr[0], depth + 1), descr[1])
    return DType.#fromFields(
      descr.map((field: unknown, index) => {
        if (!Array.isArray(field) || field.length < 2 || field.length > 3) {
          throw new TypeError(`dtype: expected [name, descr] or [name, descr, shape] for field ${index}`)
        }
        const [label, of, shape]: unknown[] = field
        const [title, name]: unknown[] = Array.isArray(label) && label.length === 2 ? label : [null, label]
        if (typeof name !== 'string' || !(title === null || title === undefined || typeof title === 'string')) {
          throw new TypeError(`dtype: expected a name or [title, name] for field ${index}`)
        }
        let dtype = DType.#fromDescr(of, depth + 1)
        if (field.length === 3) {
          if (!isShape(shape))
            throw new TypeError(`dtype: expected a number or numbers for the shape of field '${name}'`)
          dtype = DType.#withShape(dtype, shape)
        }
        // A title makes a nameless field data, as in NumPy, which compares the whole label.
        const isPadding = label === '' && dtype.kind === 'V' && dtype.fields === null
        return isPadding ? dtype.itemSize : { name, title: title ?? undefined, dtype }
      }),
    )
  }

  /** Fields one after another; a number is so many bytes of padding. */
  static #fromFields(parts: readonly (number | Omit<Field, 'byteOffset'>)[]): DType {
    const fields = new Map<string, Field>()
    const taken = new Set<string>()
    let byteOffset = 0
    for (const part of parts) {
      if (typeof part === 'number') {
        byteOffset += part
      } else {
        for (const key of part.title === undefined ? [part.name] : [part.name, part.title]) {
          if (taken.has(key)) throw notADType(`'${key}'`, 'is already the name or title of a field')
          taken.add(key)
        }
        fields.set(part.name, Object.freeze({ ...part, byteOffset }))
        byteOffset += part.dtype.itemSize
      }
      if (byteOffset > MAX_ITEM_SIZE) throw new TypeError(`dtype: expected at most ${MAX_ITEM_SIZE} bytes per element`)
    }
    return DType.#void(byteOffset, { fields })
  }

  /** NumPy's `np.dtype((dtype, shape))`. */
  static #withShape(dtype: DType, shape: number | readonly number[]): DType {
    const dimensions = typeof shape === 'number' ? [shape] : [...shape]
    if (dtype.itemSize === 0 && dtype.fields === null && dtype.subarray === null) {
      const isSize = typeof shape === 'number' && Number.isSafeInteger(shape) && shape >= 0
      const layout = isSize ? resizeFlexible(dtype, shape) : null
      if (layout === null) throw notADType(`'${dtype.str}'`, 'without a size takes one number as its size, no shape')
      return DType.#fromScalar(layout)
    }
    if (dimensions.length === 0) return dtype
    for (const length of dimensions) {
      if (!Number.isInteger(length) || length < 0 || length > MAX_ITEM_SIZE) {
        throw new TypeError(`dtype: expected 0 to ${MAX_ITEM_SIZE} for a sub-array dimension, got ${length}`)
      }
    }
    const count = elementCount(dimensions)
    if (dimensions.length > MAX_NDIM) {
      throw new TypeError(`dtype: expected at most ${MAX_NDIM} sub-array dimensions, got ${dimensions.length}`)
    }
    if (count === null || count * dtype.itemSize > MAX_ITEM_SIZE) {
      throw new TypeError(`dtype: expected at most ${MAX_ITEM_SIZE} bytes per element`)
    }
    return DType.#void(count * dtype.itemSize, { subarray: Object.freeze({ dtype, shape: Object.freeze(dimensions) }) })
  }

  static #void(
    itemSize: number,
    parts: { fields: ReadonlyMap<string, Field> } | { subarray: Subarray },
  ): DType<'void'> {
    return new DType('void', { kind: 'V', itemSize, wordSize: 1, byteOrder: '|', unit: null }, parts)
  }

  /** NumPy's `dtype.descr`: what the .npy header says of this dtype; padding is `['', '|V7']`. */
  get descr(): Descr {
    if (this.subarray !== null) return [this.subarray.dtype.descr, this.subarray.shape]
    if (this.fields === null) return this.str
    const list: DescrField[] = []
    let byteOffset = 0
    for (const field of this.fields.values()) {
      if (field.byteOffset > byteOffset) list.push(['', `|V${field.byteOffset - byteOffset}`])
      const label = field.title === undefined ? field.name : ([field.title, field.name] as const)
      const { subarray } = field.dtype
      list.push(subarray === null ? [label, field.dtype.descr] : [label, subarray.dtype.descr, subarray.shape])
      byteOffset = field.byteOffset + field.dtype.itemSize
    }
    if (this.itemSize > byteOffset) list.push(['', `|V${this.itemSize - byteOffset}`])
    return list
  }

  /** Narrows the static type. */
  is<N extends DTypeName>(name: N): this is DType<N> {
    return (this.name as DTypeName) === name
  }

  /** The same dtype with its words, and those of its fields, in the given byte order. */
  withByteOrder(order: '<' | '>'): DType<T> {
    if (this.subarray !== null) {
      const { dtype, shape } = this.subarray
      return new DType(this.name, this, { subarray: Object.freeze({ dtype: dtype.withByteOrder(order), shape }) })
    }
    if (this.fields !== null) {
      const fields = new Map<string, Field>()
      for (const [name, field] of this.fields) {
        fields.set(name, Object.freeze({ ...field, dtype: field.dtype.withByteOrder(order) }))
      }
      return new DType(this.name, this, { fields })
    }
    if (this.byteOrder === '|' || this.byteOrder === order) return this
    return new DType(this.name, { ...this, byteOrder: order })
  }

  /** True for the same layout: kinds, sizes, byte orders, units, and fields with their names, titles and offsets. */
  equals(other: DType): boolean {
    if (this === (other as DType)) return true
    // The text of a dtype names everything but its padding at the end, which is in the size.
    return this.itemSize === other.itemSize && this.toString() === other.toString()
  }

  /** NumPy's `str(dtype)`: `float32`, `>i4`, `datetime64[ns]`, `|S5`, `[('a', '<i4'), ('b', '<f8')]`. */
  toString(): string {
    return formatDType(this)
  }

  /**
   * A datetime64 value as a Date, cut down to the millisecond; null for NaT.
   *
   * @throws TypeError when this is not datetime64.
   * @throws RangeError when it is outside Date's range.
   * @throws {@link UnsupportedError} when this has no unit.
   */
  toDate(value: bigint): Date | null {
    if (this.kind !== 'M' || this.unit === null)
      throw new TypeError(`dtype: toDate() is for datetime64, not ${this.name}`)
    return datetimeToDate(value, this.unit)
  }
}

// What `console.log` shows: NumPy's `repr(dtype)`. The symbol is Node's, by its public name.
Object.defineProperty(DType.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: DType): string {
    const text = this.toString()
    return this.fields === null && this.subarray === null ? `dtype('${text}')` : `dtype(${text})`
  },
})
