import { describe, expect, it } from 'vitest'
import { FormatError, NpymapError, UnsupportedError } from '../../src/errors.ts'
import { crc32 } from '../../src/format/crc32.ts'
import { parseLocalHeader, readZipDirectory, type ZipEntry } from '../../src/format/zip-records.ts'
import { formatZipEnd } from '../../src/format/zip-write-records.ts'
import { archive, changed, directoryOf, find, manifest, sparseArchive } from './zip/archives.ts'

/** Read by zipfile, refused here: np.load refuses the first, nobody reads the second whole. */
const REFUSED = ['prefixed', 'second-disk']
const readable = Object.keys(manifest).filter((name) => manifest[name]?.error === undefined && !REFUSED.includes(name))

function errorOf(run: () => unknown): NpymapError {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(NpymapError)
    return error as NpymapError
  }
  throw new Error('nothing was thrown')
}

const formatErrorOf = (run: () => unknown): FormatError => {
  const error = errorOf(run)
  expect(error).toBeInstanceOf(FormatError)
  return error as FormatError
}

const END = 'PK\x05\x06'
const CENTRAL = 'PK\x01\x02'

describe('readZipDirectory', () => {
  it.each(readable)('finds in %s what zipfile finds', (name) => {
    const bytes = archive(name)
    const directory = directoryOf(bytes)
    const fields = Object.keys(manifest.plain?.entries?.[0] ?? {}) as (keyof ZipEntry)[]
    const found = directory.entries.map((entry) => Object.fromEntries(fields.map((field) => [field, entry[field]])))
    expect(found).toEqual(manifest[name]?.entries)
    expect(Buffer.from(directory.comment).toString('latin1')).toBe(manifest[name]?.comment)
    for (const entry of directory.entries) {
      const local = bytes.subarray(entry.localHeaderByteOffset)
      const header = parseLocalHeader.bind(null, local, entry, { path: null })
      if ((entry.flags & 1) !== 0) expect(header).toThrow(UnsupportedError)
      else expect(header().byteLength).toBe(30 + header().nameByteLength + header().extraByteLength)
    }
  })

  it('tells where the directory and the archive end', () => {
    const plain = archive('plain')
    const at = find(plain, CENTRAL)
    expect(directoryOf(plain)).toMatchObject({
      directoryByteOffset: at,
      directoryByteLength: plain.length - 22 - at,
      endByteOffset: plain.length,
    })
    expect(directoryOf(archive('trailing-bytes')).endByteOffset).toBe(plain.length)
    expect(directoryOf(archive('comment')).endByteOffset).toBe(archive('comment').length)
    expect(directoryOf(archive('comment-cut')).endByteOffset).toBe(archive('comment-cut').length)
  })

  it('keeps the raw central headers, one after the other the directory', () => {
    for (const name of ['plain', 'utf8-names', 'unicode-path', 'to-a-pipe', 'nul-in-name']) {
      const bytes = archive(name)
      const { entries, directoryByteOffset, directoryByteLength } = directoryOf(bytes)
      const raw = Buffer.concat(entries.map((entry) => entry.centralHeader))
      expect(raw.equals(bytes.subarray(directoryByteOffset, directoryByteOffset + directoryByteLength))).toBe(true)
      expect(Buffer.concat(entries.map((entry) => entry.nameBytes)).length).toBeGreaterThan(0)
    }
    expect(Array.from(directoryOf(archive('cp437-names')).entries[0]?.nameBytes ?? [])).toEqual([
      0x63, 0x61, 0x66, 0x82, 0x2e, 0x6e, 0x70, 0x79,
    ])
  })

  it('does not keep what it was given to read', () => {
    const bytes = archive('plain')
    const { entries } = directoryOf(bytes)
    bytes.fill(0xff)
    expect(entries.map(({ name, method, crc32: crc }) => [name, method, crc])).toEqual(
      manifest.plain?.entries?.map((entry) => [entry.name, entry.method, entry.crc32]),
    )
  })

  it('tells each entry how far it may reach', () => {
    const { entries, directoryByteOffset } = directoryOf(archive('duplicates'))
    expect(entries.map((entry) => entry.limitByteOffset)).toEqual([38, 74, directoryByteOffset])
  })

  it('reads an archive comment of 65535 bytes, and no farther back', () => {
    const plain = archive('plain')
    const { directoryByteOffset, directoryByteLength } = directoryOf(plain)
    const body = plain.subarray(0, -22)
    const comment = new Uint8Array(65535).fill(0x63)
    const whole = Buffer.concat([body, formatZipEnd(directoryByteOffset, directoryByteLength, 2, comment)])
    expect(directoryOf(whole)).toMatchObject({ endByteOffset: whole.length, comment })
    expect(directoryOf(Buffer.concat([whole, new Uint8Array(1)])).entries).toHaveLength(2)
    const error = formatErrorOf(() => directoryOf(Buffer.concat([whole, new Uint8Array(2)])))
    expect(error.message).toContain('NpzWriter.recover()')
  })

  const manyEmpty = (count: number): Uint8Array => {
    const member = { method: 0 as const, compressedByteLength: 0, uncompressedByteLength: 0 }
    const sparse = sparseArchive(Array.from({ length: count }, (_, index) => ({ ...member, name: `${index}` })))
    const bytes = new Uint8Array(sparse.byteLength)
    for (const { byteOffset, bytes: run } of sparse.runs) bytes.set(run, byteOffset)
    return bytes
  }

  it('reads 70 000 entries', () => {
    const bytes = manyEmpty(70_000)
    const { entries } = directoryOf(bytes)
    expect(entries).toHaveLength(70_000)
    expect(entries[69_999]).toMatchObject({ name: '69999', crc32: 69_999 })
    expect(errorOf(() => directoryOf(bytes, 69_999))).toBeInstanceOf(UnsupportedError)
    expect(directoryOf(bytes, 70_000).entries).toHaveLength(70_000)
  })

  it('reads 65 535 entries without zip64, as zipfile writes them', () => {
    const bytes = manyEmpty(65_535)
    const withoutZip64 = Buffer.concat([bytes.subarray(0, -98), bytes.subarray(-22)])
    expect(directoryOf(withoutZip64).entries).toHaveLength(65_535)
    expect(directoryOf(bytes).entries).toHaveLength(65_535)
  })

  it('reads a directory of several pieces', () => {
    const member = { method: 0 as const, compressedByteLength: 3, uncompressedByteLength: 3 }
    const members = Array.from({ length: 300 }, (_, index) => ({ ...member, name: `${index}`.padEnd(60_000, 'x') }))
    const many = sparseArchive(members)
    expect(many.directory().entries.map(({ name }) => name.slice(0, 3))).toEqual(
      members.map(({ name }) => name.slice(0, 3)),
    )
  })

  it('reads sizes and offsets past 4 GiB', () => {
    const large = 5 * 2 ** 30
    const sparse = sparseArchive(
      [
        { name: 'a', method: 0, compressedByteLength: large, uncompressedByteLength: large },
        { name: 'b', method: 8, compressedByteLength: 7, uncompressedByteLength: large },
        { name: 'c', method: 0, compressedByteLength: 0xffff_ffff, uncompressedByteLength: 0xffff_ffff },
        { name: 'd', method: 0, compressedByteLength: 0, uncompressedByteLength: 0 },
      ],
      (member) => (member.uncompressedByteLength >= 0xffff_ffff ? 20 : 0),
    )
    const { entries } = sparse.directory()
    expect(entries.map((entry) => [entry.compressedByteLength, entry.uncompressedByteLength])).toEqual([
      [large, large],
      [7, large],
      [0xffff_ffff, 0xffff_ffff],
      [0, 0],
    ])
    expect(entries.map((entry) => entry.centralExtraByteLength)).toEqual([20, 20, 28, 12])
    expect(entries.every((entry) => entry.versionNeeded === 45)).toBe(true)
    for (const entry of entries) {
      const local = parseLocalHeader(sparse.read(entry.localHeaderByteOffset, 100), entry, { path: null })
      expect(entry.localHeaderByteOffset + local.byteLength + entry.compressedByteLength).toBe(entry.limitByteOffset)
    }
  })

  it('honours a Unicode path only for the name it was made for', () => {
    const names = directoryOf(archive('unicode-path')).entries.map(({ name }) => name)
    expect(names).toEqual(['größe.npy', 'other.npy'])
    const broken = changed(archive('unicode-path'), (view, bytes) => {
      const at = find(bytes, 'gr\xc3\xb6', find(bytes, CENTRAL))
      view.setUint8(at + 2, 0xff)
    })
    expect(formatErrorOf(() => directoryOf(broken))).toMatchObject({ member: 'groesse.npy' })
    expect(crc32(new TextEncoder().encode('groesse.npy'))).toBeGreaterThan(0)
  })
})

