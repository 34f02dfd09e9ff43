// Between the `descr` of an .npy header, a Python value, and DType: in Python a tuple is a sub-array and a list holds
// fields, which DType's own descr, made of JavaScript arrays, does not tell apart (numpy.md 1.5). Refuses with TypeError,
// as DType does; npy-header knows the place in the file.

import { type Descr, DType, isSubarrayDescr } from '../layout/dtype.ts'
import { formatPythonLiteral, PythonTuple, type PythonValue } from './python-literal.ts'

function isList(value: PythonValue): value is readonly PythonValue[] {
  return Array.isArray(value)
}

function itemsOf(value: PythonValue): readonly PythonValue[] | null {
  if (value instanceof PythonTuple) return value.items
  return isList(value) ? value : null
}

function refuse(expected: string, value: PythonValue): never {
  throw new TypeError(`dtype: expected ${expected}, got ${formatPythonLiteral(value).slice(0, 100)}`)
}

function shapeFromPython(value: PythonValue): number | readonly number[] {
  if (typeof value === 'number') return value
  const items = itemsOf(value)
  if (items === null || !items.every((item) => typeof item === 'number'))
    return refuse('ints as a sub-array shape', value)
  return items
}

function labelFromPython(value: PythonValue): string | readonly [string | null, string] {
  if (typeof value === 'string') return value
  if (value instanceof PythonTuple && value.items.length === 2) {
    const [title, name] = value.items
    if ((typeof title === 'string' || title === null) && typeof name === 'string') return [title, name]
  }
  return refuse('a name or (title, name) of a field', value)
}

function descrFromPython(value: PythonValue): Descr {
  if (typeof value === 'string') return value
  if (value instanceof PythonTuple) {
    const [descr, shape] = value.items
    if (value.items.length !== 2 || descr === undefined || shape === undefined) {
      return refuse('a sub-array (descr, shape)', value)
    }
    return [descrFromPython(descr), shapeFromPython(shape)]
  }
  if (!isList(value)) return refuse('a string, a list of fields or a sub-array tuple', value)
  return value.map((field) => {
    const [label, descr, shape] = itemsOf(field) ?? []
    const length = itemsOf(field)?.length
    if (label === undefined || descr === undefined || (length !== 2 && length !== 3)) {
      return refuse('a field (name, descr) or (name, descr, shape)', field)
    }
    return shape === undefined
      ? ([labelFromPython(label), descrFromPython(descr)] as const)
      : ([labelFromPython(label), descrFromPython(descr), shapeFromPython(shape)] as const)
  })
}

/**
 * The dtype a header's `descr` stands for, by the rules of numpy.lib.format.descr_to_dtype.
 *
 * @throws TypeError when it is none.
 * @throws {@link UnsupportedError} for Python objects.
 */
export function dtypeFromPython(value: PythonValue): DType {
  return DType.of(typeof value === 'string' ? value : descrFromPython(value))
}

function shapeToPython(shape: number | readonly number[]): PythonTuple {
  return new PythonTuple(typeof shape === 'number' ? [shape] : shape)
}

function descrToPython(descr: Descr): PythonValue {
  if (typeof descr === 'string') return descr
  if (isSubarrayDescr(descr)) return new PythonTuple([descrToPython(descr[0]), shapeToPython(descr[1])])
  return descr.map(([label, of, shape]) => {
    const name = typeof label === 'string' ? label : new PythonTuple(label)
    return new PythonTuple(
      shape === undefined ? [name, descrToPython(of)] : [name, descrToPython(of), shapeToPython(shape)],
    )
  })
}

/** What NumPy writes as `descr` for the dtype. */
export function dtypeToPython(dtype: DType): PythonValue {
  return descrToPython(dtype.descr)
}
