// The elements of a view as numbers, whatever number type they are of: magnitudes of complex ones, 0 and 1 for booleans.

import type { DType, NdView } from '../../index.ts'
import { UsageError } from '../failure.ts'
import { numbersOfHalves } from '../numbers.ts'

const NUMBER = /^(bool|u?int(8|16|32|64)|float(16|32|64|128)|complex(64|128|256))$/

/** Refuses what is not drawn. */
export function checkNumbers(dtype: DType): void {
  if (dtype.fields !== null) {
    const names = [...dtype.fields.keys()]
    throw new UsageError(
      'plot: the elements are structured',
      `say which field: --field ${names[0]} (${names.join(', ')})`,
    )
  }
  if (!NUMBER.test(dtype.name)) throw new UsageError(`plot: draws numbers, got ${dtype}`)
}

/** True for what has no numbers between its values. */
export function isWhole(dtype: DType): boolean {
  return dtype.name === 'bool' || dtype.name.includes('int')
}

/** True where a magnitude is drawn. */
export function isComplex(dtype: DType): boolean {
  return dtype.name.startsWith('complex')
}

/** A copy of the elements in C order, read off the main thread. */
export async function numbersOf(view: NdView, signal: AbortSignal): Promise<ArrayLike<number>> {
  if (/^(float128|complex256)$/.test(view.dtype.name)) return nestedNumbers(view.toArray())
  return asNumbers(view.dtype, (await view.read({ signal })) as ArrayLike<number> | ArrayLike<bigint>)
}

function asNumbers(dtype: DType, values: ArrayLike<number> | ArrayLike<bigint>): ArrayLike<number> {
  if (isComplex(dtype)) return magnitudes(values as ArrayLike<number>)
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return Float64Array.from(values, Number)
  // Where the runtime has no Float16Array the bits come.
  if (dtype.name === 'float16' && values instanceof Uint16Array) return numbersOfHalves(values)
  return values as ArrayLike<number>
}

function magnitudes(pairs: ArrayLike<number>): Float64Array {
  const values = new Float64Array(pairs.length / 2)
  for (let i = 0; i < values.length; i++) values[i] = Math.hypot(pairs[2 * i] as number, pairs[2 * i + 1] as number)
  return values
}

function nestedNumbers(value: unknown): number[] {
  const flat: unknown[] = Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]
  return flat.map((element) => {
    if (typeof element === 'number') return element
    const { re, im } = element as { re: number; im: number }
    return Math.hypot(re, im)
  })
}
