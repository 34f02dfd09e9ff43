// Python values as an .npy header holds them, and their repr, which is what NumPy writes there (numpy.md 1.2). Tuples,
// lists, ints and floats stay apart, as NumPy tells them apart. Refuses nothing.

import { formatPythonString } from '../layout/python-string.ts'

/** A Python tuple; a list is an array. */
export class PythonTuple {
  readonly items: readonly PythonValue[]
  constructor(items: readonly PythonValue[]) {
    this.items = items
  }
}

/** A Python float, which a header must not confuse with an int: `2.0` is no length. */
export class PythonFloat {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** Ints are numbers when safe, else bigints; dicts are Maps in order of first appearance. */
export type PythonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | PythonFloat
  | PythonTuple
  | readonly PythonValue[]
  | ReadonlyMap<PythonValue, PythonValue>

function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? '-' : '+'
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}

/** Python's `repr` of the value. */
export function formatPythonLiteral(value: PythonValue): string {
  if (value === null) return 'None'
  if (typeof value === 'string') return formatPythonString(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof PythonFloat) return formatFloat(value.value)
  if (value instanceof PythonTuple) {
    const items = value.items.map(formatPythonLiteral)
    return items.length === 1 ? `(${items.join('')},)` : `(${items.join(', ')})`
  }
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => `${formatPythonLiteral(key)}: ${formatPythonLiteral(item)}`)
    return `{${entries.join(', ')}}`
  }
  return `[${[...(value as readonly PythonValue[])].map(formatPythonLiteral).join(', ')}]`
}
