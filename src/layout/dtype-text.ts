// A dtype as NumPy prints it: a port of numpy/_core/_dtype.py without aligned structs, which an .npy file cannot say.
// Pure text; refuses nothing.

import { formatDatetimeUnit } from './datetime-unit.ts'
import type { DType } from './dtype.ts'
import { formatPythonString } from './python-string.ts'
import { formatShape } from './shape.ts'

/** `'i4'`, `'<f8'`, `'S5'`: an element in the short form that structures use. */
function formatScalar(dtype: DType): string {
  const order = dtype.byteOrder === '|' ? '' : dtype.byteOrder
  switch (dtype.kind) {
    case 'b':
      return "'?'"
    case 'S':
    case 'V':
      return dtype.itemSize === 0 ? `'${dtype.kind}'` : `'${dtype.kind}${dtype.itemSize}'`
    case 'U':
      return dtype.itemSize === 0 ? `'${order}U'` : `'${order}U${dtype.itemSize / 4}'`
    case 'M':
    case 'm':
      return `'${order}${dtype.kind}8${dtype.unit === null ? '' : formatDatetimeUnit(dtype.unit)}'`
    default:
      return `'${order}${dtype.kind}${dtype.itemSize}'`
  }
}

function isPacked(dtype: DType): boolean {
  let byteOffset = 0
  for (const field of dtype.fields?.values() ?? []) {
    if (field.byteOffset !== byteOffset) return false
    byteOffset += field.dtype.itemSize
  }
  return byteOffset === dtype.itemSize
}

function formatStructure(dtype: DType): string {
  const fields = [...(dtype.fields?.values() ?? [])]
  if (isPacked(dtype)) {
    const items = fields.map(({ name, title, dtype: inner }) => {
      const quoted = formatPythonString(name)
      const label = title === undefined ? quoted : `(${formatPythonString(title)}, ${quoted})`
      const { subarray } = inner
      return subarray === null
        ? `(${label}, ${format(inner)})`
        : `(${label}, ${format(subarray.dtype)}, ${formatShape(subarray.shape)})`
    })
    return `[${items.join(', ')}]`
  }
  const list = (items: readonly (string | number)[]): string => `[${items.join(', ')}]`
  const hasTitles = fields.some(({ title }) => title !== undefined)
  const titles = fields.map(({ title }) => (title === undefined ? 'None' : formatPythonString(title)))
  return [
    `{'names': ${list(fields.map(({ name }) => formatPythonString(name)))}`,
    `'formats': ${list(fields.map((field) => format(field.dtype)))}`,
    `'offsets': ${list(fields.map(({ byteOffset }) => byteOffset))}`,
    ...(hasTitles ? [`'titles': ${list(titles)}`] : []),
    `'itemsize': ${dtype.itemSize}}`,
  ].join(', ')
}

function format(dtype: DType): string {
  if (dtype.fields !== null) return formatStructure(dtype)
  if (dtype.subarray === null) return formatScalar(dtype)
  return `(${format(dtype.subarray.dtype)}, ${formatShape(dtype.subarray.shape)})`
}

/** NumPy's `str(dtype)`. */
export function formatDType(dtype: DType): string {
  if (dtype.fields !== null || dtype.subarray !== null) return format(dtype)
  if (dtype.kind === 'S' || dtype.kind === 'U' || dtype.kind === 'V' || !dtype.isNative) return dtype.str
  const unit = dtype.unit === null ? '' : formatDatetimeUnit(dtype.unit)
  return dtype.name + unit
}
