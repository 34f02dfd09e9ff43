import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/format/crc32.ts'
import { combineCrc32 } from '../../src/format/crc32-combine.ts'

const anyBytes = (): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: 5000 })
const anyCrc = (): fc.Arbitrary<number> => fc.integer({ min: 0, max: 0xffffffff })
const anyLength = (): fc.Arbitrary<number> => fc.maxSafeNat()

describe('crc32', () => {
  it('is that of zlib', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
    fc.assert(fc.property(anyBytes(), (bytes) => crc32(bytes) === zlibCrc32(bytes)))
  })
})

describe('combineCrc32', () => {
  it('is the CRC-32 of both pieces, one after the other', () => {
    fc.assert(
      fc.property(anyBytes(), anyBytes(), (a, b) => {
        expect(combineCrc32(zlibCrc32(a), zlibCrc32(b), b.length)).toBe(zlibCrc32(Buffer.concat([a, b])))
      }),
    )
  })

  it('combines the blocks of a long piece in order', () => {
    const bytes = Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 7919) % 251)
    let crc = 0
    for (let at = 0; at < bytes.length; at += 262_144) {
      const block = bytes.subarray(at, at + 262_144)
      crc = combineCrc32(crc, zlibCrc32(block), block.length)
    }
    expect(crc).toBe(zlibCrc32(bytes))
  })

  it('leaves the first as it is before nothing', () => {
    fc.assert(fc.property(anyCrc(), (crc) => combineCrc32(crc, 0, 0) === crc))
  })

  it('does not care where pieces are cut, up to 2^53 bytes', () => {
    fc.assert(
      fc.property(anyCrc(), anyCrc(), anyCrc(), anyLength(), anyLength(), (a, b, c, lengthB, lengthC) => {
        fc.pre(Number.isSafeInteger(lengthB + lengthC))
        const left = combineCrc32(combineCrc32(a, b, lengthB), c, lengthC)
        expect(combineCrc32(a, combineCrc32(b, c, lengthC), lengthB + lengthC)).toBe(left)
      }),
    )
  })

  it('knows 8 GiB of zeros, by doubling', () => {
    let crc = zlibCrc32(new Uint8Array(1024))
    let length = 1024
    for (; length < 2 ** 33; length *= 2) crc = combineCrc32(crc, crc, length)
    const thirds = zlibCrc32(new Uint8Array(3 * 2 ** 20))
    const rest = combineCrc32(crc, thirds, 3 * 2 ** 20)
    expect(combineCrc32(thirds, crc, length)).toBe(rest)
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses a length of %s', (length) => {
    expect(() => combineCrc32(1, 2, length)).toThrow(RangeError)
  })
})
