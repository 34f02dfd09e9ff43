import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatPythonLiteral,
  PythonFloat,
  PythonLiteralError,
  PythonTuple,
  type PythonValue,
  parsePythonLiteral,
} from '../../src/format/python-literal.ts'
import { hasNumpy, runPython } from '../support/python.ts'

const tuple = (...items: PythonValue[]): PythonTuple => new PythonTuple(items)

describe('parsePythonLiteral', () => {
  it.each<[string, PythonValue]>([
    ["'a'", 'a'],
    ['"it\'s"', "it's"],
    ["u'a'", 'a'],
    ["U'a'", 'a'],
    ["r'\\n'", '\\n'],
    ["'a' 'b'\n\"c\"", 'abc'],
    ["'''a\n'b''\\''''", "a\n'b'''"],
    ["'\\n\\t\\\\\\'\\\"\\a\\b\\f\\r\\v'", '\n\t\\\'"\x07\b\f\r\v'],
    ["'\\x41\\u00e9\\U0001f600\\101\\0\\777'", 'A\u00e9\u{1f600}A\0\u01ff'],
    ["'\\q\\\na'", '\\qa'],
    ["'整形'", '整形'],
    ['0', 0],
    ['00', 0],
    ['-0', 0],
    ['- 5', -5],
    ['+5', 5],
    ['1_000', 1000],
    ['0x1F', 31],
    ['0b_101', 5],
    ['0o17', 15],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740993', -9007199254740993n],
    ['0x20000000000001', 2n ** 53n + 1n],
    ['2.0', new PythonFloat(2)],
    ['.5', new PythonFloat(0.5)],
    ['5.', new PythonFloat(5)],
    ['-1_0e-3', new PythonFloat(-0.01)],
    ['01.5', new PythonFloat(1.5)],
    ['True', true],
    ['False', false],
    ['None', null],
    ['()', tuple()],
    ['(1)', 1],
    ['(1,)', tuple(1)],
    ['( 1 , 2 , )', tuple(1, 2)],
    ['[]', []],
    ['[1, [2], (3,)]', [1, [2], tuple(3)]],
    [' \t{ # one\n"a" : 1, # two\n\f\r\n}\n# end', new Map([['a', 1]])],
    ['{}', new Map()],
    ["{'a': 1, 'a': 2}", new Map([['a', 2]])],
    ["{'__proto__': 1}", new Map([['__proto__', 1]])],
    ['(1,\\\n2)', tuple(1, 2)],
  ])('reads %j', (text, expected) => {
    expect(parsePythonLiteral(text)).toEqual(expected)
  })

  it.each([
    '',
    ' ',
    '(',
    '(1',
    '(,)',
    '(1,,)',
    '(1 2)',
    '[1;]',
    '{1}',
    '{1:}',
    '{1:2 3:4}',
    '{,}',
    '{[1]: 2}',
    '{{}: 2}',
    "'a",
    "'a\nb'",
    "'''a''",
    "'\\",
    "'\\x4'",
    "'\\u12g4'",
    "'\\U00110000'",
    "'\\N{BULLET}'",
    "b'a'",
    "f'a'",
    "ur'a'",
    '1 2',
    '1+1',
    '--1',
    '-True',
    "-'a'",
    '01',
    '1__0',
    '1_',
    '_1',
    '0x',
    '0b2',
    '1.2.3',
    '1e',
    '.',
    '1j',
    'true',
    'null',
    'np.int64(2)',
    'set()',
    '{1, 2}',
    '...',
    '2L',
    "{'a': 1}\0",
    "'a\0b'",
    '{} {}',
    '{}\\\n',
    '\u00a01',
    '9'.repeat(4301),
  ])('refuses %j', (text) => {
    expect(() => parsePythonLiteral(text)).toThrow(PythonLiteralError)
  })

  it('says where', () => {
    try {
      parsePythonLiteral("{'a': tru}")
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ index: 6, found: "the name 'tru'" })
    }
  })

  it('takes the L of Python 2 only when asked', () => {
    const options = { allowLongSuffix: true }
    expect(parsePythonLiteral('(2L, 3L,0x4L, 99999999999999999999L)', options)).toEqual(tuple(2, 3, 4, 10n ** 20n - 1n))
    expect(parsePythonLiteral('(2 L)', options)).toBe(2)
    for (const text of ['2l', '2LL', '2Lx', 'L', "'a'L"]) {
      expect(() => parsePythonLiteral(text, options), text).toThrow(PythonLiteralError)
    }
  })

  it('nests as deep as CPython and never overflows', () => {
    const nested = (depth: number): string => `${'('.repeat(depth)}1,${')'.repeat(depth)}`
    expect(() => parsePythonLiteral(nested(200))).not.toThrow()
    expect(() => parsePythonLiteral(nested(201))).toThrow(PythonLiteralError)
    expect(() => parsePythonLiteral('['.repeat(1_000_000))).toThrow(PythonLiteralError)
    expect(() => parsePythonLiteral('{1:'.repeat(100_000))).toThrow(PythonLiteralError)
    expect(() => parsePythonLiteral('-'.repeat(1_000_000))).toThrow(PythonLiteralError)
  })

  it('never throws anything else', () => {
    const token = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      "'",
      '"',
      '\\',
      '-',
      '.',
      '_',
      '1',
      '0x',
      'L',
      'True',
      'u',
      ' ',
      '\n',
      '#',
      '\0',
      'é',
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 30 }), (tokens) => {
        try {
          parsePythonLiteral(tokens.join(''), { allowLongSuffix: true })
        } catch (error) {
          expect(error).toBeInstanceOf(PythonLiteralError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom("'", '"', '\\', '\n', '\0', 'é', '\u200b', '😀', '\ud800', 'a') }),
  fc.maxSafeInteger(),
  fc.bigInt().filter((value) => !Number.isSafeInteger(Number(value))),
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => new PythonFloat(value)),
)
const { value: anyValue } = fc.letrec<{ value: PythonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new PythonTuple(items)),
    fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}))

