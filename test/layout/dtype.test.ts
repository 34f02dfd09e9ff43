import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { UnsupportedError } from '../../src/errors.ts'
import { type Descr, DType, type DTypeLike, type DTypeName } from '../../src/layout/dtype.ts'
import { hasNumpy, runPython } from '../support/python.ts'

/** Every spelling that has ever made a difference, and many that must be refused. */
const STRINGS: readonly string[] = [
  ...'?bBhHiIlLqQpPnNefdgFDGcSUVMmaAtTzZ1'.split('').filter((char) => char !== 'T'),
  ...['bool', 'bool_', 'byte', 'short', 'intc', 'int', 'int_', 'intp', 'long', 'longlong', 'ubyte', 'ushort', 'uintc'],
  ...['uint', 'uintp', 'ulong', 'ulonglong', 'half', 'single', 'float', 'double', 'longdouble', 'csingle', 'complex'],
  ...['cdouble', 'clongdouble', 'bytes', 'bytes_', 'str', 'str_', 'unicode', 'void', 'datetime64', 'timedelta64'],
  ...['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float16', 'float32', 'float64'],
  ...['float128', 'complex64', 'complex128', 'complex256', 'float96', 'bool8', 'int0', 'float_', 'string_', 'unicode_'],
  ...['Float64', 'numpy.float64', 'rec', 'StringDType', 'cfloat', 'void8', 'bytes8', 'str32'],
  ...[
    'f8',
    '=f8',
    '|f8',
    '>f8',
    '<f8',
    '>float64',
    '=float32',
    '<d',
    '>d',
    '|d',
    '>?',
    '>b1',
    '<u1',
    '|u2',
    '|i4',
    '<c',
  ],
  ...['>e', '>l', '>p', '>g', '<', '', ' i4', 'i4 ', 'float32 ', 'i4\0', 'f8\n', 'é'],
  ...[
    'i16',
    'f12',
    'f1',
    'f3',
    'f0',
    'c1',
    'c4',
    'b2',
    'b8',
    'B1',
    'l4',
    '?1',
    'd8',
    'e2',
    'q8',
    't8',
    'A4',
    'i3',
    'i4.0',
  ],
  ...[
    'S0',
    'U0',
    'V0',
    'S5',
    '|S5',
    '<S5',
    '>S5',
    '=S5',
    '<U5',
    '>U5',
    '|U5',
    '=U5',
    '>V4',
    'V12',
    '|V12',
    'a4',
    '|a4',
  ],
  ...['S-1', 'S5x', 'S 5', 'S+5', 'i+4', 'i04', 'f 8', 'S\t5', 'S5 ', '>U', '>S', '>V', 'U-1'],
  ...['U536870911', 'U536870912', 'S2147483647', 'S2147483648', 'V2147483648', 'S4294967297', 'S99999999999999999999'],
  ...[
    'M8',
    'M8[]',
    'M8[ns]',
    '>M8[ms]',
    '|M8[ms]',
    '=M8',
    'm8[25s]',
    'M8[25s]',
    'M8[1s]',
    'M8[02s]',
    'M8[0s]',
    'M8[ 2s]',
  ],
  ...[
    'M8[+2s]',
    'M8[-2s]',
    'M8[2 s]',
    'M8[s ]',
    'M8 [s]',
    'M8[s',
    'M8s',
    'M8[s]x',
    'M8[B]',
    'M8[zz]',
    'M8[2]',
    'M8[min]',
  ],
  ...['M8[generic]', 'M8[10generic]', 'M8[generic/2]', 'M8[2147483647s]', 'M8[2147483648s]', 'M4', 'm4', 'M16', 'M[s]'],
  ...['M8[μs]', 'M8[µs]', 'datetime64[ns]', 'timedelta64[3D]', '<datetime64[s]', '>datetime64', 'datetime64[s/2]'],
  ...['M8[s/2]', 'M8[s/1]', 'M8[s/ 2]', 'M8[s/2 ]', 'M8[s/2x]', 'M8[/2]', 'M8[2s/2]', 'M8[s/7]', 'M8[as/2]', 'M8[as]'],
  ...['Y', 'M', 'W', 'D', 'h', 'm', 's', 'ms', 'us', 'ns', 'ps', 'fs'].flatMap((unit) =>
    [2, 4, 7, 12, 24, 30, 52, 60, 168, 365, 720, 1000, 1440, 3600, 10080, 60000, 86400, 1000000]
      // NumPy makes `[0Y]` of divisors a week does not have: its table is read past the end.
      .filter((divisor) => unit !== 'W' || [7, 168, 10080, 2, 4, 12, 24, 30, 60, 720, 1440].includes(divisor))
      .map((divisor) => `M8[3${unit}/${divisor}]`),
  ),
  ...['i4,f4', 'i4, f4', 'i4,', 'f4,  ', 'i4,,f4', ',i4', ',', 'i4 ,', 'i4\n,f4', 'f4 i4', 'f4:f4', 'i4|f4', 'i4,f4,'],
  ...['2i4', '1f4', '0f4', '01i4', '-1i4', '2 i4', '2<i4', '<2i4', '>2i4', '>2<i4', '=2<i4', '|2<i4', '>2|i4', '=2i4'],
  ...[
    '(2,3)f4',
    '()f4',
    '<()f4',
    '(2)f4',
    '(2,)f4',
    '(2,3,)f4',
    '( 2 , 3 )f4',
    '(2,3)<f4',
    '<(2,3)f4',
    '(0,)i4',
    '(2 3)f4',
  ],
  ...[
    '2,f4',
    '2,3f4',
    '(2,3f4',
    '2)f4',
    '(-1,)i4',
    '(+2,)i4',
    '((2,3))f4',
    '(2,3)(f4)',
    '(2.0,)i4',
    '(2,3)',
    '2',
    '2,3',
  ],
  ...['2i4,f4', '(2)i4,(3,)f4', 'f4, (2,)i4', 'f4,>2 i4', '(1,2,3)f4, i8', '()i4,f4', 'f4,()i4', ' (2,)f4', '4i4,'],
  ...['U3,S2', '5S3', '0S', '5S', '3U', '3V', '(3)S,i4', '(3,)S,i4', 'i4,V', 'c,c', '3c', '?,?', 'float32,float64'],
  ...[
    'M8[s],i4',
    'm8[D],M8[ns]',
    '2M8[s]',
    'M8[us/2], f4',
    'M8[ 2s],i4',
    'i4,M8[generic]',
    '=float32,i4',
    '>float32,i4',
  ],
  ...['12345678901i4', '(99999,99999)i4', '(64,)f4', "[('a','i4')]", "{'a':1}"],
]

