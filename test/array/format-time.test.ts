// Datetimes and timedeltas one by one, as NumPy's str writes them.

import { describe, expect, it } from 'vitest'
import { DType, formatTime } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'

const UNITS = ['Y', 'M', 'W', 'D', 'h', 'm', 's', 'ms', 'us', 'ns', 'ps', '25s', '7D', '3M']
const TICKS = [
  0n,
  1n,
  -1n,
  59n,
  86_399n,
  -86_401n,
  1_234_567_890n,
  -62_135_596_800n,
  -(2n ** 63n),
  10n ** 15n,
  -(10n ** 15n),
]

describe('formatTime', () => {
  it.skipIf(!hasNumpy)('is what NumPy prints', () => {
    const cases = UNITS.flatMap((unit) =>
      ['M8', 'm8'].flatMap((kind) => TICKS.map((ticks) => ({ dtype: `<${kind}[${unit}]`, ticks: `${ticks}` }))),
    )
    const script = `
import json, sys, numpy as np
print(json.dumps([str(np.array([int(c['ticks'])], 'i8').view(c['dtype'])[0]) for c in json.load(sys.stdin)]))`
    const expected = JSON.parse(runPython(script, JSON.stringify(cases))) as string[]
    expect(cases.map(({ dtype, ticks }) => formatTime(BigInt(ticks), DType.of(dtype)))).toEqual(expected)
  })

  it('is ISO 8601, days and NaT', () => {
    expect(formatTime(18_321n, DType.of('<M8[D]'))).toBe('2020-02-29')
    expect(formatTime(1n, DType.of('<M8[ms]'))).toBe('1970-01-01T00:00:00.001')
    expect(formatTime(5n, DType.of('>m8[D]'))).toBe('5 days')
    for (const dtype of ['<M8[s]', '<m8[s]']) expect(formatTime(-(2n ** 63n), DType.of(dtype))).toBe('NaT')
  })

  it('refuses other dtypes', () => {
    expect(() => formatTime(1n, DType.of('int64'))).toThrow(TypeError)
  })
})
