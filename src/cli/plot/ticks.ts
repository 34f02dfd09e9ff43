// Where ticks are, and what is written at them.

import { format } from 'd3-format'
import { scaleLinear, scaleLog } from 'd3-scale'
import type { Extent } from './extent.ts'
import type { Norm } from './norm.ts'

export interface Tick {
  /** Along the axis, from 0 to 1. */
  readonly at: number
  readonly label: string
}

export interface Ticks {
  readonly ticks: readonly Tick[]
  /** What the labels are to be multiplied by and added to, in words: `× 10⁶`. */
  readonly note: string
}

const MINUS = '\u2212'
const THIN_SPACE = '\u2009'
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** Ticks at elements, labelled with the indices that they have in the whole array. */
export function indexTicks({ count, start, step }: Extent, most: number): Ticks {
  const last = start + step * (count - 1)
  const indices =
    count <= most
      ? Array.from({ length: count }, (_, i) => start + step * i)
      : roundNumbers(Math.min(start, last), Math.max(start, last), most).filter(Number.isInteger)
  const largest = Math.max(...indices.map(Math.abs))
  const gap = indices.length > 1 ? Math.abs((indices[1] as number) - (indices[0] as number)) : largest
  const power = [9, 6].find((p) => largest >= 10 ** p && gap >= 10 ** (p - 1)) ?? 0
  const label = (index: number): string => grouped(power === 0 ? String(index) : String(index / 10 ** power))
  const ticks = indices.map((index) => ({ at: ((index - start) / step + 0.5) / count, label: label(index) }))
  return { ticks, note: power === 0 ? '' : `× ${powerText(power)}` }
}

/** At most so many, as long as there are two. */
function roundNumbers(low: number, high: number, most: number): number[] {
  const scale = scaleLinear([low, high], [0, 1])
  let ticks = scale.ticks(most)
  for (let asked = most - 1; ticks.length > most && asked > 0; asked--) {
    const fewer = scale.ticks(asked)
    if (fewer.length < 2) break
    ticks = fewer
  }
  return ticks
}

/** Ticks at round numbers of a scale. */
export function valueTicks(norm: Norm, most: number, whole = false): Ticks {
  if (norm.isLog) return logTicks(norm, most)
  if (norm.low === norm.high) return { ticks: [{ at: 0.5, label: shortText(norm.low) }], note: '' }
  let values = roundNumbers(norm.low, norm.high, most)
  // One alone tells no scale.
  for (let asked = most + 1; values.length < 2 && asked < most + 8; asked++) {
    values = scaleLinear([norm.low, norm.high], [0, 1]).ticks(asked)
  }
  if (whole && values.filter(Number.isInteger).length > 1) values = values.filter(Number.isInteger)
  return labelled(values, norm)
}

/** In the middle of the two halves of an axis of booleans. */
export function twoTicks(): Ticks {
  const labels = ['False', 'True']
  return { ticks: labels.map((label, i) => ({ at: (2 * i + 1) / 4, label })), note: '' }
}

function labelled(values: readonly number[], norm: Norm): Ticks {
  const gap = values.length > 1 ? (values[1] as number) - (values[0] as number) : norm.high - norm.low
  const largest = Math.max(...values.map(Math.abs))
  // Numbers that differ in their last digits only: what they share goes into the note.
  const shift = largest / gap > 1e5 ? (values[0] as number) : 0
  const size = shift === 0 ? largest : norm.high - norm.low
  const power = size >= 1e5 || (size > 0 && size < 1e-3) ? Math.floor(Math.log10(size) + 1e-9) : 0
  const unit = 10 ** power
  const digits = Math.max(0, Math.min(20, Math.ceil(-Math.log10(gap / unit) - 1e-9)))
  const text = fixed(
    values.map((value) => (value - shift) / unit),
    digits,
  )
  const ticks = values.map((value, i) => ({ at: norm.at(value), label: text[i] as string }))
  const notes = [
    power === 0 ? '' : `× ${powerText(power)}`,
    shift === 0 ? '' : `${shift < 0 ? MINUS : '+'} ${grouped(String(Math.abs(shift)))}`,
  ]
  return { ticks, note: notes.filter((note) => note !== '').join(' ') }
}

/** With as many digits after the point as tell them all. */
function fixed(values: readonly number[], least: number): string[] {
  let digits = least
  while (digits < least + 2 && values.some((value) => Math.abs(Number(value.toFixed(digits)) - value) > 1e-9)) digits++
  const write = format(`.${Math.min(20, digits)}f`)
  return values.map((value) => {
    const text = write(value)
    return grouped(/^\u22120(\.0*)?$/.test(text) ? text.slice(1) : text)
  })
}

function logTicks(norm: Norm, most: number): Ticks {
  const decades = Math.log10(norm.high / norm.low)
  // Below two decades powers of ten alone would be too few.
  if (decades < 1) return labelled(roundNumbers(norm.low, norm.high, most), norm)
  const all = scaleLog([norm.low, norm.high], [0, 1]).ticks(most)
  const powers = all.filter((value) => isPower(value))
  const every = Math.ceil(powers.length / most)
  const values =
    powers.length >= 3
      ? powers.filter((value) => Math.round(Math.log10(value)) % every === 0)
      : all.filter((value) => isPower(value) || /^[25]/.test(value.toExponential()))
  // In one way along the axis: `10⁻³` beside `0.01` reads as if they were of different kinds.
  const isPlain = values.every((value) => value >= 0.9e-2 && value < 0.9e4)
  const text = isPlain ? shortText : logText
  return { ticks: values.map((value) => ({ at: norm.at(value), label: text(value) })), note: '' }
}

function isPower(value: number): boolean {
  const power = Math.log10(value)
  return Math.abs(power - Math.round(power)) < 1e-9
}

function logText(value: number): string {
  const power = Math.floor(Math.log10(value) + 1e-9)
  const digit = Math.round(value / 10 ** power)
  return digit === 1 ? powerText(power) : `${digit} × ${powerText(power)}`
}

/** `10⁻⁶`. */
export function powerText(power: number): string {
  const digits = [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)] as string)
  return `10${power < 0 ? '⁻' : ''}${digits.join('')}`
}

/** A number in few digits. */
export function shortText(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e5) return grouped(String(value))
  if (!Number.isFinite(value) || (size >= 1e-3 && size < 1e5))
    return String(Number(value.toPrecision(4))).replace('-', MINUS)
  const power = Math.floor(Math.log10(size))
  return `${String(Number((value / 10 ** power).toPrecision(4))).replace('-', MINUS)} × ${powerText(power)}`
}

/** Thin spaces between thousands from 10 000 on, and a minus sign as long as a digit. */
function grouped(text: string): string {
  const [, sign, whole, rest] = /^([-\u2212]?)(\d+)(.*)$/.exec(text) as unknown as [string, string, string, string]
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN_SPACE) : whole
  return `${sign === '' ? '' : MINUS}${spaced}${rest}`
}
