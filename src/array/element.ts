// One element: bytes to value and back. Values are checked before they are written; nothing is cast silently.

import type { DType, Field } from '../layout/dtype.ts'
import type { Complex, StructuredElement } from './typed-array.ts'

/** Reads and writes the elements of one dtype at any byte offset. */
export interface ElementCodec {
  decode(view: DataView, byteOffset: number): unknown
  /** Throws `TypeError` for a value of another type, `RangeError` for one that the dtype cannot hold. */
  encode(view: DataView, byteOffset: number, value: unknown): void
}

const codecs = new WeakMap<DType, ElementCodec>()

/** The codec of a dtype, made once. */
export function elementCodec(dtype: DType): ElementCodec {
  let codec = codecs.get(dtype)
  if (codec === undefined) {
    codec = makeCodec(dtype)
    codecs.set(dtype, codec)
  }
  return codec
}

function makeCodec(dtype: DType): ElementCodec {
  if (dtype.subarray !== null) return subarrayCodec(dtype.subarray.dtype, dtype.subarray.shape)
  if (dtype.fields !== null) return structuredCodec(dtype.fields)
  const little = dtype.byteOrder !== '>'
  const text = dtype.toString()
  switch (dtype.kind) {
    case 'b':
      return {
        decode: (view, at) => view.getUint8(at) !== 0,
        encode: (view, at, value) => {
          if (typeof value !== 'boolean') throw wrongType(text, 'a boolean', value)
          view.setUint8(at, value ? 1 : 0)
        },
      }
    case 'i':
    case 'u':
      return integerCodec(dtype, little, text)
    case 'M':
    case 'm':
      return bigintCodec(text, little, true)
    case 'f':
      return floatCodec(dtype.itemSize, little, text)
    case 'c':
      return complexCodec(floatCodec(dtype.itemSize / 2, little, text), dtype.itemSize / 2, text)
    case 'S':
      return bytesCodec(dtype.itemSize, text)
    case 'U':
      return strCodec(dtype.itemSize / 4, little, text)
    case 'V':
      return voidCodec(dtype.itemSize, text)
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return value.constructor?.name ?? 'an object'
  if (value === undefined || value === null) return String(value)
  return typeof value === 'string' ? 'a string' : `${typeof value} ${String(value)}`
}

function wrongType(dtype: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${dtype}: expected ${expected}, got ${describe(value)}`)
}

function integerCodec(dtype: DType, little: boolean, text: string): ElementCodec {
  const signed = dtype.kind === 'i'
  if (dtype.itemSize === 8) return bigintCodec(text, little, signed)
  const bits = dtype.itemSize * 8
  const low = signed ? -(2 ** (bits - 1)) : 0
  const high = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1
  const check = (value: unknown): number => {
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number !== 'number') throw wrongType(text, 'a number', value)
    if (!Number.isInteger(number) || number < low || number > high) {
      throw new RangeError(`${text}: expected an integer from ${low} to ${high}, got ${String(value)}`)
    }
    return number
  }
  switch (`${dtype.kind}${dtype.itemSize}`) {
    case 'i1':
      return { decode: (v, at) => v.getInt8(at), encode: (v, at, x) => v.setInt8(at, check(x)) }
    case 'u1':
      return { decode: (v, at) => v.getUint8(at), encode: (v, at, x) => v.setUint8(at, check(x)) }
    case 'i2':
      return { decode: (v, at) => v.getInt16(at, little), encode: (v, at, x) => v.setInt16(at, check(x), little) }
    case 'u2':
      return { decode: (v, at) => v.getUint16(at, little), encode: (v, at, x) => v.setUint16(at, check(x), little) }
    case 'i4':
      return { decode: (v, at) => v.getInt32(at, little), encode: (v, at, x) => v.setInt32(at, check(x), little) }
    default:
      return { decode: (v, at) => v.getUint32(at, little), encode: (v, at, x) => v.setUint32(at, check(x), little) }
  }
}

function bigintCodec(text: string, little: boolean, signed: boolean): ElementCodec {
  const low = signed ? -(2n ** 63n) : 0n
  const high = signed ? 2n ** 63n - 1n : 2n ** 64n - 1n
  return {
    decode: signed ? (view, at) => view.getBigInt64(at, little) : (view, at) => view.getBigUint64(at, little),
    encode: (view, at, value) => {
      const exact = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
      if (typeof exact === 'number') {
        throw new RangeError(`${text}: expected a bigint or a safe integer, got ${String(value)}`)
      }
      if (typeof exact !== 'bigint') throw wrongType(text, 'a bigint', value)
      if (exact < low || exact > high) throw new RangeError(`${text}: expected ${low} to ${high}, got ${exact}`)
      if (signed) view.setBigInt64(at, exact, little)
      else view.setBigUint64(at, exact, little)
    },
  }
}

function floatCodec(itemSize: number, little: boolean, text: string): ElementCodec {
  const check = (value: unknown): number => {
    if (typeof value !== 'number') throw wrongType(text, 'a number', value)
    return value
  }
  switch (itemSize) {
    case 2:
      return {
        decode: (view, at) => decodeFloat16(view.getUint16(at, little)),
        encode: (view, at, value) => view.setUint16(at, encodeFloat16(check(value)), little),
      }
    case 4:
      return {
        decode: (view, at) => view.getFloat32(at, little),
        encode: (view, at, value) => view.setFloat32(at, check(value), little),
      }
    case 8:
      return {
        decode: (view, at) => view.getFloat64(at, little),
        encode: (view, at, value) => view.setFloat64(at, check(value), little),
      }
    default:
      return {
        decode: (view, at) => decodeExtended(view, at, little),
        encode: (view, at, value) => encodeExtended(view, at, check(value), little),
      }
  }
}

/** IEEE 754 binary16. */
function decodeFloat16(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1
  const exponent = Math.floor(bits / 1024) % 32
  const fraction = bits % 1024
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

function encodeFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (Number.isNaN(magnitude)) return 0x7e00
  // Halfway between the largest half and the next power of two rounds up to infinity.
  if (magnitude >= 65520) return sign + 0x7c00
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude))
  const scaled = roundHalfEven((magnitude / 2 ** exponent) * 1024)
  // A carry out of the fraction lands in the exponent, as it should.
  return sign + (magnitude < 2 ** -14 ? scaled : (exponent + 14) * 1024 + scaled)
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** x87 extended precision in 16 bytes, as NumPy on x86 writes longdouble; rounded to the nearest number. */
function decodeExtended(view: DataView, at: number, little: boolean): number {
  const low = view.getUint32(little ? at : at + 12, little)
  const high = view.getUint32(little ? at + 4 : at + 8, little)
  const head = view.getUint16(little ? at + 8 : at + 6, little)
  const sign = head >= 0x8000 ? -1 : 1
  const exponent = head % 0x8000
  if (exponent === 0x7fff) return high % 2 ** 31 === 0 && low === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  const scale = exponent - 16383 - 63
  if (scale < -1085) return sign * subnormal(BigInt(high) * 2n ** 32n + BigInt(low), -1074 - scale)
  const significand = high * 2 ** 32 + low
  // In two steps: one power of two may leave the range of numbers where the product does not.
  const half = Math.trunc(scale / 2)
  return sign * significand * 2 ** half * 2 ** (scale - half)
}

/** A significand without its last bits, in steps of 2 ** -1074: rounded once, where multiplying would round again. */
function subnormal(significand: bigint, droppedBits: number): number {
  if (droppedBits > 65) return 0
  const unit = 2n ** BigInt(droppedBits)
  const rest = (significand % unit) * 2n
  const floor = significand / unit
  return Number(rest > unit || (rest === unit && floor % 2n === 1n) ? floor + 1n : floor) * 2 ** -1074
}

function encodeExtended(view: DataView, at: number, value: number, little: boolean): void {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  let exponent = 0
  let significand = 0n
  if (!Number.isFinite(magnitude)) {
    exponent = 0x7fff
    significand = Number.isNaN(magnitude) ? 3n * 2n ** 62n : 2n ** 63n
  } else if (magnitude !== 0) {
    const bits = new DataView(new ArrayBuffer(8))
    // Every double is normal in the wider format, after scaling the subnormal ones.
    const tiny = magnitude < 2 ** -1000
    bits.setFloat64(0, tiny ? magnitude * 2 ** 100 : magnitude)
    const word = bits.getBigUint64(0)
    exponent = Number(word / 2n ** 52n) - 1023 + 16383 - (tiny ? 100 : 0)
    significand = (2n ** 52n + (word % 2n ** 52n)) * 2n ** 11n
  }
  for (let word = 0; word < 16; word += 4) view.setUint32(at + word, 0)
  view.setBigUint64(little ? at : at + 8, significand, little)
  view.setUint16(little ? at + 8 : at + 6, sign + exponent, little)
}

function complexCodec(part: ElementCodec, partSize: number, text: string): ElementCodec {
  return {
    decode: (view, at): Complex => ({
      re: part.decode(view, at) as number,
      im: part.decode(view, at + partSize) as number,
    }),
    encode: (view, at, value) => {
      const { re, im } = (typeof value === 'number' ? { re: value, im: 0 } : (value ?? {})) as Partial<Complex>
      if (typeof re !== 'number' || typeof im !== 'number') throw wrongType(text, 'a number or { re, im }', value)
      part.encode(view, at, re)
      part.encode(view, at + partSize, im)
    },
  }
}

function bytesCodec(itemSize: number, text: string): ElementCodec {
  return {
    decode: (view, at) => {
      let end = itemSize
      while (end > 0 && view.getUint8(at + end - 1) === 0) end--
      let string = ''
      for (let i = 0; i < end; i++) string += String.fromCharCode(view.getUint8(at + i))
      return string
    },
    encode: (view, at, value) => {
      if (typeof value !== 'string') throw wrongType(text, 'a string of latin-1 characters', value)
      if (value.length > itemSize) {
        throw new RangeError(`${text}: expected at most ${itemSize} characters, got ${value.length}`)
      }
      for (let i = 0; i < itemSize; i++) {
        const code = i < value.length ? value.charCodeAt(i) : 0
        if (code > 0xff) throw new RangeError(`${text}: expected latin-1 characters, got ${JSON.stringify(value[i])}`)
        view.setUint8(at + i, code)
      }
    },
  }
}

/** UCS-4; what is no code point reads as U+FFFD, where NumPy itself fails. */
function strCodec(length: number, little: boolean, text: string): ElementCodec {
  return {
    decode: (view, at) => {
      let end = length
      while (end > 0 && view.getUint32(at + 4 * (end - 1), little) === 0) end--
      let string = ''
      for (let i = 0; i < end; i++) {
        const code = view.getUint32(at + 4 * i, little)
        string += String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd)
      }
      return string
    },
    encode: (view, at, value) => {
      if (typeof value !== 'string') throw wrongType(text, 'a string', value)
      const characters = [...value]
      if (characters.length > length) {
        throw new RangeError(`${text}: expected at most ${length} code points, got ${characters.length}`)
      }
      for (let i = 0; i < length; i++) view.setUint32(at + 4 * i, characters[i]?.codePointAt(0) ?? 0, little)
    },
  }
}

function voidCodec(itemSize: number, text: string): ElementCodec {
  return {
    decode: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, itemSize).slice(),
    encode: (view, at, value) => {
      if (!(value instanceof Uint8Array)) throw wrongType(text, 'a Uint8Array', value)
      if (value.byteLength !== itemSize) {
        throw new RangeError(`${text}: expected ${itemSize} bytes, got ${value.byteLength}`)
      }
      new Uint8Array(view.buffer, view.byteOffset + at, itemSize).set(value)
    },
  }
}

function structuredCodec(fields: ReadonlyMap<string, Field>): ElementCodec {
  const parts = [...fields.values()].map((field) => ({ ...field, codec: elementCodec(field.dtype) }))
  return {
    // fromEntries defines own properties, so that a field named `__proto__` is only a field.
    decode: (view, at) =>
      Object.fromEntries(parts.map((part) => [part.name, part.codec.decode(view, at + part.byteOffset)])),
    encode: (view, at, value) => {
      if (typeof value !== 'object' || value === null) throw wrongType('structured', 'an object of fields', value)
      for (const name of Object.keys(value)) {
        if (!fields.has(name)) throw new TypeError(`structured: there is no field ${JSON.stringify(name)}`)
      }
      for (const part of parts) {
        if (!Object.hasOwn(value, part.name)) {
          throw new TypeError(`structured: field ${JSON.stringify(part.name)} is missing`)
        }
        part.codec.encode(view, at + part.byteOffset, (value as StructuredElement)[part.name])
      }
    },
  }
}

function subarrayCodec(dtype: DType, shape: readonly number[]): ElementCodec {
  const inner = shape.length > 1 ? subarrayCodec(dtype, shape.slice(1)) : elementCodec(dtype)
  const count = shape[0] ?? 1
  const stride = shape.slice(1).reduce((product, extent) => product * extent, dtype.itemSize)
  return {
    decode: (view, at) => Array.from({ length: count }, (_, i) => inner.decode(view, at + i * stride)),
    encode: (view, at, value) => {
      if (!Array.isArray(value)) throw wrongType(`sub-array of ${dtype}`, `an array of ${count}`, value)
      if (value.length !== count) {
        throw new RangeError(`sub-array of ${dtype}: expected ${count} elements, got ${value.length}`)
      }
      for (let i = 0; i < count; i++) inner.encode(view, at + i * stride, value[i])
    },
  }
}
