import { describe, expect, it } from 'vitest'
import { decodeCp437 } from '../../src/format/cp437.ts'
import { hasNumpy, runPython } from '../support/python.ts'

const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)

describe('decodeCp437', () => {
  it('is ASCII below 0x80, control characters included', () => {
    const ascii = allBytes.subarray(0, 0x80)
    expect(decodeCp437(ascii)).toBe(String.fromCharCode(...ascii))
  })

  it.each([
    [0x80, 'Ç'],
    [0x82, 'é'],
    [0x9b, '¢'],
    [0xb0, '░'],
    [0xe1, 'ß'],
    [0xe3, 'π'],
    [0xfe, '■'],
    [0xff, '\u00a0'],
  ])('byte %i is %s', (byte, character) => {
    expect(decodeCp437(Uint8Array.of(byte))).toBe(character)
  })

  it('has 256 characters that differ', () => {
    expect(new Set(decodeCp437(allBytes)).size).toBe(256)
    expect(decodeCp437(new Uint8Array(0))).toBe('')
  })

  it.skipIf(!hasNumpy)("is Python's cp437", () => {
    const python = runPython('import json; print(json.dumps(bytes(range(256)).decode("cp437")))')
    expect(decodeCp437(allBytes)).toBe(JSON.parse(python))
  })
})