interface Verdict {
  readonly str: string
  readonly itemsize: number
  readonly text: string
  readonly alignment: number
  readonly isnative: boolean
  readonly ndim: number
}

function verdictOf(spec: DTypeLike): Verdict | null {
  let dtype: DType
  try {
    dtype = DType.of(spec)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
  return {
    str: dtype.str,
    itemsize: dtype.itemSize,
    text: dtype.toString(),
    alignment: dtype.alignment,
    isnative: dtype.isNative,
    ndim: dtype.subarray?.shape.length ?? 0,
  }
}

const VERDICT_OF = `
import sys, json, warnings
import numpy as np
from numpy.lib.format import descr_to_dtype
warnings.simplefilter('ignore')
def native(d):
    if d.subdtype: return native(d.base)  # isnative itself is True for any sub-array, and structures of them
    return all(native(f[0]) for f in d.fields.values()) if d.fields else d.isnative
def verdict(make):
    try: d = make()
    except Exception: return None
    return dict(str=d.str, itemsize=d.itemsize, text=str(d), alignment=d.alignment, isnative=native(d), ndim=d.ndim)
`

function python(descr: Descr): string {
  if (typeof descr === 'string') return JSON.stringify(descr)
  const shape = (value: number | readonly number[]): string =>
    typeof value === 'number' ? String(value) : `(${value.map((length) => `${length},`).join('')})`
  if (descr.length === 2 && (typeof descr[1] === 'number' || descr[1]?.every((item) => typeof item === 'number'))) {
    return `(${python(descr[0] as Descr)}, ${shape(descr[1] as number[])})`
  }
  const fields = (
    descr as readonly (readonly [string | readonly [string | null, string], Descr, (number | number[])?])[]
  ).map(([label, of, size]) => {
    const name =
      typeof label === 'string'
        ? JSON.stringify(label)
        : `(${label.map((part) => (part === null ? 'None' : JSON.stringify(part))).join(',')})`
    return `(${name}, ${python(of)}${size === undefined ? '' : `, ${shape(size)}`})`
  })
  return `[${fields.join(', ')}]`
}

const DESCRS: readonly Descr[] = [
  [],
  [['a', 'i4']],
  [
    ['x', '<i4'],
    ['y', '<f8', [2]],
  ],
  [
    ['x', '>i4'],
    ['y', 'S3'],
  ],
  [['a', 'i4', 2]],
  [['a', 'i4', []]],
  [['a', 'i4', 1]],
  [['a', 'i4', 0]],
  [['a', 'i4', -1]],
  [['a', 'i4', [2, 3]]],
  [['a', ['i4', [2]], [3]]],
  [['a', ['i4', [2]], []]],
  [['a', '(2,)i4', [3]]],
  [['a', '2i4']],
  [['', '2i4']],
  [['a', []]],
  [
    ['', [['x', 'i4']]],
    ['a', 'i4'],
  ],
  [
    ['', '|V4'],
    ['a', 'i4'],
  ],
  [
    ['', '|V0'],
    ['a', 'i4'],
  ],
  [
    ['a', '|i1'],
    ['', '|V7'],
    ['b', '<f8'],
    ['c', '|i1'],
    ['', '|V7'],
  ],
  [['', '|V8']],
  [
    ['', 'i4'],
    ['f0', 'f4'],
  ],
  [
    ['', 'i4'],
    ['', 'f4'],
  ],
  [
    ['a', 'i4'],
    ['a', 'f4'],
  ],
  [[['a', 'a'], 'i4']],
  [
    ['a', 'i4'],
    [['a', 'b'], 'f4'],
  ],
  [
    [['t', 'x'], 'i4'],
    ['t', 'f4'],
  ],
  [
    [['t', 'a'], '<i4'],
    ['', 'V1'],
    [["it's", 'b"'], '<i4'],
  ],
  [[[null, 'b'], 'i4']],
  [
    [['t', ''], 'V4'],
    ['a', 'i4'],
  ],
  [[['', 'b'], 'i4']],
  [['a', 'i4,f4']],
  [['a', 'S', 5]],
  [['a', 'U', 5]],
  [['a', 'U', [5]]],
  [
    ['a', 'V0'],
    ['b', 'S0'],
    ['c', 'U0'],
    ['d', 'V3'],
    ['e', '?'],
    ['f', 'M8[ns]'],
    ['g', '>m8[25s]'],
    ['h', '>U2'],
  ],
  [
    [
      'n',
      [
        ['p', '<c16'],
        ['', 'V2'],
        ['q', '|S2'],
      ],
    ],
    ['z', '|u1'],
  ],
  [['a', 'xyz']],
  [
    ['a', 'V2147483647'],
    ['b', 'V1'],
  ],
  [['a', 'i4', [2 ** 29]]],
  [['a', 'i4', [0, 2 ** 40]]],
  [['a', 'i4', new Array<number>(64).fill(1)]],
  [['a', 'i4', new Array<number>(65).fill(1)]],
  [
    ['__proto__', 'i4'],
    ['constructor', 'i4'],
  ],
  [
    ['整形', 'i4'],
    ['\u200b', 'i4'],
    ['\n\\', 'i4'],
  ],
  ['i4', [2]],
  ['i4', 2],
  ['i4', []],
  [['i4', [2]], [3]],
  [[['a', 'i4']], [3]],
  ['S', 5],
]

describe.skipIf(!hasNumpy)('as the real NumPy', () => {
  it('takes and refuses the same strings', () => {
    const script = `${VERDICT_OF}
print(json.dumps([verdict(lambda: np.dtype(t)) for t in json.load(sys.stdin)]))`
    const expected: (Verdict | null)[] = JSON.parse(runPython(script, JSON.stringify(STRINGS)))
    const differing = STRINGS.flatMap((text, index) => {
      const wanted = expected[index] ?? null
      const got = verdictOf(text)
      return isDeepStrictEqual(got, wanted) ? [] : [{ text, got, wanted }]
    })
    expect(differing).toEqual([])
  })

  it('builds the same structures as descr_to_dtype', () => {
    const script = `${VERDICT_OF}
print(json.dumps([verdict(lambda: descr_to_dtype(eval(t))) for t in json.load(sys.stdin)]))`
    const expected: (Verdict | null)[] = JSON.parse(runPython(script, JSON.stringify(DESCRS.map(python))))
    const got = DESCRS.map(verdictOf)
    expect(got).toEqual(expected)
  })

  it('gives the same instants', () => {
    const units = ['Y', 'M', 'W', 'D', 'h', 'm', 's', '25s', 'ms', 'us', '7us', 'ns', 'ps', 'fs', 'as']
    const cases = units.flatMap((unit) => [-12345, -13, -1, 0, 1, 11, 12, 54321].map((value) => [unit, value] as const))
    const script = `
import sys, json, numpy as np
print(json.dumps([int(np.datetime64(v, u if u[0].isalpha() else (u.lstrip('0123456789'), int(u.rstrip('smu')))).astype('M8[ms]').astype('i8')) for u, v in json.load(sys.stdin)]))`
    const expected: number[] = JSON.parse(runPython(script, JSON.stringify(cases)))
    expect(cases.map(([unit, value]) => DType.of(`M8[${unit}]`).toDate(BigInt(value))?.getTime())).toEqual(expected)
  })
})

describe('DType.of', () => {
  it('types names precisely', () => {
    const dtype = DType.of('float32')
    expectTypeOf(dtype).toEqualTypeOf<DType<'float32'>>()
    expectTypeOf(DType.of('<f4')).toEqualTypeOf<DType>()
    expectTypeOf(DType.of(dtype)).toEqualTypeOf<DType<'float32'>>()
    const unknown: DType = DType.of('<i8')
    if (unknown.is('int64')) expectTypeOf(unknown.name).toEqualTypeOf<'int64'>()
    expect(unknown.is('int64')).toBe(true)
    expect(unknown.is('int32')).toBe(false)
  })

  it('shares the dtypes of common strings', () => {
    expect(DType.of('<f4')).toBe(DType.of('<f4'))
    expect(Object.isFrozen(DType.of('<f4'))).toBe(true)
  })

  it.each<[string, DTypeName, number, number, string]>([
    ['?', 'bool', 1, 1, '|'],
    ['<f2', 'float16', 2, 2, '<'],
    ['>c16', 'complex128', 16, 8, '>'],
    ['<f16', 'float128', 16, 16, '<'],
    ['>U3', 'str', 12, 4, '>'],
    ['S3', 'bytes', 3, 1, '|'],
    ['V3', 'void', 3, 1, '|'],
    ['i4,f8', 'void', 12, 1, '|'],
    ['<M8[ns]', 'datetime64', 8, 8, '<'],
  ])('knows the words of %s', (code, name, itemSize, wordSize, byteOrder) => {
    expect(DType.of(code)).toMatchObject({ name, itemSize, wordSize, byteOrder })
  })

  it.each(['O', '|O', 'O8', 'O4', 'object', 'object_', 'i8,O', '(2,)O', 'T'])('refuses %s: it is pickle', (code) => {
    expect(() => DType.of(code)).toThrow(UnsupportedError)
    expect(() =>
      DType.of([
        ['a', 'i4'],
        ['b', code],
      ]),
    ).toThrow(/pickle is never parsed/)
  })

  it.each(['M8[s/0]', 'M8[s/-2]', 'M8[W/11]', 'M8[W/604800]', 'V2147483647,V1'])(
    'refuses %s, which NumPy stumbles over',
    (code) => {
      expect(() => DType.of(code)).toThrow(TypeError)
    },
  )

  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 4],
    ['an object', { a: 'i4' }],
    ['a field without a type', [['a']]],
    ['a field with four parts', [['a', 'i4', [2], 3]]],
    ['a name that is no string', [[1, 'i4']]],
    ['a list of strings', ['a', 'b']],
    ['a shape with fractions', [['a', 'i4', [1.5]]]],
  ])('refuses %s', (_, spec) => {
    expect(() => DType.of(spec as DTypeLike)).toThrow(TypeError)
  })

  it('refuses a list that contains itself', () => {
    const endless: unknown[] = []
    endless.push(['a', endless])
    expect(() => DType.of(endless as unknown as Descr)).toThrow(/nested/)
  })

  it('keeps any field name apart from object properties', () => {
    const { fields } = DType.of([
      ['__proto__', 'i4'],
      ['constructor', 'f8'],
    ])
    expect([...(fields?.keys() ?? [])]).toEqual(['__proto__', 'constructor'])
    expect(fields?.get('constructor')?.byteOffset).toBe(4)
  })
})

