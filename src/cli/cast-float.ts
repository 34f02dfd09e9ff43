// Numbers as float32 and float16, rounded once, to the nearest and to even.

/** As a float64 that any narrower float is rounded from as from the integer itself: odd where digits were dropped. */
export function toRound(value: bigint): number {
  const near = Number(value)
  if (Number.isSafeInteger(near)) return near
  const size = value < 0n ? -value : value
  const kept = size / DROPPED
  const odd = size % DROPPED === 0n || kept % 2n === 1n ? kept : kept + 1n
  return (value < 0n ? -1 : 1) * Number(odd) * Number(DROPPED)
}

/** 64 bits are 11 more than a float64 has. */
const DROPPED = 2n ** 11n

/** The least number that is rounded to infinity, halfway from the greatest float16 to the next. */
const TOO_LARGE = 65_520
const LEAST_NORMAL = 2 ** -14
/** Its bits, without a sign. */
export const INFINITE_HALF = 0x7c00
const NOT_A_NUMBER = 0x7e00

/** The bits of the nearest float16. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 2 ** 15 : 0
  const size = Math.abs(value)
  if (Number.isNaN(size)) return NOT_A_NUMBER
  if (size >= TOO_LARGE) return sign + INFINITE_HALF
  if (size < LEAST_NORMAL) return sign + roundToEven(size * 2 ** 24)
  const exponent = Math.floor(Math.log2(size))
  // A fraction that is rounded up to the next power of two goes over into the exponent.
  return sign + (exponent + 14) * 1024 + roundToEven((size / 2 ** exponent) * 1024)
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
