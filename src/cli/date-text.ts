// datetime64 and timedelta64 as NumPy's `str` writes them.

import type { DType } from '../index.ts'

const NOT_A_TIME = -(2n ** 63n)
const ERA_DAYS = 146_097n
const DAY_MS = 86_400_000

/** Digits below a second. */
const FRACTION_DIGITS: Readonly<Record<string, number>> = { s: 0, ms: 3, us: 6, ns: 9, ps: 12, fs: 15, as: 18 }

const SPANS: Readonly<Record<string, string>> = {
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

/** The text of one value of such a dtype. */
export function timeText(value: bigint, dtype: DType): string {
  if (value === NOT_A_TIME) return 'NaT'
  const { name, count } = dtype.unit ?? { name: 'generic', count: 1 }
  // NumPy multiplies in 64 bits.
  const ticks = BigInt.asIntN(64, value * BigInt(count))
  return dtype.kind === 'm' ? `${ticks} ${SPANS[name] ?? 'generic time units'}` : dateText(ticks, name)
}

function dateText(ticks: bigint, unit: string): string {
  if (unit === 'Y') return yearText(BigInt.asIntN(64, ticks + 1970n))
  if (unit === 'M') {
    const [years, month] = divide(ticks, 12n)
    return `${yearText(years + 1970n)}-${two(month + 1n)}`
  }
  if (unit === 'W') return dayText(BigInt.asIntN(64, ticks * 7n))
  if (unit === 'D') return dayText(ticks)
  if (unit === 'h') {
    const [days, hour] = divide(ticks, 24n)
    return `${dayText(days)}T${two(hour)}`
  }
  if (unit === 'm') {
    const [days, minutes] = divide(ticks, 1440n)
    return `${dayText(days)}T${two(minutes / 60n)}:${two(minutes % 60n)}`
  }
  const digits = FRACTION_DIGITS[unit]
  if (digits === undefined) return String(ticks)
  const [seconds, fraction] = divide(ticks, 10n ** BigInt(digits))
  const [days, clock] = divide(seconds, 86_400n)
  const time = `${two(clock / 3600n)}:${two((clock / 60n) % 60n)}:${two(clock % 60n)}`
  return `${dayText(days)}T${time}${digits === 0 ? '' : `.${String(fraction).padStart(digits, '0')}`}`
}

/** A calendar repeats itself every 400 years, which leaves the days to what `Date` knows. */
function dayText(days: bigint): string {
  const [era, day] = divide(days, ERA_DAYS)
  const iso = new Date(Number(day) * DAY_MS).toISOString()
  return `${yearText(BigInt(iso.slice(0, 4)) + 400n * era)}${iso.slice(4, 10)}`
}

function yearText(year: bigint): string {
  return year < 0n ? `-${String(-year).padStart(3, '0')}` : String(year).padStart(4, '0')
}

function two(value: bigint): string {
  return String(value).padStart(2, '0')
}

/** Rounds down, so that what is left is never below zero. */
function divide(dividend: bigint, divisor: bigint): [quotient: bigint, rest: bigint] {
  const rest = ((dividend % divisor) + divisor) % divisor
  return [(dividend - rest) / divisor, rest]
}
