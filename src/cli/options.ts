// Values of options: what is wrong with one is said with the option's name and what was given.

import { UsageError } from './failure.ts'

/** A parser of whole numbers for an option, as {@link parseCount} takes them; within limits, when there are some. */
export function countOf(
  option: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
): (text: string) => number {
  const isLimited = least > 0 || most < Number.MAX_SAFE_INTEGER
  const expected = isLimited ? `${least} to ${most}` : 'a whole number'
  return (text) => {
    const count = countIn(text)
    if (count !== null && count >= least && count <= most) return count
    throw unexpected(option, expected, text)
  }
}

/** A parser of lists of whole numbers, such as shapes. */
export function countsOf(option: string): (text: string) => number[] {
  return (text) => {
    const counts = text.split(/[,x]/).map(countIn)
    if (counts.every((count) => count !== null)) return counts
    throw unexpected(option, 'whole numbers such as 1000,768', text)
  }
}

/** A parser of numbers for an option. */
export function numberOf(option: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (Number.isFinite(value)) return value
    throw unexpected(option, 'a number', text)
  }
}

/** A parser of numbers that are not below zero. */
export function sizeOf(option: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= 0) return value
    throw unexpected(option, 'a number that is not below 0', text)
  }
}

/** A parser of axes: whole numbers, those below zero from the last one back. */
export function axisOf(option: string): (text: string) => number {
  return (text) => {
    if (/^[+-]?\d{1,3}$/.test(text.trim())) return Number(text)
    throw unexpected(option, 'a whole number', text)
  }
}

/** A parser of words for an option. */
export function oneOf<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found !== undefined) return found
    throw unexpected(option, words.join(' or '), text)
  }
}

/** A whole number, not below zero; also `64k`, `8M`, `2G`, in powers of 1024. */
export function parseCount(text: string): number {
  const count = countIn(text)
  if (count === null) throw new UsageError(`expected a whole number, got ${JSON.stringify(text)}`)
  return count
}

function countIn(text: string): number | null {
  const match = /^(\d+)([kmgt]?)i?b?$/i.exec(text.trim())
  const count = match === null ? Number.NaN : Number(match[1]) * 1024 ** ' kmgt'.indexOf(match[2]?.toLowerCase() || ' ')
  return Number.isSafeInteger(count) ? count : null
}

/** `--bins: expected a whole number, got "x"`. */
export function unexpected(option: string, expected: string, text: string): UsageError {
  return new UsageError(`${option}: expected ${expected}, got ${JSON.stringify(text)}`)
}
