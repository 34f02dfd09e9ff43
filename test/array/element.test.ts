// One element of every kind: what is refused, and float16 and longdouble against NumPy bit by bit.

import { describe, expect, it } from 'vitest'
import { elementCodec } from '../../src/array/element.ts'
import { DType, type DTypeLike } from '../../src/index.ts'
import { inMemory } from '../support/arrays.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { bytesOf, seededRandom } from '../support/sources.ts'

function roundTrip(spec: DTypeLike, value: unknown): unknown {
  const dtype = DType.of(spec)
  const view = new DataView(new ArrayBuffer(dtype.itemSize + 3))
  elementCodec(dtype).encode(view, 3, value)
  return elementCodec(dtype).decode(view, 3)
}

describe('integers', () => {
  it.each([
    ['i1', -128, 127],
    ['u1', 0, 255],
    ['<i2', -32768, 32767],
    ['>u2', 0, 65535],
    ['>i4', -2147483648, 2147483647],
    ['<u4', 0, 4294967295],
  ])('%s holds %d to %d and nothing else', (code, low, high) => {
    for (const value of [low, high, 0, 1]) expect(roundTrip(code, value)).toBe(value)
    expect(roundTrip(code, BigInt(high))).toBe(high)
    for (const value of [low - 1, high + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, BigInt(high) + 1n, 2n ** 80n]) {
      expect(() => roundTrip(code, value)).toThrow(RangeError)
    }
    for (const value of ['1', true, null, undefined, {}, [1]]) expect(() => roundTrip(code, value)).toThrow(TypeError)
  })

  it.each([
    ['<i8', -(2n ** 63n), 2n ** 63n - 1n],
    ['>u8', 0n, 2n ** 64n - 1n],
    ['<M8[s]', -(2n ** 63n), 2n ** 63n - 1n],
    ['>m8', -(2n ** 63n), 2n ** 63n - 1n],
  ])('%s holds %d to %d and nothing else', (code, low, high) => {
    for (const value of [low, high, 0n]) expect(roundTrip(code, value)).toBe(value)
    expect(roundTrip(code, 2 ** 53 - 1)).toBe(2n ** 53n - 1n)
    for (const value of [low - 1n, high + 1n, 2 ** 53, 0.5, Number.NaN])
      expect(() => roundTrip(code, value)).toThrow(RangeError)
    for (const value of ['1', true, null, new Date()]) expect(() => roundTrip(code, value)).toThrow(TypeError)
  })

  it('the message names dtype, expected and found', () => {
    expect(() => roundTrip('i1', 128)).toThrow('int8: expected an integer from -128 to 127, got 128')
    expect(() => roundTrip('<f4', '1')).toThrow('float32: expected a number, got a string')
  })
})

