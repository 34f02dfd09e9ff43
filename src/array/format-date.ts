// The text of datetime64 and timedelta64 values, as NumPy writes it.

import { NOT_A_TIME } from '../layout/datetime-unit.ts'
import type { DType } from '../layout/dtype.ts'

const SECOND_DIGITS: Readonly<Record<string, number>> = { s: 0, ms: 3, us: 6, ns: 9, ps: 12, fs: 15, as: 18 }

function floorDivide(dividend: bigint, divisor: bigint): [quotient: bigint, remainder: bigint] {
  const remainder = ((dividend % divisor) + divisor) % divisor
  return [(dividend - remainder) / divisor, remainder]
}

function two(value: bigint | number): string {
  return String(value).padStart(2, '0')
}

function yearText(year: bigint): string {
  return year < 0n ? `-${String(-year).padStart(3, '0')}` : String(year).padStart(4, '0')
}

function dayText(days: bigint): string {
  // counting from 1 March of the year 0 puts the leap day last, in eras of 400 years
  const [era, dayOfEra] = floorDivide(days + 719468n, 146097n)
  const day = Number(dayOfEra)
  const yearOfEra = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36524) - Math.floor(day / 146096)) / 365,
  )
  const dayOfYear = day - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shifted = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  const year = BigInt(yearOfEra) + era * 400n + (month <= 2 ? 1n : 0n)
  return `${yearText(year)}-${two(month)}-${two(dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1)}`
}

/** ISO 8601 to the dtype's unit, without time zone. */
export function dateText(value: bigint, dtype: DType): string {
  if (value === NOT_A_TIME) return 'NaT'
  const { name, count } = dtype.unit ?? { name: 'generic', count: 1 }
  // NumPy multiplies in 64 bits and lets it wrap
  const ticks = BigInt.asIntN(64, value * BigInt(count))
  if (name === 'Y') return yearText(BigInt.asIntN(64, ticks + 1970n))
  if (name === 'M') {
    const [years, month] = floorDivide(ticks, 12n)
    return `${yearText(years + 1970n)}-${two(month + 1n)}`
  }
  if (name === 'W') return dayText(BigInt.asIntN(64, ticks * 7n))
  if (name === 'D') return dayText(ticks)
  if (name === 'h') {
    const [days, hour] = floorDivide(ticks, 24n)
    return `${dayText(days)}T${two(hour)}`
  }
  if (name === 'm') {
    const [days, minutes] = floorDivide(ticks, 1440n)
    return `${dayText(days)}T${two(minutes / 60n)}:${two(minutes % 60n)}`
  }
  const digits = SECOND_DIGITS[name]
  // NumPy refuses to print a date whose unit is unknown; a program's log is better served by the count
  if (digits === undefined) return String(value)
  const [seconds, fraction] = floorDivide(ticks, 10n ** BigInt(digits))
  const [days, clock] = floorDivide(seconds, 86400n)
  const time = `${two(clock / 3600n)}:${two((clock / 60n) % 60n)}:${two(clock % 60n)}`
  return `${dayText(days)}T${time}${digits === 0 ? '' : `.${String(fraction).padStart(digits, '0')}`}`
}

const TIME_SPANS: Readonly<Record<string, string>> = {
  Y: 'years',
  M: 'months',
  W: 'weeks',
  D: 'days',
  h: 'hours',
  m: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  ps: 'picoseconds',
  fs: 'femtoseconds',
  as: 'attoseconds',
}

/**
 * A value of a datetime64 or timedelta64 array as NumPy's `str` writes it: `2026-11-22T10:00`, `5 days`, `NaT`. Datetimes are
 * ISO 8601 to the precision of the dtype's unit, of any year.
 *
 * @param value - ticks of the dtype's unit, as `get` gives them
 * @throws `TypeError` for any other dtype
 */
export function formatTime(value: bigint, dtype: DType): string {
  if (dtype.kind === 'M') return dateText(value, dtype)
  if (dtype.kind !== 'm') throw new TypeError(`formatTime: expected datetime64 or timedelta64, got ${dtype}`)
  if (value === NOT_A_TIME) return 'NaT'
  const { name, count } = dtype.unit ?? { name: 'generic', count: 1 }
  // NumPy multiplies in 64 bits and lets it wrap
  return `${BigInt.asIntN(64, value * BigInt(count))} ${TIME_SPANS[name] ?? 'generic time units'}`
}