const scalarCode = fc.oneof(
  fc.constantFrom(
    '|b1',
    '|i1',
    '<i2',
    '>i4',
    '<u8',
    '<f2',
    '>f8',
    '<f16',
    '<c8',
    '>c16',
    '<M8[25s]',
    '>m8',
    '|S0',
    '|V3',
  ),
  fc.nat(9).map((size) => `|S${size}`),
  fc.nat(9).map((size) => `<U${size}`),
)
const { descr: anyDescr } = fc.letrec<{ descr: Descr; structure: Descr }>((tie) => ({
  descr: fc.oneof({ maxDepth: 3 }, scalarCode, tie('structure')),
  structure: fc
    .uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 4 }), tie('descr')), {
      selector: ([name]) => name,
      maxLength: 4,
    })
    .map(
      (fields) =>
        fields.flatMap(([name, of], index) =>
          index % 2 === 0
            ? [[name, of]]
            : [
                ['', '|V3'],
                [name, of],
              ],
        ) as unknown as Descr,
    ),
}))

describe('descr', () => {
  it('makes the same dtype again', () => {
    fc.assert(
      fc.property(anyDescr, (descr) => {
        const dtype = DType.of(descr)
        const again = DType.of(dtype.descr)
        expect(again.equals(dtype)).toBe(true)
        expect(again.descr).toEqual(dtype.descr)
      }),
    )
  })
})

