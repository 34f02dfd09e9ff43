// Decimal text of binary16, binary32 and binary64 values: the shortest digits that name a value among the neighbours of
// its own type, or the exact value rounded half to even at a cutoff, and the columns of NumPy arrays built from them.
// All arithmetic is on exact big integers (Steele and White, Burger and Dybvig), because JavaScript's own conversions
// know only binary64 and round ties upward. Knows nothing of arrays or dtypes.

/** What the text of a value depends on besides the value: the type's grid of numbers and NumPy's limits for it. */
export interface FloatGrid {
  /** Significant bits, the implied one included. */
  readonly bits: number
  /** Binary exponent of the smallest step, the subnormal one. */
  readonly minExponent: number
  /** Columns with a magnitude from here on are printed with exponents. */
  readonly columnLarge: number
  /** Columns with a non-zero magnitude under this are printed with exponents. */
  readonly columnSmall: number
  /** Columns whose greatest and smallest magnitude differ by more than this factor are printed with exponents. */
  readonly columnSpread: number
  /** A lone scalar from here on is printed with an exponent. */
  readonly scalarLarge: number
}

// NumPy compares in the column's own type, so 1e-4 and "> 1000" are rounded there: the spreads are 1000 plus half a step.
/** float16. */
export const BINARY16: FloatGrid = {
  bits: 11,
  minExponent: -24,
  columnLarge: 1e3,
  columnSmall: 0.00010001659393310547,
  columnSpread: 1000.25,
  scalarLarge: 1e3,
}
/** float32. */
export const BINARY32: FloatGrid = {
  bits: 24,
  minExponent: -149,
  columnLarge: 1e6,
  columnSmall: Math.fround(1e-4),
  columnSpread: 1000 + 2 ** -15,
  scalarLarge: 1e6,
}
/** float64. */
export const BINARY64: FloatGrid = {
  bits: 53,
  minExponent: -1074,
  columnLarge: 1e8,
  columnSmall: 1e-4,
  columnSpread: 1000,
  scalarLarge: 1e16,
}

/** How many digits to give: after the decimal point when `fractional`, else significant ones. */
interface DigitLimits {
  readonly fractional: boolean
  readonly most: number
  readonly least: number
}

/** `0.d1d2d3... * 10^(exponent + 1)`: no trailing zeros, at least one digit. */
interface Digits {
  readonly text: string
  readonly exponent: number
}

const NO_LIMITS: DigitLimits = { fractional: false, most: Number.POSITIVE_INFINITY, least: 0 }

const bitsOf = new DataView(new ArrayBuffer(8))

/** The integers with `value = mantissa * 2^exponent` on the grid; `uneven` when the next value below is half as far. */
function decompose(value: number, grid: FloatGrid): { mantissa: bigint; exponent: number; uneven: boolean } {
  bitsOf.setFloat64(0, value)
  const raw = bitsOf.getBigUint64(0)
  const biased = Number((raw >> 52n) & 0x7ffn)
  const fraction = raw & 0xfffffffffffffn
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n
  const exponent = biased === 0 ? -1074 : biased - 1075
  const onGrid = Math.max(exponent + 53 - grid.bits, grid.minExponent)
  const shift = onGrid - exponent
  const kept = shift >= 0 ? mantissa >> BigInt(shift) : mantissa << BigInt(-shift)
  const uneven = onGrid > grid.minExponent && kept === 1n << BigInt(grid.bits - 1)
  return { mantissa: kept, exponent: onGrid, uneven }
}

function digitsOf(magnitude: number, grid: FloatGrid, limits: DigitLimits): Digits {
  if (magnitude === 0) return { text: '0', exponent: 0 }
  const { mantissa, exponent, uneven } = decompose(magnitude, grid)
  const even = (mantissa & 1n) === 0n

  // value, and half the way to each neighbour, as fractions of one denominator
  let value = mantissa << (uneven ? 2n : 1n)
  let below = 1n
  let whole = uneven ? 4n : 2n
  if (exponent > 0) {
    value <<= BigInt(exponent)
    below <<= BigInt(exponent)
  } else {
    whole <<= BigInt(-exponent)
  }

  // the power of ten just above the value, guessed from its bit length: right, or one too low
  const topBit = mantissa.toString(2).length - 1 + exponent
  let position = Math.ceil(topBit * Math.LOG10E * Math.LN2 - 0.69)
  // a value under the last wanted fraction digit still gets that digit, to be rounded
  if (limits.fractional) position = Math.max(position, 1 - limits.most)
  const scale = 10n ** BigInt(Math.abs(position))
  if (position > 0) {
    whole *= scale
  } else {
    value *= scale
    below *= scale
  }
  if (value >= whole) {
    position++
  } else {
    value *= 10n
    below *= 10n
  }

  const first = position - 1
  const last = limits.fractional ? -limits.most : position - limits.most
  const enough = Math.min(position, limits.fractional ? -limits.least : position - limits.least)
  let text = ''
  let digit: bigint
  let down: boolean
  let up: boolean
  for (;;) {
    position--
    digit = value / whole
    value -= digit * whole
    const above = value + (uneven ? 2n * below : below)
    // an even mantissa wins the ties when the text is read back, so it owns its borders
    down = even ? value <= below : value < below
    up = even ? above >= whole : above > whole
    if (((down || up) && position <= enough) || position === last) break
    text += digit
    value *= 10n
    below *= 10n
  }
  if (down === up) {
    const twice = value * 2n
    down = twice < whole || (twice === whole && (digit & 1n) === 0n)
  }
  text += digit
  let carry = 0
  if (!down) {
    const rounded = String(BigInt(text) + 1n)
    carry = rounded.length - text.length
    text = rounded
  }
  return { text: text.replace(/(?<=.)0+$/, ''), exponent: first + carry }
}

