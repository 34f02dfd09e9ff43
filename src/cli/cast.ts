// Elements of one number type as another, as NumPy's `astype` makes them, but never wrong without a word.

import type { DType, NdView, TypedArray } from '../index.ts'
import { UsageError } from './failure.ts'
import { numbersOf } from './numbers.ts'

/** Makes typed arrays of one dtype of arrays of another. */
export type Cast = (view: NdView) => TypedArray

const LIMITS: Readonly<Record<string, readonly [bigint, bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`int${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]],
    [`uint${bits}`, [0n, 2n ** BigInt(bits) - 1n]],
  ]),
)
const MAKERS: Readonly<Record<string, (size: number) => TypedArray>> = {
  bool: (size) => new Uint8Array(size),
  int8: (size) => new Int8Array(size),
  uint8: (size) => new Uint8Array(size),
  int16: (size) => new Int16Array(size),
  uint16: (size) => new Uint16Array(size),
  int32: (size) => new Int32Array(size),
  uint32: (size) => new Uint32Array(size),
  int64: (size) => new BigInt64Array(size),
  uint64: (size) => new BigUint64Array(size),
  float32: (size) => new Float32Array(size),
  float64: (size) => new Float64Array(size),
}

/**
 * Casts between bool, integers and floats. Fractions are cut off towards zero, as NumPy does; numbers that the new dtype does not
 * hold are an error unless `wrap`.
 */
export function castTo(from: DType, to: DType, wrap: boolean): Cast {
  const make = MAKERS[to.name]
  if (make === undefined || !(from.name in MAKERS || from.name === 'float16')) {
    throw new UsageError(`there is no cast from ${from} to ${to}`, `there is between ${Object.keys(MAKERS).join(', ')}`)
  }
  const convert = elementCast(from.name, to.name, wrap)
  return (view) => {
    const values = numbersOf(view)
    const cast = make(values.length) as { [index: number]: number | bigint } & TypedArray
    for (let i = 0; i < values.length; i++) cast[i] = convert(values[i] as number | bigint)
    return cast
  }
}

function elementCast(from: string, to: string, wrap: boolean): (value: number | bigint) => number | bigint {
  if (to.startsWith('float')) return Number
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n alike
  if (to === 'bool') return (value) => (value == 0 ? 0 : 1)
  const [least, most] = LIMITS[to] as readonly [bigint, bigint]
  const isBig = to.endsWith('64')
  const isExact = from.includes('int') || from === 'bool'
  return (value) => {
    if (typeof value === 'number' && !Number.isFinite(value)) return outside(value, to, wrap, isBig)
    const whole = isExact ? value : Math.trunc(value as number)
    if (whole < least || whole > most) return outside(value, to, wrap, isBig, whole)
    return isBig ? BigInt(whole) : Number(whole)
  }
}

function outside(
  value: number | bigint,
  to: string,
  wrap: boolean,
  isBig: boolean,
  whole: number | bigint = 0,
): number | bigint {
  if (!wrap) throw new UsageError(`${value} does not fit ${to}`, '--wrap cuts it to the bits that do')
  const bits = Number(to.replace(/\D/g, ''))
  const wrapped = to.startsWith('u') ? BigInt.asUintN(bits, BigInt(whole)) : BigInt.asIntN(bits, BigInt(whole))
  return isBig ? wrapped : Number(wrapped)
}