describe('other kinds', () => {
  it('bool takes booleans only, and reads any byte', () => {
    expect([roundTrip('?', true), roundTrip('?', false)]).toEqual([true, false])
    for (const value of [1, 0, 'true', null]) expect(() => roundTrip('?', value)).toThrow(TypeError)
    expect(inMemory('?', [3], Uint8Array.of(0, 1, 255)).toArray()).toEqual([false, true, true])
  })

  it.each(['<c8', '>c16', '<c32'])('%s takes numbers and { re, im }', (code) => {
    expect(roundTrip(code, { re: 1.5, im: -2 })).toEqual({ re: 1.5, im: -2 })
    expect(roundTrip(code, 3)).toEqual({ re: 3, im: 0 })
    for (const value of [{ re: 1 }, { im: 1 }, {}, null, undefined, '1', [1, 2], 1n])
      expect(() => roundTrip(code, value)).toThrow(TypeError)
  })

  it('bytes are latin-1, cut of NULs at the end', () => {
    expect(roundTrip('S4', 'a\u00ff')).toBe('a\u00ff')
    expect(roundTrip('S4', 'a\0b')).toBe('a\0b')
    expect(roundTrip('S4', 'ab\0\0')).toBe('ab')
    expect(roundTrip('S0', '')).toBe('')
    expect(() => roundTrip('S4', 'abcde')).toThrow(RangeError)
    expect(() => roundTrip('S4', '\u0100')).toThrow(RangeError)
    expect(() => roundTrip('S4', 1)).toThrow(TypeError)
    expect(() => roundTrip('S4', Uint8Array.of(1))).toThrow(TypeError)
  })

  it.each(['<U3', '>U3'])('%s counts code points', (code) => {
    for (const text of ['', 'abc', '\u6574\u5f62', '\u{1f600}\u{10ffff}x', '\ud800'])
      expect(roundTrip(code, text)).toBe(text)
    expect(() => roundTrip(code, '\u{1f600}\u{1f600}\u{1f600}\u{1f600}')).toThrow(RangeError)
    expect(() => roundTrip(code, null)).toThrow(TypeError)
  })

  it('what is no code point reads as U+FFFD', () => {
    const units = new Uint8Array(Uint32Array.of(0x41, 0x110000, 0xffffffff).buffer)
    expect(inMemory('<U3', [1], units).get(0)).toBe('A\ufffd\ufffd')
  })

  it('void takes exactly its bytes, and gives a copy', () => {
    expect(roundTrip('V3', Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2, 3))
    expect(roundTrip('V0', new Uint8Array(0))).toEqual(new Uint8Array(0))
    for (const length of [2, 4]) expect(() => roundTrip('V3', new Uint8Array(length))).toThrow(RangeError)
    for (const value of [[1, 2, 3], 'abc', 5, new Int8Array(3)]) expect(() => roundTrip('V3', value)).toThrow(TypeError)
    const bytes = Uint8Array.of(1, 2, 3)
    const array = inMemory('V3', [1], bytes)
    ;(array.get(0) as Uint8Array).fill(9)
    expect(bytes).toEqual(Uint8Array.of(1, 2, 3))
    array.assign(Uint8Array.of(4, 5, 6))
    expect(bytes).toEqual(Uint8Array.of(4, 5, 6))
  })

  it('structures take all their fields and no other', () => {
    const descr = [
      ['a', '<i2'],
      ['m', '<u2', [2, 2]],
      ['s', [['t', 'S2']]],
    ] as const
    const value = {
      a: -1,
      m: [
        [1, 2],
        [3, 4],
      ],
      s: { t: 'x' },
    }
    expect(roundTrip(descr, value)).toEqual(value)
    const bad = [
      { a: 1, m: value.m },
      { ...value, b: 1 },
      { ...value, a: '1' },
      { ...value, s: null },
      { ...value, s: { t: 'x', u: 1 } },
      { ...value, m: 5 },
      Object.create(value),
      null,
      [],
      5,
    ]
    for (const other of bad) expect(() => roundTrip(descr, other)).toThrow(TypeError)
    for (const m of [
      [[1, 2]],
      [[1, 2], [3]],
      [
        [1, 2],
        [3, 65536],
      ],
    ])
      expect(() => roundTrip(descr, { ...value, m })).toThrow(RangeError)
  })
})

const doubles: number[] = [
  0,
  -0,
  1,
  -1,
  0.1,
  1 / 3,
  65504,
  65519.99,
  65520,
  65536,
  1e5,
  2 ** -24,
  2 ** -25,
  2 ** -25 * 1.0000001,
]
doubles.push(
  2 ** -14,
  2 ** -14 * (1 - 2 ** -11),
  2 ** -14 * (1 - 2 ** -12),
  5e-324,
  2 ** -1022,
  2 ** -1000,
  2 ** -1074 * 3,
)
doubles.push(Number.MAX_VALUE, 2049, 2051, 4098.0000001, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -40)
doubles.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)

