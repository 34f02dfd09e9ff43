import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseLocalHeader, type ZipEntry } from '../../src/format/zip-records.ts'
import {
  encodeZipName,
  formatCentralHeader,
  formatLocalHeader,
  formatZipEnd,
  paddedExtraByteLength,
  ZIP64_LOCAL_EXTRA_BYTE_LENGTH,
  type ZipMemberRecord,
} from '../../src/format/zip-write-records.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { directoryOf, type SparseArchive, sparseArchive } from './zip/archives.ts'

const record = (fields: Partial<ZipMemberRecord> = {}): ZipMemberRecord => ({
  name: 'x.npy',
  method: 0,
  crc32: 0xdeadbeef,
  compressedByteLength: 10,
  uncompressedByteLength: 10,
  localHeaderByteOffset: 0,
  ...fields,
})

/** An archive of whole members, the data of each on a multiple of `alignment`. */
function archiveOf(
  members: readonly { name: string; method: 0 | 8; data: Uint8Array }[],
  alignment: number,
): Uint8Array {
  const parts: Uint8Array[] = []
  const central: Uint8Array[] = []
  let at = 0
  for (const { name, method, data } of members) {
    const stored = method === 0 ? data : deflateRawSync(data)
    const member = record({
      name,
      method,
      crc32: crc32(data),
      compressedByteLength: stored.length,
      uncompressedByteLength: data.length,
      localHeaderByteOffset: at,
    })
    const extra = paddedExtraByteLength(at, encodeZipName(name).length, alignment, 0, 0)
    const header = formatLocalHeader(member, extra)
    expect((at + header.length) % alignment).toBe(0)
    parts.push(header, stored)
    central.push(formatCentralHeader(member))
    at += header.length + stored.length
  }
  const directory = Buffer.concat(central)
  const comment = new TextEncoder().encode('a comment')
  const end = formatZipEnd(at, directory.length, members.length, comment)
  return new Uint8Array(Buffer.concat([...parts, directory, end]))
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('formatLocalHeader', () => {
  it('is 1980, unmarked, and without an extra field unless asked', () => {
    expect(hex(formatLocalHeader(record(), 0))).toBe(
      '504b0304140000000000000021' + '00efbeadde0a0000000a00000005000000782e6e7079',
    )
  })

  it('marks names as UTF-8 only when they are not ASCII', () => {
    expect(new DataView(formatLocalHeader(record({ name: 'größe' }), 0).buffer).getUint16(6, true)).toBe(0x800)
    expect(new DataView(formatCentralHeader(record({ name: '重み' })).buffer).getUint16(8, true)).toBe(0x800)
    expect(new DataView(formatCentralHeader(record({ name: '\x01~' })).buffer).getUint16(8, true)).toBe(0)
  })

  it('fills the extra field with zip64 and padding', () => {
    const small = formatLocalHeader(record(), 9)
    expect(hex(small.subarray(35))).toBe('1ea1' + '0500' + '0400' + '000000')
    const large = formatLocalHeader(record({ uncompressedByteLength: 0xffff_ffff }), 26)
    expect(hex(large.subarray(35))).toBe('01001000ffffffff000000000a00000000000000' + '1ea1' + '0200' + '0100')
    expect(hex(large.subarray(18, 26))).toBe('ffffffffffffffff')
    const view = new DataView(large.buffer)
    expect(view.getUint16(4, true)).toBe(45)
  })

  it.each([
    [1, 10],
    [5, 10],
    [-1, 10],
    [65_536, 10],
    [6.5, 10],
    [0, 5e9],
    [19, 5e9],
    [25, 5e9],
  ])('refuses an extra field of %i bytes for %i bytes of data', (extra, byteLength) => {
    const member = record({ compressedByteLength: byteLength, uncompressedByteLength: byteLength })
    expect(() => formatLocalHeader(member, extra)).toThrow(RangeError)
  })

  it('refuses names and values that a zip does not hold', () => {
    expect(() => formatLocalHeader(record({ name: 'a\0b' }), 0)).toThrow(RangeError)
    expect(() => formatLocalHeader(record({ name: '\ud800' }), 0)).toThrow(RangeError)
    expect(() => formatLocalHeader(record({ name: 'ö'.repeat(32_768) }), 0)).toThrow(RangeError)
    expect(formatLocalHeader(record({ name: 'x'.repeat(65_535) }), 0).length).toBe(30 + 65_535)
    expect(() => formatCentralHeader(record({ compressedByteLength: -1 }))).toThrow(RangeError)
    expect(() => formatCentralHeader(record({ localHeaderByteOffset: 2 ** 53 }))).toThrow(RangeError)
    expect(() => formatZipEnd(0, Number.NaN, 0)).toThrow(RangeError)
    expect(() => formatZipEnd(0, 0, 0, new Uint8Array(65_536))).toThrow(RangeError)
  })
})

describe('formatCentralHeader', () => {
  it('says the version of the local header, and in zip64 only what is too large', () => {
    const sizes = [0, 0xffff_fffe, 0xffff_ffff, 2 ** 40]
    for (const compressedByteLength of sizes) {
      for (const uncompressedByteLength of sizes) {
        for (const localHeaderByteOffset of sizes) {
          const values = [uncompressedByteLength, compressedByteLength, localHeaderByteOffset]
          const member = record({ compressedByteLength, uncompressedByteLength, localHeaderByteOffset })
          const large = values.filter((value) => value >= 0xffff_ffff)
          const central = formatCentralHeader(member)
          const extra = compressedByteLength >= 0xffff_ffff || uncompressedByteLength >= 0xffff_ffff ? 20 : 0
          const [view, local] = [central, formatLocalHeader(member, extra)].map((bytes) => new DataView(bytes.buffer))
          expect(central.length).toBe(46 + 5 + (large.length === 0 ? 0 : 4 + 8 * large.length))
          expect(view?.getUint16(6, true)).toBe(large.length === 0 ? 20 : 45)
          expect(local?.getUint16(4, true)).toBe(large.length === 0 ? 20 : 45)
          const found = large.map((_, index) => Number(view?.getBigUint64(51 + 4 + 8 * index, true)))
          expect(found).toEqual(large)
        }
      }
    }
  })
})

describe('paddedExtraByteLength', () => {
  const anyName = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((name) => !name.includes('\0'))

  it('puts what follows on the alignment, in a field that can be filled', () => {
    const alignments = fc.oneof(fc.constantFrom(1, 2, 8, 64, 4096, 16_384), fc.integer({ min: 1, max: 20_000 }))
    const after = fc.constantFrom(0, 64, 128, 129)
    fc.assert(
      fc.property(fc.nat(2 ** 40), anyName, alignments, after, fc.boolean(), (start, name, alignment, behind, room) => {
        const minimum = room ? ZIP64_LOCAL_EXTRA_BYTE_LENGTH : 0
        const nameByteLength = encodeZipName(name).length
        const extra = paddedExtraByteLength(start, nameByteLength, alignment, behind, minimum)
        expect(extra).toBeGreaterThanOrEqual(minimum)
        expect(extra).toBeLessThan(minimum + alignment + 6 + alignment)
        for (const size of room ? [10, 5e9] : [10]) {
          const sizes = { compressedByteLength: size, uncompressedByteLength: size }
          const member = record({ name, localHeaderByteOffset: start, ...sizes })
          const header = formatLocalHeader(member, extra)
          expect((start + header.length + behind) % alignment).toBe(0)
          // What the padding states is true of the data.
          const entry = { ...member, flags: 0, nameBytes: encodeZipName(name) } as unknown as ZipEntry
          const { extra: field } = parseLocalHeader(header, entry, { path: null })
          const at = size === 10 ? 0 : 20
          if (field.length > at) {
            const view = new DataView(field.buffer, field.byteOffset + at, field.length - at)
            expect(view.getUint16(0, true)).toBe(0xa11e)
            expect(view.getUint16(2, true)).toBe(field.length - at - 4)
            expect((start + header.length) % view.getUint16(4, true)).toBe(0)
          }
        }
      }),
    )
  })

  it.each([0, -1, 1.5, 100_000])('refuses an alignment of %i', (alignment) => {
    expect(() => paddedExtraByteLength(7, 5, alignment, 0, 0)).toThrow(RangeError)
  })
})

const members = [
  { name: 'x.npy', method: 0 as const, data: new Uint8Array(1000).fill(7) },
  { name: 'größe/重み 🙂.npy', method: 8 as const, data: new Uint8Array(5000).fill(1) },
  { name: '', method: 0 as const, data: new Uint8Array(0) },
  { name: '../a', method: 8 as const, data: new Uint8Array(1) },
  { name: 'x.npy', method: 0 as const, data: new Uint8Array(3) },
]

describe('archives of these records', () => {
  it('read as they were written', () => {
    for (const alignment of [1, 64, 4096]) {
      const bytes = archiveOf(members, alignment)
      const { entries, comment, endByteOffset } = directoryOf(bytes)
      expect(entries.map(({ name, method, uncompressedByteLength: size }) => [name, method, size])).toEqual(
        members.map(({ name, method, data }) => [name, method, data.length]),
      )
      expect(new TextDecoder().decode(comment)).toBe('a comment')
      expect(endByteOffset).toBe(bytes.length)
      for (const entry of entries) {
        expect(entry).toMatchObject({
          externalAttributes: 0o600 * 2 ** 16,
          versionNeeded: 20,
          centralExtraByteLength: 0,
        })
        const local = parseLocalHeader(bytes.subarray(entry.localHeaderByteOffset), entry, { path: null })
        expect((entry.localHeaderByteOffset + local.byteLength) % alignment).toBe(0)
      }
    }
  })

  it('of nothing are 22 bytes', () => {
    const empty = formatZipEnd(0, 0, 0)
    expect(empty.length).toBe(22)
    expect(directoryOf(empty)).toMatchObject({ entries: [], endByteOffset: 22 })
  })

  it('take zip64 from 65 535 entries, and from 4 GiB - 1', () => {
    expect(formatZipEnd(0, 0, 65_534).length).toBe(22)
    expect(formatZipEnd(0, 0, 65_535).length).toBe(98)
    expect(formatZipEnd(0xffff_fffe, 0xffff_fffe, 1).length).toBe(22)
    expect(formatZipEnd(0xffff_ffff, 5, 1).length).toBe(98)
    expect(formatZipEnd(5, 0xffff_ffff, 1).length).toBe(98)
  })
})

describe.skipIf(!hasNumpy)('zipfile', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'npymap-zip-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  function write(archive: SparseArchive): string {
    const path = join(folder, 'a.npz')
    const file = openSync(path, 'w')
    ftruncateSync(file, archive.byteLength)
    for (const { byteOffset, bytes } of archive.runs) writeSync(file, bytes, 0, bytes.length, byteOffset)
    closeSync(file)
    return path
  }

  function zipfile(path: string, expression: string): unknown {
    const script = `
import json, sys, zipfile
z = zipfile.ZipFile(json.loads(sys.stdin.read()))
print(json.dumps(${expression}))`
    return JSON.parse(runPython(script, JSON.stringify(path)))
  }

  it('reads members, names and comment, and finds no error', () => {
    for (const alignment of [1, 64, 16_384]) {
      const path = join(folder, 'small.npz')
      const file = openSync(path, 'w')
      writeSync(file, archiveOf(members, alignment))
      closeSync(file)
      expect(
        zipfile(path, '[z.testzip(), z.comment.decode(), [[i.filename, i.file_size] for i in z.infolist()]]'),
      ).toEqual([null, 'a comment', members.map(({ name, data }) => [name, data.length])])
      expect(zipfile(path, 'sorted({(i.date_time, i.create_system, i.external_attr) for i in z.infolist()})')).toEqual([
        [[1980, 1, 1, 0, 0, 0], 3, 0o600 * 2 ** 16],
      ])
    }
  })

  it('reads sizes and offsets past 4 GiB', () => {
    const large = 5 * 2 ** 30
    const size = (compressed: number, uncompressed: number) => ({
      method: 0 as const,
      compressedByteLength: compressed,
      uncompressedByteLength: uncompressed,
    })
    const archive = sparseArchive(
      [
        { name: 'a', ...size(large, large) },
        { name: 'b', ...size(7, 7) },
        { name: 'c', ...size(0xffff_ffff, 0xffff_ffff) },
      ],
      (member) => (member.uncompressedByteLength >= 0xffff_ffff ? 64 : 0),
    )
    const path = write(archive)
    expect(
      zipfile(path, '[[i.filename, i.file_size, i.compress_size, i.header_offset] for i in z.infolist()]'),
    ).toEqual(
      archive
        .directory()
        .entries.map((entry) => [
          entry.name,
          entry.uncompressedByteLength,
          entry.compressedByteLength,
          entry.localHeaderByteOffset,
        ]),
    )
    expect(zipfile(path, '[list(z.open(i).read(5)) for i in z.infolist() if i.file_size > 7]')).toEqual([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ])
  })

  it('reads 70 000 entries', () => {
    const member = { method: 0 as const, compressedByteLength: 0, uncompressedByteLength: 0 }
    const archive = sparseArchive(Array.from({ length: 70_000 }, (_, index) => ({ ...member, name: `${index}.npy` })))
    const path = write(archive)
    expect(zipfile(path, '[len(z.namelist()), z.namelist()[-1], z.infolist()[-1].CRC]')).toEqual([
      70_000,
      '69999.npy',
      69_999,
    ])
  })
})
