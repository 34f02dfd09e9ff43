// Which elements of two pieces differ, by value: byte order is none of it, nor is the padding of structures.

import type { NdView } from '../index.ts'
import { numbersOf } from './numbers.ts'

/** When numbers are the same. */
export interface Tolerance {
  readonly atol: number
  readonly rtol: number
  /** NaN equals NaN, and NaT equals NaT. */
  readonly equalNan: boolean
}

/** How far numbers are apart, and at which element of the piece. */
export interface Distance {
  maxAbs: number
  maxAbsAt: number
  maxRel: number
}

/** Marks the elements of two views of one shape and one dtype that differ. */
export function markDifferent(a: NdView, b: NdView, tolerance: Tolerance, marks: Uint8Array): Distance {
  const { dtype } = a
  // A double has not the digits of a longdouble, but enough for a tolerance.
  const isExtended = dtype.name === 'float128' || dtype.name === 'complex256'
  const isTolerant = tolerance.atol > 0 || tolerance.rtol > 0
  const distance: Distance = { maxAbs: 0, maxAbsAt: -1, maxRel: 0 }
  if (dtype.fields !== null) {
    for (const name of dtype.fields.keys()) markDifferent(a.field(name), b.field(name), tolerance, marks)
  } else if (isExtended && !isTolerant) markExtended(a, b, tolerance, marks)
  else if (dtype.kind === 'c') markComplex(a, b, tolerance, marks, distance)
  else if ('biuf'.includes(dtype.kind)) markNumbers(a, b, tolerance, marks, distance)
  else if (dtype.kind === 'M' || (dtype.kind === 'm' && !isTolerant)) markTimes(a, b, tolerance, marks)
  else if (dtype.kind === 'm') markSpans(a, b, tolerance, marks)
  else markBytes(a, b, marks)
  return distance
}

function markNumbers(a: NdView, b: NdView, tolerance: Tolerance, marks: Uint8Array, distance: Distance): void {
  const { atol, rtol, equalNan } = tolerance
  const x = numbersOf(a)
  const y = numbersOf(b)
  if (('biu'.includes(a.dtype.kind) || equalNan) && sameBytes(x, y)) return
  // The axes of a sub-array come last: several values to an element.
  const perMark = x.length / marks.length
  for (let i = 0; i < x.length; i++) {
    const p = x[i] as number | bigint
    const q = y[i] as number | bigint
    if (p === q) continue
    const off = Math.abs(Number(typeof p === 'bigint' ? p - (q as bigint) : p - (q as number)))
    const size = Math.abs(Number(q))
    note(distance, off, size, i)
    if (off <= atol + rtol * size && Number.isFinite(size)) continue
    if (equalNan && Number.isNaN(p) && Number.isNaN(q)) continue
    marks[Math.floor(i / perMark)] = 1
  }
}

/** As numbers of two parts, not as two numbers: NaN in one part makes all of it NaN, and the distance is that in the plane. */
function markComplex(a: NdView, b: NdView, tolerance: Tolerance, marks: Uint8Array, distance: Distance): void {
  const { atol, rtol, equalNan } = tolerance
  const x = numbersOf(a) as ArrayLike<number>
  const y = numbersOf(b) as ArrayLike<number>
  if (equalNan && sameBytes(x, y)) return
  const perMark = x.length / 2 / marks.length
  for (let i = 0; i < x.length / 2; i++) {
    const [re, im] = [x[2 * i] as number, x[2 * i + 1] as number]
    const [otherRe, otherIm] = [y[2 * i] as number, y[2 * i + 1] as number]
    if (re === otherRe && im === otherIm) continue
    const off = Math.hypot(re - otherRe, im - otherIm)
    const size = Math.hypot(otherRe, otherIm)
    note(distance, off, size, i)
    if (off <= atol + rtol * size && Number.isFinite(otherRe) && Number.isFinite(otherIm)) continue
    if (equalNan && isNan(re, im) && isNan(otherRe, otherIm)) continue
    marks[Math.floor(i / perMark)] = 1
  }
}

function isNan(re: number, im: number): boolean {
  return Number.isNaN(re) || Number.isNaN(im)
}