describe('refused', () => {
  it('bytes before the archive', () => {
    expect(formatErrorOf(() => directoryOf(archive('prefixed'))).message).toBe(
      'zip archive: expected bytes 50 4b 03 04, got bytes 23 21 2f 62; this is no .npz archive (at byte 0 of a.npz)',
    )
    // Also when what stands in front looks like a member.
    const twice = Buffer.concat([archive('plain'), archive('plain')])
    expect(formatErrorOf(() => directoryOf(twice)).message).toContain('651 bytes stand before the archive')
  })

  it('a signature in the comment, as by zipfile', () => {
    expect(formatErrorOf(() => directoryOf(archive('signature-in-comment')))).toMatchObject({ path: 'a.npz' })
  })

  it('what is no archive', () => {
    const npy = Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), new Uint8Array(100)])
    expect(formatErrorOf(() => directoryOf(npy)).message).toContain('this is an .npy file')
    expect(formatErrorOf(() => directoryOf(new Uint8Array(0))).message).toBe(
      'zip archive: expected at least 22 bytes, got 0 (at byte 0 of a.npz)',
    )
  })

  it('several disks', () => {
    expect(errorOf(() => directoryOf(archive('second-disk')))).toMatchObject({ feature: 'multi-disk', path: 'a.npz' })
    const entryOnDisk = changed(archive('plain'), (view, bytes) => view.setUint16(find(bytes, CENTRAL) + 34, 1, true))
    expect(errorOf(() => directoryOf(entryOnDisk))).toMatchObject({ feature: 'multi-disk', member: 'x.npy' })
  })

  const end = (bytes: Uint8Array): number => Buffer.from(bytes).lastIndexOf(END, undefined, 'latin1')
  const second = (bytes: Uint8Array): number => find(bytes, CENTRAL, find(bytes, CENTRAL) + 1)
  it.each<[string, (view: DataView, bytes: Uint8Array) => void, Partial<FormatError>]>([
    ['more entries than there are', (v, b) => [8, 10].forEach((at) => void v.setUint16(end(b) + at, 3, true)), {}],
    ['fewer entries', (v, b) => [8, 10].forEach((at) => void v.setUint16(end(b) + at, 1, true)), {}],
    ['a count for another disk', (v, b) => v.setUint16(end(b) + 8, 1, true), { found: '1 of 2' }],
    ['a directory past the end', (v, b) => v.setUint32(end(b) + 16, 0xffff_fff0, true), {}],
    ['a directory longer than the archive', (v, b) => v.setUint32(end(b) + 12, 0xffff_ffff, true), {}],
    ['a directory at itself', (v, b) => v.setUint32(end(b) + 16, end(b), true), {}],
    ['a gap before the end', (v, b) => v.setUint32(end(b) + 16, v.getUint32(end(b) + 16, true) - 1, true), {}],
    ['another signature', (v, b) => v.setUint8(second(b), 0), { found: 'bytes 00 4b 01 02' }],
    ['a name past the directory', (v, b) => v.setUint16(second(b) + 28, 6, true), {}],
    ['a comment past the directory', (v, b) => v.setUint16(second(b) + 32, 1, true), {}],
    ['an offset past the directory', (v, b) => v.setUint32(second(b) + 42, 0xffff_fff0, true), { member: 'y.npy' }],
    ['an offset in the directory', (v, b) => v.setUint32(second(b) + 42, find(b, CENTRAL), true), { member: 'y.npy' }],
    ['two entries in one place', (v, b) => v.setUint32(second(b) + 42, 0, true), { member: 'x.npy' }],
    ['data into the next entry', (v, b) => v.setUint32(find(b, CENTRAL) + 20, 371, true), { member: 'x.npy' }],
    ['data into the directory', (v, b) => v.setUint32(second(b) + 20, 0xffff_fffe, true), { member: 'y.npy' }],
  ])('%s', (_, change, expected) => {
    const plain = archive('plain')
    expect(formatErrorOf(() => directoryOf(changed(plain, change)))).toMatchObject({
      format: 'npz',
      path: 'a.npz',
      byteOffset: expect.any(Number),
      ...expected,
    })
  })

  it('names that are no UTF-8 though marked so', () => {
    const broken = changed(archive('utf8-names'), (view, bytes) => {
      view.setUint8(find(bytes, CENTRAL) + 46 + 2, 0xff)
    })
    expect(formatErrorOf(() => directoryOf(broken))).toMatchObject({ expected: 'a name in UTF-8' })
  })

  it('values past 2^53, a zip64 extra field too short, an extra field too long', () => {
    const large = { name: 'a', method: 0 as const, compressedByteLength: 5e9, uncompressedByteLength: 5e9 }
    const broken = (change: (view: DataView, extra: number) => void): FormatError => {
      const sparse = sparseArchive([large], () => 20)
      const directory = sparse.runs[1]?.bytes as Uint8Array
      change(new DataView(directory.buffer, directory.byteOffset), 46 + 1)
      return formatErrorOf(() => sparse.directory())
    }
    expect(broken((view, at) => view.setBigUint64(at + 4, 2n ** 53n, true))).toMatchObject({ member: 'a' })
    expect(broken((view, at) => view.setBigUint64(at + 12, 2n ** 64n - 1n, true))).toMatchObject({ member: 'a' })
    expect(broken((view, at) => view.setUint16(at + 2, 8, true)).message).toContain('the compressed size')
    expect(broken((view, at) => view.setUint16(at + 2, 17, true)).message).toContain('in an extra field')
    expect(broken((view) => view.setUint32(42, 0xffff_ffff, true)).message).toContain('the offset')
  })

  it('a zip64 end that disagrees, points elsewhere, or has values past 2^53', () => {
    const members = [{ name: 'a', method: 0 as const, compressedByteLength: 5e9, uncompressedByteLength: 5e9 }]
    const broken = (change: (view: DataView) => void): NpymapError => {
      const sparse = sparseArchive(members, () => 20)
      const records = sparse.runs[2]?.bytes as Uint8Array
      change(new DataView(records.buffer, records.byteOffset))
      return errorOf(() => sparse.directory())
    }
    expect(broken((view) => view.setUint16(76 + 10, 2, true))).toBeInstanceOf(FormatError)
    expect(broken((view) => view.setUint32(76 + 12, 1, true))).toBeInstanceOf(FormatError)
    expect(broken((view) => view.setUint32(0, 0, true))).toBeInstanceOf(FormatError)
    expect(broken((view) => view.setBigUint64(4, 45n, true))).toBeInstanceOf(FormatError)
    for (const at of [24, 32, 40, 48, 56 + 8]) {
      for (const value of [0n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
        expect(broken((view) => view.setBigUint64(at, value, true))).toBeInstanceOf(FormatError)
      }
    }
    expect(broken((view) => view.setUint32(16, 1, true))).toBeInstanceOf(UnsupportedError)
    expect(broken((view) => view.setUint32(56 + 16, 2, true))).toBeInstanceOf(UnsupportedError)
  })

  it('a huge directory that is not there, without reading it', () => {
    const byteLength = 2 ** 45
    const end = formatZipEnd(4, byteLength - 4, 2 ** 38)
    const read = (byteOffset: number, length: number): Uint8Array => {
      expect(length).toBeLessThan(10_000_000)
      const bytes = new Uint8Array(length)
      if (byteOffset === 0) bytes.set([0x50, 0x4b, 3, 4])
      const from = byteOffset - byteLength
      if (from >= 0) bytes.set(end.subarray(from, from + length))
      return bytes
    }
    expect(formatErrorOf(() => readZipDirectory(read, byteLength + end.length, { path: null }))).toMatchObject({
      found: 'bytes 00 00 00 00',
    })
  })

  it('an archive that ends early while it is read', () => {
    const bytes = archive('plain')
    const read = (byteOffset: number, byteLength: number): Uint8Array =>
      bytes.subarray(byteOffset, Math.min(byteOffset + byteLength, 400))
    expect(formatErrorOf(() => readZipDirectory(read, bytes.length, { path: null })).message).toContain('shorter')
  })
})

