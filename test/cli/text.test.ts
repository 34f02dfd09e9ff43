// slice to text: dates, and lines of any length.

import { describe, expect, test } from 'vitest'
import { rowsOfText } from '../../src/cli/csv.ts'
import { load, save } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { output } from './command.ts'

const inFolder = temporaryFolder()

test.skipIf(!hasNumpy)('dates and spans of time are those that NumPy writes', async () => {
  const path = inFolder('times.npy')
  for (const unit of ['Y', 'M', 'W', 'D', 'h', 'm', 's', 'ms', '25us', 'ns', 'ps', 'as']) {
    const most = unit === 'Y' ? 40_000 : 2 ** 40
    const script = `
import numpy as np
n = np.random.default_rng(2).integers(-${most}, ${most}, 60)
for kind, order in (('M', '<'), ('m', '>')):
    a = n.astype(order + 'i8').view(f'{order}{kind}8[${unit}]')
    a[3] = 'NaT'
    np.save('${path}' if kind == 'M' else '${inFolder('spans.npy')}', a)
    print('\\n'.join(str(x) for x in a))`
    const expected = runPython(script)
    const found = [path, inFolder('spans.npy')].map((file) => output('slice', file, '...', '-', '--to', 'csv'))
    expect((await Promise.all(found)).join(''), unit).toBe(expected)
  }
})

test.skipIf(!hasNumpy)('dates in fields', async () => {
  const path = inFolder('fields.npy')
  runPython(
    `import numpy as np; np.save('${path}', np.array([('2020-02-29', 3), ('NaT', 4)], [('d', 'M8[D]'), ('n', 'f4')]))`,
  )
  expect(await output('slice', path, '...', '-', '--to', 'csv')).toBe('d,n\n2020-02-29,3\nNaT,4\n')
})

describe('lines', () => {
  const lines = async (shape: number[], data: Int32Array): Promise<{ text: string; most: number }> => {
    const path = inFolder('lines.npy')
    await save(path, data, { shape })
    let [text, most] = ['', 0]
    const progress = { add: (): void => {}, end: (): void => {} }
    for await (const piece of rowsOfText(await load(path), progress, new AbortController().signal)) {
      text += piece
      most = Math.max(most, piece.length)
    }
    return { text, most }
  }

  test('that are long come in pieces', async () => {
    const data = Int32Array.from({ length: 3_000_000 }, (_, i) => i % 10)
    const { text, most } = await lines([2, 3, 500_000], data)
    expect(most).toBeLessThan(1_100_000)
    expect(text).toBe(`${data.subarray(0, 1_500_000).join(',')}\n${data.subarray(1_500_000).join(',')}\n`)
  })

  test('of nothing', async () => {
    expect((await lines([3, 0], new Int32Array(0))).text).toBe('\n\n\n')
    expect((await lines([0, 3], new Int32Array(0))).text).toBe('')
    expect((await lines([], Int32Array.of(7))).text).toBe('7\n')
  })
})
