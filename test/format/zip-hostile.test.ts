// Archives with bytes changed, cut and added: they parse, or fail with an error of the library.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NpymapError } from '../../src/errors.ts'
import { parseLocalHeader } from '../../src/format/zip-records.ts'
import { formatZipEnd } from '../../src/format/zip-write-records.ts'
import { archive, changed, directoryOf, manifest, sparseArchive } from './zip/archives.ts'

describe('any bytes', () => {
  const archives = Object.keys(manifest).map(archive)
  const inputs = fc.constantFrom(...archives)

  /** Parses, local headers included, or throws an error of the library. */
  function survives(bytes: Uint8Array): void {
    try {
      for (const entry of directoryOf(bytes).entries) {
        expect(entry.localHeaderByteOffset).toBeLessThan(bytes.length)
        expect(entry.centralHeader.length).toBeGreaterThanOrEqual(46 + entry.nameBytes.length)
        try {
          const header = parseLocalHeader(bytes.subarray(entry.localHeaderByteOffset), entry, { path: null })
          const end = entry.localHeaderByteOffset + header.byteLength + entry.compressedByteLength
          expect(end).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(NpymapError)
        }
      }
    } catch (error) {
      expect(error).toBeInstanceOf(NpymapError)
    }
  }

  it('cut anywhere never parse as a whole archive', () => {
    for (const name of ['plain', 'utf8-names', 'to-a-pipe', 'as-numpy-saves']) {
      const bytes = archive(name)
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => directoryOf(bytes.subarray(0, length))).toThrow(NpymapError)
      }
    }
  })

  it('changed in one byte parse or fail by name', () => {
    for (const bytes of archives) {
      if (bytes.length > 2000) continue
      for (let at = 0; at < bytes.length; at += 1) {
        for (const bits of [0xff, 1]) {
          survives(changed(bytes, (view) => view.setUint8(at, view.getUint8(at) ^ bits)))
        }
      }
    }
  })

  it('changed, cut, joined and shifted in many places parse or fail by name', () => {
    const edit = fc.tuple(fc.nat(1700), fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.integer({ min: 1, max: 8 }))
    fc.assert(
      fc.property(
        inputs,
        fc.array(edit, { maxLength: 8 }),
        fc.nat(40),
        fc.uint8Array({ maxLength: 40 }),
        (...given) => {
          const [bytes, edits, cut, tail] = given
          const copy = new Uint8Array(
            Buffer.concat([bytes.subarray(0, bytes.length - Math.min(cut, bytes.length)), tail]),
          )
          for (const [at, value, length] of edits) {
            // Most of what matters stands at the end.
            const start = Math.max(0, copy.length - at)
            copy.fill(value, start, start + length)
          }
          survives(copy)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('of zip64 ends changed in many places parse or fail by name', () => {
    const member = { name: 'a', method: 8 as const, compressedByteLength: 9, uncompressedByteLength: 5e9 }
    const sparse = sparseArchive([member, { ...member, name: 'b' }], () => 20)
    const start = sparse.runs.at(-2)?.byteOffset as number
    const whole = Buffer.concat([sparse.read(0, sparse.byteLength), new Uint8Array(0)])
    const end = formatZipEnd(start, whole.length - 22 - start, 70_000)
    const forced = new Uint8Array(Buffer.concat([whole.subarray(0, -22), end]))
    new DataView(forced.buffer).setUint16(forced.length - 98 + 24, 2, true)
    const view = new DataView(forced.buffer)
    for (const at of [24, 32]) view.setBigUint64(forced.length - 98 + at, 2n, true)
    expect(directoryOf(forced).entries).toHaveLength(2)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(250), fc.nat(255)), { minLength: 1, maxLength: 4 }), (edits) => {
        const copy = forced.slice()
        for (const [at, value] of edits) copy[copy.length - 1 - at] = value
        survives(copy)
      }),
      { numRuns: 2000 },
    )
  })
})
