// The indices of `take` and `gather` in all their forms, made one: numbers from 0, in range. Pure arithmetic.

import { SelectionError } from '../errors.ts'
import { formatShape } from '../layout/shape.ts'
import { toTypedArray } from './copy.ts'
import type { StridedArray } from './strided-array.ts'
import { typedArrayName } from './typed-array.ts'

/** The typed arrays of integers. */
export type IntegerArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigUint64Array

/** Indices along one axis, and their shape: that of the array they came in. */
export interface ResolvedIndices {
  readonly indices: Float64Array<ArrayBuffer>
  readonly shape: readonly number[]
}

const INTEGER_ARRAYS: readonly string[] = [
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Uint16Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
]

/** Which axis it is, and what the caller is called in messages. */
interface Place {
  readonly axis: number
  readonly extent: number
  readonly what: string
}

const isView = (value: unknown): value is StridedArray =>
  typeof value === 'object' && value !== null && 'byteStrides' in value && 'source' in value

/**
 * Indices counted from 0, in the order given; the true places of a mask.
 *
 * @throws TypeError for what is neither
 * @throws {@link SelectionError} for an index out of bounds, naming it and its position, and a mask of another length
 */
export function resolveIndices(given: unknown, axis: number, extent: number, what: string): ResolvedIndices {
  const place = { axis, extent, what }
  if (isView(given)) return resolveView(given, place)
  const name = typedArrayName(given)
  let indices: Float64Array<ArrayBuffer>
  if (INTEGER_ARRAYS.includes(name)) indices = resolveIntegers(given as IntegerArray, name, place)
  else if (Array.isArray(given)) indices = resolveArray(given, place)
  else {
    const expected = 'an array or typed array of integers, an array of booleans, or a view of either'
    throw new TypeError(`${what}: expected ${expected}, got ${name}`)
  }
  return { indices, shape: [indices.length] }
}

function resolveView(view: StridedArray, place: Place): ResolvedIndices {
  const { dtype, shape } = view
  if (dtype.kind === 'b') {
    if (shape.length !== 1) {
      throw new SelectionError(`${place.what}: expected a mask of one axis, got one of shape ${formatShape(shape)}`)
    }
    const indices = resolveMask(toTypedArray<'bool'>(view), place)
    return { indices, shape: [indices.length] }
  }
  if (dtype.kind !== 'i' && dtype.kind !== 'u') {
    throw new TypeError(`${place.what}: expected indices of an integer dtype, or a mask of bool, got ${dtype}`)
  }
  const values = toTypedArray(view) as IntegerArray
  return { indices: resolveIntegers(values, typedArrayName(values), place), shape }
}

function resolveIntegers(values: IntegerArray, name: string, place: Place): Float64Array<ArrayBuffer> {
  const big = name === 'BigInt64Array' || name === 'BigUint64Array'
  return big ? resolveBigInts(values as BigInt64Array, place) : resolveNumbers(values as Int32Array, place)
}

function outOfBounds(index: number | bigint, position: number, place: Place): SelectionError {
  const { axis, extent, what } = place
  const shown = typeof index === 'number' ? index : String(index)
  return new SelectionError(
    `${what}: index ${shown} at position ${position} is out of bounds for axis ${axis} with size ${extent}`,
    { axis, index: shown, extent, position },
  )
}

function resolveNumbers(values: Exclude<IntegerArray, BigInt64Array | BigUint64Array>, place: Place) {
  const { extent } = place
  const indices = new Float64Array(values.length)
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!
    const index = value < 0 ? value + extent : value
    if (!(index >= 0 && index < extent)) throw outOfBounds(value, k, place)
    indices[k] = index
  }
  return indices
}

/** By their halves: a million bigints would be a million objects. What is too large for a double is out of bounds. */
function resolveBigInts(values: BigInt64Array | BigUint64Array, place: Place): Float64Array<ArrayBuffer> {
  const { extent } = place
  const { buffer, byteOffset, length } = values
  const low = new Uint32Array(buffer, byteOffset, 2 * length)
  const high = typedArrayName(values) === 'BigInt64Array' ? new Int32Array(buffer, byteOffset, 2 * length) : low
  const [lowAt, highAt] = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0]
  const indices = new Float64Array(length)
  for (let k = 0; k < length; k++) {
    const value = high[2 * k + highAt]! * 4294967296 + low[2 * k + lowAt]!
    const index = value < 0 ? value + extent : value
    if (!(index >= 0 && index < extent)) throw outOfBounds(values[k]!, k, place)
    indices[k] = index
  }
  return indices
}

function resolveArray(values: readonly unknown[], place: Place): Float64Array<ArrayBuffer> {
  const { extent, what } = place
  if (typeof values[0] === 'boolean') {
    for (const [k, value] of values.entries()) {
      if (typeof value !== 'boolean') throw new TypeError(`${what}: expected a boolean at position ${k} of the mask`)
    }
    return resolveMask(values as readonly boolean[], place)
  }
  const indices = new Float64Array(values.length)
  for (let k = 0; k < values.length; k++) {
    const value = values[k]
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      const found = typeof value === 'number' ? value : typeof value
      throw new TypeError(`${what}: expected an integer at position ${k}, got ${found}`)
    }
    const index = value < 0 ? value + extent : value
    if (!(index >= 0 && index < extent)) throw outOfBounds(value, k, place)
    indices[k] = index
  }
  return indices
}

function resolveMask(mask: readonly boolean[] | Uint8Array, place: Place): Float64Array<ArrayBuffer> {
  const { axis, extent, what } = place
  if (mask.length !== extent) {
    throw new SelectionError(
      `${what}: expected a mask of ${extent} elements, the size of axis ${axis}, got ${mask.length}`,
      { axis, extent },
    )
  }
  let count = 0
  for (let k = 0; k < extent; k++) if (mask[k]) count++
  const indices = new Float64Array(count)
  for (let k = 0, next = 0; k < extent; k++) if (mask[k]) indices[next++] = k
  return indices
}
