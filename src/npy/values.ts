// What callers give to be written, as a view: views, typed arrays, `{ data, shape, dtype }`, nested arrays, scalars.

import { assignNested, sameElement } from '../array/assign.ts'
import { allocate, type StridedArray, sizeOf } from '../array/strided-array.ts'
import { type TypedArray, typedArrayKind, typedArrayName } from '../array/typed-array.ts'
import { NdView } from '../array/view.ts'
import { SelectionError } from '../errors.ts'
import { DType, type DTypeLike, type DTypeName } from '../layout/dtype.ts'
import { contiguousByteStrides, formatShape, parseShape } from '../layout/shape.ts'
import { checkOptions } from '../options.ts'
import { HeapSource } from '../storage/heap.ts'

/** Values with the shape and dtype they stand for. */
export interface ArrayData {
  /** A typed array of values in C order, for dtypes without one of the raw bytes; or nested arrays of values or records. */
  readonly data: TypedArray | readonly unknown[]
  /** One axis when left out. */
  readonly shape?: number | readonly number[]
  /** That of the typed array when left out: needed for bool, complex, float16 bits, datetimes, records. */
  readonly dtype?: DTypeLike
}

/** Anything that can be written as an array. */
export type ArrayLike = NdView | TypedArray | ArrayData | readonly unknown[] | number | bigint | boolean | string

const dtypeNames: Readonly<Record<string, DTypeName>> = {
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
}

/**
 * The view of a value, perhaps in the other byte order than the dtype asked for. Numbers are float64, bigints int64, booleans bool, strings str of the longest length, unless a
 * dtype is given; nothing is cast silently.
 *
 * @throws `TypeError` for what is no array, `RangeError` for values that the dtype cannot hold, {@link SelectionError}
 * for nested arrays that are not rectangular, naming the index
 */
export function viewOf(
  value: unknown,
  what: string,
  dtype?: DTypeLike,
  shape?: number | readonly number[],
): StridedArray {
  if (value instanceof NdView) {
    requireSame(value.dtype, dtype, what)
    return shape === undefined ? value : value.reshape(shape)
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return ofTypedArray(value as TypedArray, what, dtype, shape)
  if (isArrayData(value, dtype)) {
    checkOptions(value, ['data', 'shape', 'dtype'], `${what}: { data }`)
    if (value.dtype !== undefined) requireSame(DType.of(value.dtype), dtype, what)
    return viewOf(value.data, what, dtype ?? value.dtype, shape ?? value.shape)
  }
  const view = ofNested(value, what, dtype === undefined ? undefined : DType.of(dtype))
  return shape === undefined ? view : new NdView(view).reshape(shape)
}

function isArrayData(value: unknown, dtype: DTypeLike | undefined): value is ArrayData {
  if (typeof value !== 'object' || value === null || !('data' in value)) return false
  if (!ArrayBuffer.isView(value.data) && !Array.isArray(value.data)) return false
  // A record may have a field of this name.
  return dtype === undefined || DType.of(dtype).fields?.has('data') !== true
}

/** Byte orders may differ; the writer swaps. */
function requireSame(found: DType, asked: DTypeLike | undefined, what: string): void {
  if (asked === undefined || sameElement(found, DType.of(asked))) return
  throw new TypeError(`${what}: expected ${DType.of(asked)}, got values of ${found}; nothing is cast silently`)
}

function ofTypedArray(
  data: TypedArray,
  what: string,
  spec: DTypeLike | undefined,
  shape: number | readonly number[] | undefined,
): StridedArray {
  const name = typedArrayName(data)
  const dtype = DType.of(spec ?? dtypeNames[name] ?? 'void')
  const kind = typedArrayKind(dtype)
  const expected = kind === null ? 'Uint8Array' : kind.constructorName
  // A clamped array is one of uint8 in all but its setters.
  const fits = name === expected || (name === 'Uint8ClampedArray' && expected === 'Uint8Array')
  if (!fits)
    throw new TypeError(`${what}: expected a ${expected} for ${dtype}, got a ${name}; nothing is cast silently`)
  const { itemSize } = dtype
  const count = data.byteLength / Math.max(1, itemSize)
  if (!Number.isInteger(count)) {
    throw new SelectionError(
      `${what}: expected whole elements of ${dtype}, ${itemSize} bytes each, got ${data.byteLength} bytes`,
    )
  }
  const resolved = shape === undefined ? [count] : parseShape(shape)
  if (itemSize > 0 && sizeOf(resolved) !== count) {
    throw new SelectionError(
      `${what}: expected ${sizeOf(resolved)} elements of ${dtype} for shape ${formatShape(resolved)}, got ${count}`,
    )
  }
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
  // Values are in this machine's byte order, whatever that of the file will be.
  const native = dtype.isNative || kind === null ? dtype : dtype.withByteOrder(dtype.byteOrder === '>' ? '<' : '>')
  return dense(native, resolved, bytes)
}

function dense(dtype: DType, shape: readonly number[], bytes: Uint8Array<ArrayBuffer>): StridedArray {
  const byteStrides = contiguousByteStrides(shape, dtype.itemSize, 'C')
  return { source: new HeapSource(bytes), dtype, shape, byteStrides, byteOffset: 0 }
}

function ofNested(value: unknown, what: string, given: DType | undefined): StridedArray {
  const shape: number[] = []
  let leaf = value
  while (Array.isArray(leaf)) {
    shape.push(leaf.length)
    leaf = leaf[0]
  }
  const dtype = given === undefined ? inferred(value, leaf, what) : withLength(given, value)
  const empty = { dtype, shape, byteStrides: [], byteOffset: 0, source: new HeapSource(new Uint8Array(0)) }
  const view = dense(dtype, shape, allocate(empty, what))
  if (Array.isArray(value)) assignNested(view, value, what)
  else new NdView(view).set([], value as never)
  return view
}

/** `str` and `bytes` without a length get that of the longest string. */
function withLength(dtype: DType, value: unknown): DType {
  if (dtype.itemSize > 0 || (dtype.kind !== 'U' && dtype.kind !== 'S')) return dtype
  return DType.of(`${dtype.kind}${Math.max(1, longest(value))}`)
}

function inferred(value: unknown, leaf: unknown, what: string): DType {
  if (typeof leaf === 'number' || leaf === undefined) return DType.of('float64')
  if (typeof leaf === 'bigint') return DType.of('int64')
  if (typeof leaf === 'boolean') return DType.of('bool')
  if (typeof leaf === 'string') return DType.of(`U${Math.max(1, longest(value))}`)
  if (typeof leaf === 'object' && leaf !== null && 're' in leaf && 'im' in leaf) return DType.of('complex128')
  throw new TypeError(
    `${what}: expected numbers, bigints, booleans, strings or { re, im }, got ${kindOf(leaf)}; ` +
      "records need a dtype: { data: [{ x: 1, n: 2 }], dtype: [['x', '<f8'], ['n', '<i4']] }",
  )
}

/** `a Promise (await it)`, `a Map`, `null`: what a value is, for messages. */
function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : `a ${typeof value}`
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name
  if (value instanceof Promise) return 'a Promise; await it'
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`
}

/** Code points of the longest string. */
function longest(value: unknown): number {
  if (typeof value === 'string') return [...value].length
  return Array.isArray(value) ? value.reduce((most: number, inner) => Math.max(most, longest(inner)), 0) : 0
}