describe('parseLocalHeader', () => {
  const bytes = archive('plain')
  const [x, y] = directoryOf(bytes).entries as [ZipEntry, ZipEntry]
  const parse = (local: Uint8Array, entry: ZipEntry = x) => parseLocalHeader(local, entry, { path: 'a.npz' })

  it('tells where the data begin', () => {
    expect(parse(bytes)).toMatchObject({ flags: 0, method: 0, nameByteLength: 5, extraByteLength: 0, byteLength: 35 })
    const [entry] = directoryOf(archive('as-numpy-saves')).entries
    const header = parse(archive('as-numpy-saves'), entry as ZipEntry)
    expect(header).toMatchObject({ extraByteLength: 20, byteLength: 55 })
    expect(header.extra.length).toBe(20)
    expect(parse(archive('as-numpy-saves').subarray(0, 35), entry as ZipEntry)).toMatchObject({ byteLength: 55 })
  })

  it.each<[string, (view: DataView) => void]>([
    ['another signature', (view) => view.setUint8(0, 0)],
    ['another method', (view) => view.setUint16(8, 8, true)],
    ['another name', (view) => view.setUint8(30, 0x79)],
    ['a longer name', (view) => view.setUint16(26, 6, true)],
    ['an extra field that pushes the data into the next entry', (view) => view.setUint16(28, 1, true)],
  ])('refuses %s', (_, change) => {
    expect(formatErrorOf(() => parse(changed(bytes, change)))).toMatchObject({ member: 'x.npy', path: 'a.npz' })
    expect(() => parse(changed(bytes, (view) => view.setUint32(14, 0)))).not.toThrow()
  })

  it.each([
    [0x1, 'encryption'],
    [0x41, 'strong encryption'],
    [0x2000, 'encryption of the directory'],
    [0x20, 'compressed patched data'],
  ])('refuses flags %i: %s', (flags, feature) => {
    const local = changed(bytes, (view) => view.setUint16(6, flags, true))
    expect(errorOf(() => parse(local))).toMatchObject({ code: 'ERR_UNSUPPORTED', feature, member: 'x.npy' })
  })

  it('refuses bytes of another place, too few bytes, and stored members of two sizes', () => {
    expect(formatErrorOf(() => parse(bytes, y))).toMatchObject({ byteOffset: 405 + 8, member: 'y.npy' })
    expect(formatErrorOf(() => parse(bytes.subarray(0, 29))).found).toBe('29')
    expect(formatErrorOf(() => parse(bytes.subarray(0, 34))).found).toBe('34')
    const twoSizes = changed(bytes, (view, all) => view.setUint32(find(all, CENTRAL) + 24, 5, true))
    const [entry] = directoryOf(twoSizes).entries
    expect(formatErrorOf(() => parse(twoSizes, entry as ZipEntry)).message).toContain('5 stored bytes')
  })
})
