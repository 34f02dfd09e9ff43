// The elements of an array as numbers, whatever its dtype and this Node.

import { isNpymapError, type NdView } from '../index.ts'

let halves: Float32Array | null = null

/** Every float16 by its bits: Node below 24 has no array of them. */
export function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const sign = bits >= 2 ** 15 ? -1 : 1
    const exponent = Math.floor(bits / 2 ** 10) % 32
    const fraction = bits % 2 ** 10
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    if (exponent === 0) return sign * fraction * 2 ** -24
    return sign * (1 + fraction / 2 ** 10) * 2 ** (exponent - 15)
  })
  return halves
}

/**
 * The numbers of a view in C order; those of complex elements are two and two. Without a copy, and in the order that they lie
 * in, where `anyOrder` is good enough.
 */
export function numbersOf(view: NdView, anyOrder = false): ArrayLike<number | bigint> {
  const { name } = view.dtype
  // No typed array holds longdouble.
  if (name === 'float128' || name === 'complex256') {
    const flat = [view.toArray()].flat(64) as (number | { re: number; im: number })[]
    return flat.flatMap((value) => (typeof value === 'number' ? value : [value.re, value.im]))
  }
  const values = (anyOrder ? inPlace(view) : null) ?? view.toTypedArray()
  if (name !== 'float16' || !(values instanceof Uint16Array)) return values as ArrayLike<number | bigint>
  return numbersOfHalves(values)
}

/** Numbers of float16 from their bits. */
export function numbersOfHalves(bits: Uint16Array): Float32Array {
  const table = halfTable()
  const numbers = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) numbers[i] = table[bits[i] as number] as number
  return numbers
}

/** The bits of float16 elements, in the order that they lie in where there is one. */
export function halvesOf(view: NdView): Uint16Array {
  const { buffer, byteOffset, length } = inPlace(view) ?? view.toTypedArray()
  return new Uint16Array(buffer, byteOffset, length)
}

function inPlace(view: NdView): NdView['typedArray'] | null {
  if (!view.dtype.isNative) return null
  try {
    return (view.order === 'F' ? view.transpose() : view).typedArray
  } catch (error) {
    if (isNpymapError(error, 'ERR_LAYOUT')) return null
    throw error
  }
}
