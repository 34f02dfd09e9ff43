// Which JavaScript types stand for which dtype: the element types, the typed arrays, and how to make one over memory.

import { LayoutError } from '../errors.ts'
import type { DType, DTypeName } from '../layout/dtype.ts'
import type { MemoryRange } from '../storage/byte-source.ts'

/** A complex number. */
export interface Complex {
  /** The real part. */
  readonly re: number
  /** The imaginary part. */
  readonly im: number
}

/** `Float16Array` where the runtime and the TypeScript library know it, else the bits as `Uint16Array`. */
export type Float16ArrayLike =
  | Uint16Array
  | (typeof globalThis extends { Float16Array: { new (length: number): infer A } } ? A : Uint16Array)

interface TypedArrays {
  bool: Uint8Array
  int8: Int8Array
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  uint8: Uint8Array
  uint16: Uint16Array
  uint32: Uint32Array
  uint64: BigUint64Array
  float16: Float16ArrayLike
  float32: Float32Array
  float64: Float64Array
  /** Interleaved real and imaginary parts. */
  complex64: Float32Array
  /** Interleaved real and imaginary parts. */
  complex128: Float64Array
  datetime64: BigInt64Array
  timedelta64: BigInt64Array
}

/** Any typed array that an array of this library can be had as. */
export type TypedArray = TypedArrays[keyof TypedArrays]

/** The typed array of a dtype; `never` for the kinds that have none (longdouble, strings, void, structured). */
export type TypedArrayOf<T extends DTypeName> = T extends keyof TypedArrays ? TypedArrays[T] : never

/** A structured element: its fields by name. */
export type StructuredElement = { [field: string]: unknown }

/** One element of a dtype, as `get` returns it. */
export type ElementOf<T extends DTypeName> = T extends 'bool'
  ? boolean
  : T extends 'int64' | 'uint64' | 'datetime64' | 'timedelta64'
    ? bigint
    : T extends 'complex64' | 'complex128' | 'complex256'
      ? Complex
      : T extends 'bytes' | 'str'
        ? string
        : T extends 'void'
          ? Uint8Array | StructuredElement
          : number

/** How the typed arrays of a dtype are made. */
export interface TypedArrayKind {
  readonly constructorName: string
  /** Typed-array elements for each element of the array: 2 for complex. */
  readonly perItem: number
  /** Bytes of one typed-array element: what its byte offset must be a multiple of. */
  readonly elementByteLength: number
  make(buffer: ArrayBuffer, byteOffset: number, length: number): TypedArray
}

interface TypedArrayConstructor {
  readonly name: string
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, byteOffset: number, length: number): TypedArray
}

const float16: TypedArrayConstructor =
  (globalThis as { Float16Array?: TypedArrayConstructor }).Float16Array ?? Uint16Array

const constructors: { readonly [name in keyof TypedArrays]: TypedArrayConstructor } = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float16,
  float32: Float32Array,
  float64: Float64Array,
  complex64: Float32Array,
  complex128: Float64Array,
  datetime64: BigInt64Array,
  timedelta64: BigInt64Array,
}

const kinds = new Map<string, TypedArrayKind>()
for (const [name, Constructor] of Object.entries(constructors)) {
  kinds.set(name, {
    constructorName: Constructor.name,
    perItem: name === 'complex64' || name === 'complex128' ? 2 : 1,
    elementByteLength: Constructor.BYTES_PER_ELEMENT,
    make: (buffer, byteOffset, length) => new Constructor(buffer, byteOffset, length),
  })
}

/** Which typed array a value is, by what it does and not by its class: `Uint8Array` for a Buffer. */
export function typedArrayName(value: unknown): string {
  const name = ArrayBuffer.isView(value) ? (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] : undefined
  return name ?? (value === null ? 'null' : typeof value)
}

/** The typed arrays of a dtype, or null where there are none. */
export function typedArrayKind(dtype: DType): TypedArrayKind | null {
  return kinds.get(dtype.name) ?? null
}

/** The same, or {@link LayoutError} saying what else there is. */
export function requireTypedArrayKind(dtype: DType, what: string): TypedArrayKind {
  const kind = typedArrayKind(dtype)
  if (kind !== null) return kind
  throw new LayoutError(`${what}: ${dtype} has no typed array; use toArray() for values, toBytes() for raw bytes`, {
    reason: 'dtype',
  })
}

/** A typed array of `itemCount` elements of the dtype over memory that suits it. */
export function typedArrayOver<T extends DTypeName>(
  kind: TypedArrayKind,
  memory: MemoryRange,
  itemCount: number,
): TypedArrayOf<T> {
  return kind.make(memory.buffer, memory.byteOffset, itemCount * kind.perItem) as TypedArrayOf<T>
}
