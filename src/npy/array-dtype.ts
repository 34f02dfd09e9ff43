// The dtypes that callers name for arrays they make.

import { DType, type DTypeLike } from '../layout/dtype.ts'

/** The dtype of a whole array: no sub-array, and no string without a length. */
export function arrayDType(spec: DTypeLike, what: string): DType {
  if (spec === undefined) throw new TypeError(`${what}: dtype is missing`)
  if (spec === 'str' || spec === 'bytes') {
    const code = spec === 'str' ? 'U' : 'S'
    throw new TypeError(`${what}: dtype '${spec}' has no length; give one, such as '${code}10'`)
  }
  const dtype = DType.of(spec)
  if (dtype.subarray !== null) {
    throw new TypeError(`${what}: expected the dtype of an element, got the sub-array ${dtype}; put its shape in shape`)
  }
  return dtype
}