describe('formatPythonLiteral', () => {
  it('is read back as the same value', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(parsePythonLiteral(formatPythonLiteral(value))).toEqual(value)
      }),
    )
  })

  it.each<[PythonValue, string]>([
    ["it's", '"it\'s"'],
    ['both\'"', "'both\\'\"'"],
    ['é整\u00ad\u0301', "'é整\\xad\u0301'"],
    ['\u2028\u{e0001}\ud800', "'\\u2028\\U000e0001\\ud800'"],
    [tuple(3), '(3,)'],
    [tuple(), '()'],
    [[tuple(1, true), null], '[(1, True), None]'],
    [new Map([['a', false]]), "{'a': False}"],
  ])('writes %j as %s', (value, expected) => {
    expect(formatPythonLiteral(value)).toBe(expected)
  })

  it.skipIf(!hasNumpy)('is the repr of Python', () => {
    const floats = fc.sample(fc.double({ noNaN: true }), { numRuns: 500, seed: 1 })
    floats.push(0, -0, 1e16, 1e15, 123456789012345680, 1e-4, 1e-5, 0.1, 5e-324, 1.7976931348623157e308, 100)
    // Latin, Greek and Cyrillic, controls and blanks: long assigned, so every Unicode version agrees on them.
    const characters = Array.from({ length: 0x500 }, (_, index) => index).filter(
      (code) => !(code >= 0x378 && code <= 0x3a2),
    )
    const strings = [
      ...characters.map((code) => String.fromCodePoint(code)),
      "'",
      '"',
      '\'"',
      'a\\b\n',
      '\u2028',
      '😀',
      '整',
      '\ufeff',
    ]
    const script = `
import sys, json, struct
data = json.load(sys.stdin)
print(json.dumps([[repr(struct.unpack('<d', bytes.fromhex(h))[0]) for h in data['floats']], [repr(s) for s in data['strings']]]))`
    const hex = floats.map((value) => Buffer.from(Float64Array.of(value).buffer).toString('hex'))
    const [floatTexts, stringTexts]: [string[], string[]] = JSON.parse(
      runPython(script, JSON.stringify({ floats: hex, strings })),
    )
    expect(floats.map((value) => formatPythonLiteral(new PythonFloat(value)))).toEqual(floatTexts)
    expect(strings.map((text) => formatPythonLiteral(text))).toEqual(stringTexts)
  })
})