function note(distance: Distance, off: number, size: number, at: number): void {
  if (off > distance.maxAbs) {
    distance.maxAbs = off
    distance.maxAbsAt = at
  }
  if (off / size > distance.maxRel) distance.maxRel = off / size
}

const NOT_A_TIME = -(2n ** 63n)

function markTimes(a: NdView, b: NdView, { equalNan }: Tolerance, marks: Uint8Array): void {
  const x = a.toTypedArray() as BigInt64Array
  const y = b.toTypedArray() as BigInt64Array
  const perMark = x.length / marks.length
  for (let i = 0; i < x.length; i++) {
    if (x[i] === y[i] && (equalNan || x[i] !== NOT_A_TIME)) continue
    marks[Math.floor(i / perMark)] = 1
  }
}

/** Lengths of time are numbers, in the unit of the dtype. */
function markSpans(a: NdView, b: NdView, { atol, rtol, equalNan }: Tolerance, marks: Uint8Array): void {
  const x = a.toTypedArray() as BigInt64Array
  const y = b.toTypedArray() as BigInt64Array
  const perMark = x.length / marks.length
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i] as bigint, y[i] as bigint]
    const isNone = p === NOT_A_TIME || q === NOT_A_TIME
    const same = isNone ? equalNan && p === q : Math.abs(Number(p - q)) <= atol + rtol * Math.abs(Number(q))
    if (!same) marks[Math.floor(i / perMark)] = 1
  }
}

/** The 80 bits of an x87 number; the others of its 16 bytes mean nothing. */
function markExtended(a: NdView, b: NdView, { equalNan }: Tolerance, marks: Uint8Array): void {
  const [x, y] = [a, b].map((view) => {
    const bytes = view.toBytes()
    if (view.dtype.byteOrder === '>')
      for (let at = 0; at < bytes.length; at += 16) bytes.subarray(at, at + 16).reverse()
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }) as [DataView, DataView]
  const perMark = a.nbytes / marks.length
  const parts = a.dtype.kind === 'c' ? 2 : 1
  for (let at = 0; at < x.byteLength; at += parts * 16) {
    const places = Array.from({ length: parts }, (_, part) => at + 16 * part)
    const [nanX, nanY] = [x, y].map((view) => places.some((place) => isExtendedNan(view, place)))
    const same = nanX || nanY ? equalNan && nanX && nanY : places.every((place) => isSameExtended(x, y, place))
    if (!same) marks[Math.floor(at / perMark)] = 1
  }
}

function isExtendedNan(view: DataView, at: number): boolean {
  return view.getUint16(at + 8, true) % 2 ** 15 === 0x7fff && view.getBigUint64(at, true) % 2n ** 63n !== 0n
}

function isSameExtended(x: DataView, y: DataView, at: number): boolean {
  const [bits, otherBits] = [x.getBigUint64(at, true), y.getBigUint64(at, true)]
  if (bits !== otherBits) return false
  // Zeros of either sign are the same.
  return (
    x.getUint16(at + 8, true) === y.getUint16(at + 8, true) || (bits === 0n && isZeroHead(x, at) && isZeroHead(y, at))
  )
}

function isZeroHead(view: DataView, at: number): boolean {
  return view.getUint16(at + 8, true) % 2 ** 15 === 0
}

/** Text, and bytes without a meaning. */
function markBytes(a: NdView, b: NdView, marks: Uint8Array): void {
  const [x, y] = [a, b].map((view) => {
    const bytes = view.toBytes()
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return view.dtype.isNative ? buffer : buffer.swap32()
  }) as [Buffer, Buffer]
  if (x.equals(y)) return
  const perMark = x.length / marks.length
  for (let i = 0; i < marks.length; i++) {
    if (x.compare(y, i * perMark, (i + 1) * perMark, i * perMark, (i + 1) * perMark) !== 0) marks[i] = 1
  }
}

function sameBytes(x: unknown, y: unknown): boolean {
  if (!ArrayBuffer.isView(x) || !ArrayBuffer.isView(y)) return false
  const [left, right] = [x, y].map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength))
  return (left as Buffer).equals(right as Buffer)
}
