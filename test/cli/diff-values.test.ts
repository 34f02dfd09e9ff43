// diff compares values, as NumPy's array_equal and isclose do.

import { beforeAll, describe, expect, test } from 'vitest'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap } from './command.ts'

const inFolder = temporaryFolder()

/** Python expressions for both sides; equal by default, and with `--equal-nan`, as NumPy says below. */
const pairs: Readonly<Record<string, readonly [a: string, b: string, equal: boolean, equalNan: boolean]>> = {
  text: ["np.array(['ab', 'é'], '<U3')", "np.array(['ab', 'é'], '>U3')", true, true],
  'other text': ["np.array(['ab', 'é'], '<U3')", "np.array(['ab', 'e'], '>U3')", false, false],
  records: [
    "np.array([(1, (2.5, 'x'), [3, 4])], [('<a', '<i4'), ('>b', [('p', '<f8'), ('q', '<U2')]), ('c', '<i2', 2)])",
    "np.array([(1, (2.5, 'x'), [3, 4])], [('<a', '>i4'), ('>b', [('p', '>f8'), ('q', '>U2')]), ('c', '>i2', 2)])",
    true,
    true,
  ],
  'other records': [
    "np.array([(1, [3, 4]), (1, [3, 4])], [('a', '<i4'), ('c', '<i2', 2)])",
    "np.array([(1, [3, 4]), (1, [3, 5])], [('a', '>i4'), ('c', '>i2', 2)])",
    false,
    false,
  ],
  'field names': ["np.array([(1,)], [('<a', '<i4')])", "np.array([(1,)], [('>a', '<i4')])", false, false],
  padding: [
    "np.frombuffer(b'\\x01\\x00\\x00\\x00\\x02\\x00\\x00\\x00', np.dtype([('a', 'u1'), ('b', '<i4')], align=True))",
    "np.frombuffer(b'\\x01\\x07\\x07\\x07\\x02\\x00\\x00\\x00', np.dtype([('a', 'u1'), ('b', '<i4')], align=True))",
    true,
    true,
  ],
  'records with NaN and minus zero': [
    "np.array([(np.nan, -0.0)], [('a', '<f8'), ('b', '<f8')])",
    "np.array([(np.nan, 0.0)], [('a', '<f8'), ('b', '<f8')])",
    false,
    true,
  ],
  'complex NaN': [
    'np.array([complex(1, np.nan), complex(np.nan, 2)])',
    'np.array([complex(5, np.nan), complex(3, np.nan)])',
    false,
    true,
  ],
  'complex, one NaN': ['np.array([complex(1, np.nan)])', 'np.array([complex(1, 2)])', false, false],
  'complex128 of other order': ["np.array([1 + 2j], '<c16')", "np.array([1 + 2j], '>c16')", true, true],
  NaT: ["np.array(['NaT', '2020'], 'M8[D]')", "np.array(['NaT', '2020'], '>M8[D]')", false, true],
  'NaT of timedelta': ["np.array(['NaT'], 'm8[s]')", "np.array([1], 'm8[s]')", false, false],
  'longdouble NaN and zeros': ["np.array([np.nan, 0], 'g')", "np.array([np.nan, -0.0], 'g')", false, true],
}
const path = (name: string, side: string): string => inFolder(`${name.replaceAll(' ', '-')}-${side}.npy`)

describe.skipIf(!hasNumpy)('against NumPy', () => {
  beforeAll(() => {
    const lines = Object.entries(pairs).map(
      ([name, [a, b]]) => `np.save('${path(name, 'a')}', ${a}); np.save('${path(name, 'b')}', ${b})`,
    )
    runPython(['import numpy as np', ...lines].join('\n'))
  })

  test.each(Object.keys(pairs))('%s', async (name) => {
    const [, , equal, equalNan] = pairs[name] as (typeof pairs)[string]
    const files = [path(name, 'a'), path(name, 'b')]
    const isSimple = !/record|padding|field/.test(name)
    if (isSimple) {
      const script = `import numpy as np; a, b = np.load('${files[0]}'), np.load('${files[1]}'); print(np.array_equal(a, b), np.array_equal(a, b, equal_nan=a.dtype.kind not in 'SU'))`
      expect(runPython(script).trim().toLowerCase()).toBe(`${equal} ${equalNan}`)
    }
    expect((await npymap(['diff', ...files])).code).toBe(equal ? 0 : 1)
    expect((await npymap(['diff', ...files, '--equal-nan'])).code).toBe(equalNan ? 0 : 1)
  })

  test('distances of complex numbers are those in the plane', async () => {
    runPython(
      `import numpy as np; np.save('${path('z', 'a')}', np.array([0j, 3 + 4j])); np.save('${path('z', 'b')}', np.array([0j, 0j]))`,
    )
    const { text } = await npymap(['diff', '--json', path('z', 'a'), path('z', 'b')])
    expect(JSON.parse(text)).toMatchObject({ differing: 1, firstIndex: [1], maxAbs: 5, maxAbsIndex: [1] })
    for (const [atol, code] of [
      ['5', 0],
      ['4.9', 1],
    ] as const) {
      expect((await npymap(['diff', path('z', 'a'), path('z', 'b'), '--atol', atol])).code).toBe(code)
    }
  })
})