describe('withByteOrder', () => {
  it('turns every word and nothing else', () => {
    const dtype = DType.of([
      ['a', '<i4'],
      [
        'b',
        [
          ['c', '>f8'],
          ['d', 'S2'],
        ],
        [2],
      ],
      ['e', 'u1'],
    ])
    const swapped = dtype.withByteOrder('>')
    expect(String(swapped)).toBe("[('a', '>i4'), ('b', [('c', '>f8'), ('d', 'S2')], (2,)), ('e', 'u1')]")
    expect(swapped.isNative).toBe(false)
    expect(swapped.withByteOrder('<').isNative).toBe(true)
    expect(swapped.itemSize).toBe(dtype.itemSize)
    expect(DType.of('float32').withByteOrder('>').str).toBe('>f4')
    expect(DType.of('>M8[25s]').withByteOrder('<').str).toBe('<M8[25s]')
    expect(DType.of('int8').withByteOrder('>')).toBe(DType.of('int8'))
  })
})

describe('equals', () => {
  it.each<[DTypeLike, DTypeLike, boolean]>([
    ['<f4', 'float32', true],
    ['<f4', '>f4', false],
    ['<M8[s]', '<M8[ms]', false],
    [
      'i4,f4',
      [
        ['f0', '<i4'],
        ['f1', '<f4'],
      ],
      true,
    ],
    [
      'i4,f4',
      [
        ['f0', '<i4'],
        ['f2', '<f4'],
      ],
      false,
    ],
    [
      [['a', 'i4']],
      [
        ['a', 'i4'],
        ['', 'V4'],
      ],
      false,
    ],
    [[['a', 'i4']], [[['t', 'a'], 'i4']], false],
    ['V8', 'S8', false],
    ['2i4', '(2,)i4', true],
    ['2i4', '(2,1)i4', false],
  ])('%j and %j: %j', (left, right, equal) => {
    expect(DType.of(left).equals(DType.of(right))).toBe(equal)
  })
})

describe('toDate', () => {
  it('says what is no instant', () => {
    expect(DType.of('M8[ns]').toDate(-(2n ** 63n))).toBeNull()
    expect(() => DType.of('M8').toDate(0n)).toThrow(UnsupportedError)
    expect(() => DType.of('m8[s]').toDate(0n)).toThrow(TypeError)
    expect(() => DType.of('M8[s]').toDate(2n ** 62n)).toThrow(RangeError)
    expect(() => DType.of('M8[Y]').toDate(300_000n)).toThrow(RangeError)
    expect(() => DType.of('M8[Y]').toDate(2n ** 62n)).toThrow(RangeError)
    expect(DType.of('M8[ms]').toDate(8_640_000_000_000_000n)?.getTime()).toBe(8.64e15)
    expect(() => DType.of('M8[ms]').toDate(8_640_000_000_000_001n)).toThrow(RangeError)
  })
})
