// The unit of a datetime64 or timedelta64: the `[25s]` of `<M8[25s]` (numpy.md 1.5), and what an instant in that unit is
// as a JavaScript Date. Refuses what NumPy cannot have meant: a divisor of 0 (NumPy 2.4 dies of it with SIGFPE), a
// negative one, and one that gives `[0Y]` by a fault in NumPy's table (`[W/11]`).

import { UnsupportedError } from '../errors.ts'

/** What one step of a datetime64 or timedelta64 is: `count` times the named unit. */
export interface DatetimeUnit {
  /** `Y M W D h m s ms us ns ps fs as`, or `generic` for no unit. */
  readonly name: string
  /** How many of it: 25 for `[25s]`. */
  readonly count: number
}

export const GENERIC_UNIT: DatetimeUnit = Object.freeze({ name: 'generic', count: 1 })

const MAX_COUNT = 2_147_483_647

/** NumPy's `_multiples_table`: into how many of which smaller unit a divisor may split a unit, in the order tried. */
const SMALLER_UNITS: ReadonlyMap<string, readonly (readonly [factor: number, name: string])[]> = new Map([
  [
    'Y',
    [
      [12, 'M'],
      [52, 'W'],
      [365, 'D'],
    ],
  ],
  [
    'M',
    [
      [4, 'W'],
      [30, 'D'],
      [720, 'h'],
    ],
  ],
  [
    'W',
    [
      [7, 'D'],
      [168, 'h'],
      [10_080, 'm'],
    ],
  ],
  [
    'D',
    [
      [24, 'h'],
      [1_440, 'm'],
      [86_400, 's'],
    ],
  ],
  [
    'h',
    [
      [60, 'm'],
      [3_600, 's'],
    ],
  ],
  [
    'm',
    [
      [60, 's'],
      [60_000, 'ms'],
    ],
  ],
  [
    's',
    [
      [1_000, 'ms'],
      [1_000_000, 'us'],
    ],
  ],
  [
    'ms',
    [
      [1_000, 'us'],
      [1_000_000, 'ns'],
    ],
  ],
  [
    'us',
    [
      [1_000, 'ns'],
      [1_000_000, 'ps'],
    ],
  ],
  [
    'ns',
    [
      [1_000, 'ps'],
      [1_000_000, 'fs'],
    ],
  ],
  [
    'ps',
    [
      [1_000, 'fs'],
      [1_000_000, 'as'],
    ],
  ],
  ['fs', [[1_000, 'as']]],
  ['as', []],
])

// NumPy reads the numbers with strtol, which skips blanks and takes a plus sign.
const METADATA = /^\[(?:[ \t-\r]*\+?(\d+))?([A-Za-z\u03bc]+)(?:\/[ \t-\r]*\+?(\d+))?\]$/

/**
 * The unit in `[...]`, or the generic one for an empty text; a divisor becomes a multiple of a smaller unit, as in NumPy:
 * `[s/2]` is 500 ms. Null when it is not a unit.
 */
export function parseDatetimeUnit(text: string): DatetimeUnit | null {
  if (text === '') return GENERIC_UNIT
  const match = METADATA.exec(text)
  if (match === null) return null
  const count = match[1] === undefined ? 1 : Number(match[1])
  const name = match[2] === '\u03bcs' ? 'us' : (match[2] ?? '')
  if (count > MAX_COUNT) return null
  if (name === 'generic') return match[3] === undefined ? GENERIC_UNIT : null
  const smaller = SMALLER_UNITS.get(name)
  if (smaller === undefined) return null
  if (match[3] === undefined) return Object.freeze({ name, count })
  const divisor = Number(match[3])
  if (divisor === 0) return null
  if (divisor === 1) return Object.freeze({ name, count })
  for (const [factor, smallerName] of smaller) {
    if (factor % divisor !== 0) continue
    const scaled = count * (factor / divisor)
    return scaled > MAX_COUNT ? null : Object.freeze({ name: smallerName, count: scaled })
  }
  return null
}

/** `[25s]`, `[ns]`, and nothing for the generic unit. */
export function formatDatetimeUnit(unit: DatetimeUnit): string {
  if (unit.name === 'generic') return ''
  return unit.count === 1 ? `[${unit.name}]` : `[${unit.count}${unit.name}]`
}

/** The value of datetime64 and timedelta64 that stands for no time at all. */
export const NOT_A_TIME: bigint = -(2n ** 63n)

/** ECMAScript's time range: 100 million days on either side of 1970, in milliseconds. */
const MAX_DATE_MS = 8_640_000_000_000_000n

/** Milliseconds in one unit of fixed length. */
const UNIT_MS: ReadonlyMap<string, bigint> = new Map([
  ['W', 604_800_000n],
  ['D', 86_400_000n],
  ['h', 3_600_000n],
  ['m', 60_000n],
  ['s', 1_000n],
  ['ms', 1n],
])

/** How many of a unit there are in one millisecond. */
const UNITS_PER_MS: ReadonlyMap<string, bigint> = new Map([
  ['us', 10n ** 3n],
  ['ns', 10n ** 6n],
  ['ps', 10n ** 9n],
  ['fs', 10n ** 12n],
  ['as', 10n ** 15n],
])

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend % divisor < 0n ? quotient - 1n : quotient
}

function outsideDate(value: bigint, unit: DatetimeUnit): RangeError {
  return new RangeError(
    `datetime64${formatDatetimeUnit(unit)} ${value} is outside the range of Date (years -271821 to 275760)`,
  )
}

/**
 * The instant `value` steps of `unit` after 1970-01-01T00:00Z, cut down to the millisecond (towards the past, as NumPy
 * casts); null for NaT.
 *
 * @throws RangeError when it is outside Date's range.
 * @throws {@link UnsupportedError} for the generic unit, which says nothing about time.
 */
export function datetimeToDate(value: bigint, unit: DatetimeUnit): Date | null {
  if (value === NOT_A_TIME) return null
  if (unit.name === 'generic') {
    throw new UnsupportedError('datetime64 without a unit is no instant; read the value as a number', {
      feature: 'generic datetime64 as Date',
    })
  }
  const steps = value * BigInt(unit.count)
  if (unit.name === 'Y' || unit.name === 'M') {
    const months = unit.name === 'Y' ? steps * 12n : steps
    if (months > MAX_DATE_MS || months < -MAX_DATE_MS) throw outsideDate(value, unit)
    const years = floorDivide(months, 12n)
    const date = new Date(0)
    date.setUTCFullYear(1970 + Number(years), Number(months - years * 12n))
    if (Number.isNaN(date.getTime())) throw outsideDate(value, unit)
    return date
  }
  const unitsPerMs = UNITS_PER_MS.get(unit.name)
  const milliseconds =
    unitsPerMs === undefined ? steps * (UNIT_MS.get(unit.name) ?? 1n) : floorDivide(steps, unitsPerMs)
  if (milliseconds > MAX_DATE_MS || milliseconds < -MAX_DATE_MS) throw outsideDate(value, unit)
  return new Date(Number(milliseconds))
}
