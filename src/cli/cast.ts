// Elements of one number type as another, as NumPy's `astype` makes them, but never wrong without a word.

import type { DType, NdView, TypedArray } from '../index.ts'
import { halfBits, INFINITE_HALF, toRound } from './cast-float.ts'
import { UsageError } from './failure.ts'
import { numbersOf } from './numbers.ts'

/** Makes typed arrays of one dtype of arrays of another. `indexOf` tells which element of the whole one of the view is. */
export type Cast = (view: NdView, indexOf?: (place: number) => readonly number[]) => TypedArray

/** A number that the new dtype does not hold. */
export class CastError extends Error {
  override readonly name = 'CastError'
}

const LIMITS: Readonly<Record<string, readonly [bigint, bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`int${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]],
    [`uint${bits}`, [0n, 2n ** BigInt(bits) - 1n]],
  ]),
)

const Halves: { new (buffer: ArrayBuffer): TypedArray } =
  (globalThis as { Float16Array?: { new (buffer: ArrayBuffer): TypedArray } }).Float16Array ?? Uint16Array

/** Memory for so many numbers, float16 as its bits. */
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
  float16: (size) => new Uint16Array(size),
  float32: (size) => new Float32Array(size),
  float64: (size) => new Float64Array(size),
}

/** One number in the new dtype, or null where that does not hold it. */
type Convert = (value: number | bigint) => number | bigint | null

/**
 * Casts between bool, integers and floats. Fractions are cut off towards zero, as NumPy does; numbers that the new dtype does not
 * hold are a {@link CastError} unless `wrap`.
 */
export function castTo(from: DType, to: DType, wrap: boolean): Cast {
  const make = MAKERS[to.name]
  if (make === undefined || !(from.name in MAKERS)) {
    throw new UsageError(`there is no cast from ${from} to ${to}`, `there is between ${Object.keys(MAKERS).join(', ')}`)
  }
  const convert = elementCast(from.name, to.name, wrap)
  return (view, indexOf) => {
    const values = numbersOf(view)
    const cast = make(values.length) as { [index: number]: number | bigint } & TypedArray
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number | bigint
      const converted = convert(value)
      if (converted === null) throw new CastError(unfit(value, to, wrap, indexOf?.(i)))
      cast[i] = converted
    }
    return to.name === 'float16' ? new Halves(cast.buffer as ArrayBuffer) : cast
  }
}

function unfit(value: number | bigint, to: DType, wrap: boolean, index: readonly number[] | undefined): string {
  const what = `${value}${index === undefined ? '' : ` at [${index.join(', ')}]`} does not fit ${to.name}`
  if (wrap) return `${what}; what NumPy makes of it is not the same on every machine`
  const isNumber = typeof value === 'bigint' || Number.isFinite(value)
  if (!isNumber) return what
  return `${what}; ${to.kind === 'f' ? '--wrap makes it infinite' : '--wrap cuts it to the bits that do'}`
}

function elementCast(from: string, to: string, wrap: boolean): Convert {
  if (to === 'float64') return Number
  if (to.startsWith('float')) return floatCast(to, wrap)
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n alike
  if (to === 'bool') return (value) => (value == 0 ? 0 : 1)
  return from.startsWith('float') ? cutCast(to, wrap) : integerCast(to, wrap)
}

function floatCast(to: string, wrap: boolean): Convert {
  const isHalf = to === 'float16'
  return (value) => {
    const number = typeof value === 'bigint' ? toRound(value) : value
    const rounded = isHalf ? halfBits(number) : Math.fround(number)
    const isInfinite = isHalf ? rounded % 2 ** 15 === INFINITE_HALF : !Number.isFinite(rounded)
    return isInfinite && !wrap && Number.isFinite(number) ? null : rounded
  }
}

function integerCast(to: string, wrap: boolean): Convert {
  const [least, most] = LIMITS[to] as readonly [bigint, bigint]
  const isBig = to.endsWith('64')
  return (value) => {
    if (value >= least && value <= most) return isBig ? BigInt(value) : Number(value)
    return wrap ? lowBits(BigInt(value), to) : null
  }
}

/**
 * Floats without their fraction. Those out of bounds NumPy leaves to C, and C to the machine: x86-64 has the lowest bits of what
 * an int32 holds, for narrower integers, and an int64, for unsigned ones. The rest is no number that anybody could mean.
 */
function cutCast(to: string, wrap: boolean): Convert {
  const [least, most] = LIMITS[to] as readonly [bigint, bigint]
  const isBig = to.endsWith('64')
  const passing = /^uint(32|64)$/.test(to) ? 'int64' : 'int32'
  const [leastPassing, mostPassing] = LIMITS[passing] as readonly [bigint, bigint]
  const canWrap = wrap && to !== 'int32' && to !== 'int64'
  return (value) => {
    const whole = Math.trunc(value as number)
    if (whole >= least && whole <= most) return isBig ? BigInt(whole) : whole
    return canWrap && whole >= leastPassing && whole <= mostPassing ? lowBits(BigInt(whole), to) : null
  }
}

function lowBits(whole: bigint, to: string): number | bigint {
  const bits = Number(to.replace(/\D/g, ''))
  const cut = to.startsWith('u') ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole)
  return bits === 64 ? cut : Number(cut)
}