/** The parts of a printed number, to be aligned by the caller. */
interface Parts {
  /** Sign and digits before the point. */
  readonly whole: string
  /** Digits after the point. */
  readonly fraction: string
  /** `e+10`, or empty. */
  readonly exponent: string
}

function signOf(value: number, plus: boolean): string {
  if (value < 0 || Object.is(value, -0)) return '-'
  return plus ? '+' : ''
}

function positional(value: number, grid: FloatGrid, plus: boolean, limits: DigitLimits): Parts {
  const { text, exponent } = digitsOf(Math.abs(value), grid, limits)
  const whole = exponent < 0 ? '0' : text.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  const fraction = exponent < 0 ? '0'.repeat(-exponent - 1) + text : text.slice(exponent + 1)
  return { whole: signOf(value, plus) + whole, fraction: fraction.replace(/0+$/, ''), exponent: '' }
}

function scientific(value: number, grid: FloatGrid, plus: boolean, limits: DigitLimits, exponentDigits: number): Parts {
  const { text, exponent } = digitsOf(Math.abs(value), grid, limits)
  const power = String(Math.abs(exponent)).padStart(exponentDigits, '0')
  return {
    whole: signOf(value, plus) + text.slice(0, 1),
    fraction: text.slice(1),
    exponent: `e${exponent < 0 ? '-' : '+'}${power}`,
  }
}

function nonFinite(value: number, plus: boolean): string {
  const sign = value < 0 ? '-' : plus ? '+' : ''
  return `${sign}${Number.isNaN(value) ? 'nan' : 'inf'}`
}

/** How a column of floats is to be printed. */
export interface FloatColumnStyle {
  readonly precision: number
  /** Never switch to exponents for the sake of small numbers. */
  readonly suppress: boolean
  /** Print the sign of positive numbers, as imaginary parts need. */
  readonly plus: boolean
}

/** A printer that gives every value of the column the same width, chosen from all `values` as NumPy does. */
export function floatColumn(
  values: readonly number[],
  grid: FloatGrid,
  style: FloatColumnStyle,
): (value: number) => string {
  const { plus, precision } = style
  const finite = values.filter((value) => Number.isFinite(value))
  const exponential = needsExponent(finite, grid, style.suppress)

  const limits: DigitLimits = exponential
    ? { fractional: false, most: precision + 1, least: 0 }
    : { fractional: true, most: precision, least: 0 }
  const parts = finite.map((value) =>
    exponential ? scientific(value, grid, plus, limits, 2) : positional(value, grid, plus, limits),
  )
  const longest = (part: keyof Parts): number => parts.reduce((width, each) => Math.max(width, each[part].length), 0)
  const fractionWidth = longest('fraction')
  const exponentWidth = longest('exponent')
  const right = fractionWidth + exponentWidth
  let left = longest('whole')
  if (finite.length !== values.length) {
    const signed = plus || values.includes(Number.NEGATIVE_INFINITY)
    left = Math.max(left, 3 - (right + 1), 3 + (signed ? 1 : 0) - (right + 1))
  }

  // with exponents every value shows as many digits as the longest needs, even digits beyond its own shortest text
  const padded: DigitLimits = { fractional: false, most: fractionWidth + 1, least: fractionWidth + 1 }
  return (value) => {
    if (!Number.isFinite(value)) return nonFinite(value, plus).padStart(left + right + 1)
    if (exponential) {
      const { whole, fraction, exponent } = scientific(value, grid, plus, padded, exponentWidth - 2)
      return `${whole.padStart(left)}.${fraction.padEnd(fractionWidth, '0')}${exponent}`
    }
    const { whole, fraction } = positional(value, grid, plus, limits)
    return `${whole.padStart(left)}.${fraction.padEnd(right)}`
  }
}

function needsExponent(finite: readonly number[], grid: FloatGrid, suppress: boolean): boolean {
  let max = 0
  let min = Number.POSITIVE_INFINITY
  for (const value of finite) {
    const magnitude = Math.abs(value)
    if (magnitude === 0) continue
    if (magnitude > max) max = magnitude
    if (magnitude < min) min = magnitude
  }
  if (max === 0) return false
  if (max >= grid.columnLarge) return true
  return !suppress && (min < grid.columnSmall || max / min > grid.columnSpread)
}

/** `str` of a lone NumPy float: `1.0`, `1e+16`; with `bare` the `1` of a component of a complex number. */
export function formatFloatScalar(value: number, grid: FloatGrid, style: { bare: boolean; plus: boolean }): string {
  if (!Number.isFinite(value)) return nonFinite(value, style.plus)
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= grid.scalarLarge)) {
    const { whole, fraction, exponent } = scientific(value, grid, style.plus, NO_LIMITS, 2)
    return `${whole}${fraction === '' ? '' : `.${fraction}`}${exponent}`
  }
  const { whole, fraction } = positional(value, grid, style.plus, NO_LIMITS)
  if (fraction !== '') return `${whole}.${fraction}`
  return style.bare ? whole : `${whole}.0`
}