describe.skipIf(!hasNumpy)('against NumPy', () => {
  const random = seededRandom(7)
  const words = BigUint64Array.from(
    { length: 4000 },
    () => (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32)),
  )
  const scattered = [...new Float64Array(words.buffer)].filter((value) => !Number.isNaN(value))
  const halves = Array.from({ length: 20_000 }, () => (random() - 0.5) * 2 ** (Math.floor(random() * 44) - 26))
  const values = Float64Array.from([...doubles, ...doubles.map((value) => -value), ...scattered, ...halves])

  function numpy(script: string, input: ArrayBufferView): Buffer {
    const head =
      'import sys, base64\nimport numpy as np\nnp.seterr(all="ignore")\ndata = base64.b64decode(sys.stdin.read())\n'
    const tail = '\nprint(base64.b64encode(out.tobytes()).decode())'
    return Buffer.from(runPython(head + script + tail, bytesOf(input).toString('base64')), 'base64')
  }

  it.each(['<', '>'])('%sf2: every half is read as NumPy reads it', (order) => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const expected = new Float64Array(
      new Uint8Array(numpy(`out = np.frombuffer(data, '${order}f2').astype('f8')`, bits)).buffer,
    )
    const array = inMemory(`${order}f2`, [65536], new Uint8Array(bits.buffer))
    const wrong = (array.toArray() as number[]).filter((value, i) => !Object.is(value, expected[i]))
    expect(wrong).toEqual([])
  })

  it.each(['<', '>'])('%sf2: numbers are rounded as NumPy rounds them', (order) => {
    const expected = numpy(`out = np.frombuffer(data, 'f8').astype('${order}f2')`, values)
    const array = inMemory(`${order}f2`, [values.length])
    array.assign([...values])
    const got = bytesOf(array.toBytes())
    const wrong = [...values].filter((_, i) => got.readUInt16LE(2 * i) !== expected.readUInt16LE(2 * i))
    expect(wrong).toEqual([])
  })

  it.each(['<', '>'])('%sf16: numbers are written exactly', (order) => {
    const expected = numpy(`out = np.zeros(len(data) // 8, '${order}f16'); out[:] = np.frombuffer(data, 'f8')`, values)
    const array = inMemory(`${order}f16`, [values.length])
    array.assign([...values])
    const got = bytesOf(array.toBytes())
    // NumPy leaves anything in the six bytes beside the ten.
    const ten = (bytes: Buffer, i: number): string =>
      bytes.toString('hex', 16 * i + (order === '<' ? 0 : 6), 16 * i + (order === '<' ? 10 : 16))
    expect([...values].filter((_, i) => ten(got, i) !== ten(expected, i))).toEqual([])
    expect((array.toArray() as number[]).filter((value, i) => !Object.is(value, values[i]))).toEqual([])
  })

  it.each(['<', '>'])('%sf16: long doubles are read as the nearest number', (order) => {
    // Random significands over all exponents, those of subnormal doubles and of overflow among them.
    const script = `
rng = np.random.default_rng(11)
n = 20000
raw = np.zeros((n, 16), 'u1')
raw[:, :8] = rng.integers(0, 256, (n, 8)); raw[:, 7] |= 128
exponent = np.concatenate([rng.integers(16383 - 1080, 16383 + 1030, n // 2), rng.integers(16383 - 1078, 16383 - 1018, n // 4), rng.integers(16383 + 1020, 16383 + 1026, n - n // 2 - n // 4)])
exponent |= rng.integers(0, 2, n) << 15
raw[:, 8] = exponent & 255; raw[:, 9] = exponent >> 8
# ties and their neighbours
raw[::5, :2] = [0, 4]; raw[1::5, :2] = [1, 4]; raw[2::5, :2] = [255, 3]; raw[3::10, :5] = 0
long = raw.reshape(-1).view('<f16')
out = np.concatenate([(long if '${order}' == '<' else long.byteswap()).view('u1'), long.astype('f8').view('u1')])`
    const both = numpy(script, new Uint8Array(0))
    const count = both.length / 24
    const array = inMemory(`${order}f16`, [count], new Uint8Array(both.subarray(0, 16 * count)))
    const wrong: unknown[] = []
    for (const [i, value] of (array.toArray() as number[]).entries()) {
      const expected = both.readDoubleLE(16 * count + 8 * i)
      if (!Object.is(value, expected)) wrong.push([both.toString('hex', 16 * i, 16 * i + 16), value, expected])
    }
    expect({ count: wrong.length, first: wrong.slice(0, 3) }).toEqual({ count: 0, first: [] })
  })
})
