// One field of a structured array, as a strided array of its own.

import { SelectionError } from '../errors.ts'
import { contiguousByteStrides } from '../layout/shape.ts'
import type { StridedArray } from './strided-array.ts'

/** The field of every element; the axes of a sub-array field come last. Throws {@link SelectionError} when there is none. */
export function fieldOf(array: StridedArray, name: string): StridedArray {
  const field = array.dtype.fields?.get(name)
  if (field === undefined) {
    const names = array.dtype.fields === null ? 'no fields' : `fields ${[...array.dtype.fields.keys()].join(', ')}`
    throw new SelectionError(`field: there is no ${JSON.stringify(name)}; ${array.dtype} has ${names}`, { index: name })
  }
  let { dtype } = field
  const shape = [...array.shape]
  const byteStrides = [...array.byteStrides]
  while (dtype.subarray !== null) {
    const { dtype: base, shape: inner } = dtype.subarray
    shape.push(...inner)
    byteStrides.push(...contiguousByteStrides(inner, base.itemSize, 'C'))
    dtype = base
  }
  return { source: array.source, dtype, shape, byteStrides, byteOffset: array.byteOffset + field.byteOffset }
}
