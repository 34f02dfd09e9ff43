import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSozipIndex, parseSozipIndex, SOZIP_CHUNK_END, sozipIndexByteLength } from '../../src/format/sozip.ts'
import { parseLocalHeader, readZipDirectory, type ZipEntry } from '../../src/format/zip-records.ts'
import { formatCentralHeader, formatLocalHeader, formatZipEnd } from '../../src/format/zip-write-records.ts'
import { hasNumpy, runPython } from '../support/python.ts'

/** A deflated member in chunks, as SOZip 0.5 asks, its hidden index, and the archive of it alone. */
function seekable(name: string, data: Uint8Array, chunkByteLength: number) {
  const chunks: Uint8Array[] = []
  const offsets: number[] = []
  let compressedByteLength = 0
  for (let at = 0; at < data.length; at += chunkByteLength) {
    const isLast = at + chunkByteLength >= data.length
    const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
    const deflated = deflateRawSync(data.subarray(at, at + chunkByteLength), { finishFlush })
    offsets.push(compressedByteLength)
    const chunk = isLast ? deflated : Buffer.concat([deflated, Uint8Array.from(SOZIP_CHUNK_END.slice(4))])
    chunks.push(chunk)
    compressedByteLength += chunk.length
  }
  const member = {
    name,
    method: 8,
    crc32: crc32(data),
    compressedByteLength,
    uncompressedByteLength: data.length,
    localHeaderByteOffset: 0,
  } as const
  const local = formatLocalHeader(member, 0)
  const index = formatSozipIndex(name, chunkByteLength, data.length, compressedByteLength, offsets)
  const central = formatCentralHeader(member)
  const directoryByteOffset = local.length + compressedByteLength + index.length
  const end = formatZipEnd(directoryByteOffset, central.length, 1)
  const archive = new Uint8Array(Buffer.concat([local, ...chunks, index, central, end]))
  return { archive, index, offsets, entry: directoryOf(archive), indexByteOffset: local.length + compressedByteLength }
}

function directoryOf(archive: Uint8Array): ZipEntry {
  const read = (at: number, byteLength: number): Uint8Array => archive.subarray(at, at + byteLength)
  return readZipDirectory(read, archive.length, { path: 'a.npz' }).entries[0] as ZipEntry
}

/** The length of what `bytes` inflate to, null when they are no deflate. */
function inflatedByteLength(bytes: Uint8Array, finishFlush: number = constants.Z_FINISH): number | null {
  try {
    return inflateRawSync(bytes, { finishFlush }).length
  } catch {
    return null
  }
}

/** The published rules of SOZip 0.5, straight from an archive of one member. @returns what breaks them. */
function violations(archive: Uint8Array): string[] {
  const found: string[] = []
  const check = (holds: boolean, rule: string): void => {
    if (!holds) found.push(rule)
  }
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength)
  const entry = directoryOf(archive)
  check(entry.method === 8, 'the member is deflated')
  const dataAt = parseLocalHeader(archive, entry, { path: null }).byteLength
  const header = dataAt + entry.compressedByteLength
  check(view.getUint32(header, true) === 0x04034b50, 'a local header right after the compressed data')
  check(view.getUint16(header + 8, true) === 0, 'the index is stored')
  const nameLength = view.getUint16(header + 26, true)
  const name = new TextDecoder().decode(archive.subarray(header + 30, header + 30 + nameLength))
  const parts = entry.name.split('/')
  const last = `.${parts.pop()}.sozip.idx`
  check(name === [...parts, last].join('/'), 'the name of the index')
  const at = header + 30 + nameLength + view.getUint16(header + 28, true)
  const byteLength = view.getUint32(header + 18, true)
  check(view.getUint32(header + 22, true) === byteLength, 'both sizes of the index are equal')
  check(view.getUint32(header + 14, true) === crc32(archive.subarray(at, at + byteLength)), 'CRC-32 of the index')
  const chunk = view.getUint32(at + 8, true)
  const size = Number(view.getBigUint64(at + 16, true))
  const csize = Number(view.getBigUint64(at + 24, true))
  check(view.getUint32(at, true) === 1, 'version 1')
  check(chunk > 0, 'chunk_size is not zero')
  check(view.getUint32(at + 12, true) === 8, 'offset_size is 8')
  check(size === entry.uncompressedByteLength && csize === entry.compressedByteLength, 'sizes of the member')
  check(size > chunk, 'more than one chunk')
  const count = Math.floor((size - 1) / chunk)
  const first = at + 32 + view.getUint32(at + 4, true)
  check(first + count * 8 === at + byteLength, 'count of offsets')
  const offsets = Array.from({ length: count }, (_, k) => Number(view.getBigUint64(first + 8 * k, true)))
  check(
    offsets.every((offset, k) => offset > (offsets[k - 1] ?? 0) && offset < csize),
    'strictly ascending offsets',
  )
  const data = archive.subarray(dataAt, dataAt + csize)
  for (const [k, offset] of offsets.entries()) {
    const mark = data.subarray(offset - SOZIP_CHUNK_END.length, offset)
    check(Buffer.from(mark).equals(Uint8Array.from(SOZIP_CHUNK_END)), 'chunks end with both flushes')
    const alone = inflatedByteLength(data.subarray(offsets[k - 1] ?? 0, offset), constants.Z_SYNC_FLUSH)
    check(alone === chunk, 'a chunk inflates alone')
  }
  const lastByteLength = inflatedByteLength(data.subarray(offsets.at(-1) ?? 0))
  check(lastByteLength === size - count * chunk, 'the last chunk finishes')
  check(inflatedByteLength(data) === size, 'the member is one deflate stream')
  return found
}

const data = Uint8Array.from({ length: 10_000 }, (_, index) => (index * index) % 200)

describe('formatSozipIndex', () => {
  it('gives the fields of the example in annex H of the specification', () => {
    const index = formatSozipIndex('foo', 2, 3, 16, [0, 13])
    const view = new DataView(index.buffer)
    expect(index.length).toBe(30 + 14 + 40)
    expect([0, 4, 6, 8].map((at) => view.getUint16(at, true))).toEqual([0x4b50, 20, 0, 0])
    expect([26, 28].map((at) => view.getUint16(at, true))).toEqual([14, 0])
    expect(new TextDecoder().decode(index.subarray(30, 44))).toBe('.foo.sozip.idx')
    expect([0, 4, 8, 12].map((at) => view.getUint32(44 + at, true))).toEqual([1, 0, 2, 8])
    expect([16, 24, 32].map((at) => view.getBigUint64(44 + at, true))).toEqual([3n, 16n, 13n])
    expect(view.getUint32(18, true)).toBe(40)
    expect(view.getUint32(22, true)).toBe(40)
    expect(view.getUint32(14, true)).toBe(0x56fec86c)
  })

  it.each([
    ['b.npy', '.b.npy.sozip.idx'],
    ['a/b.npy', 'a/.b.npy.sozip.idx'],
    ['a/b/größe', 'a/b/.größe.sozip.idx'],
    ['', '..sozip.idx'],
    ['a/', 'a/..sozip.idx'],
  ])('the index of %o is %o', (name, hidden) => {
    const index = formatSozipIndex(name, 2, 3, 16, [0, 13])
    const length = new DataView(index.buffer).getUint16(26, true)
    expect(new TextDecoder().decode(index.subarray(30, 30 + length))).toBe(hidden)
    expect((new DataView(index.buffer).getUint16(6, true) & 0x800) !== 0).toBe(hidden.includes('ö'))
  })

  it.each([
    ['one chunk only', 10, 10, 5, [0]],
    ['too few offsets', 4, 10, 9, [0, 3]],
    ['too many offsets', 4, 10, 9, [0, 3, 5, 6]],
    ['a first that is not 0', 4, 10, 9, [1, 3, 5]],
    ['offsets that do not ascend', 4, 10, 9, [0, 5, 5]],
    ['an offset past the data', 4, 10, 9, [0, 5, 9]],
    ['fractions', 4, 10, 9, [0, 1.5, 5]],
    ['no chunk length', 0, 10, 9, []],
    ['chunks of 4 GiB', 2 ** 32, 2 ** 33, 9, [0, 1]],
  ])('refuses %s', (_, chunk, size, csize, offsets) => {
    expect(() => formatSozipIndex('x', chunk, size, csize, offsets)).toThrow(RangeError)
  })
})

describe('seek indexes', () => {
  it.each([1, 2, 100, 999, 4096, 5000, 9999])('of chunks of %i bytes follow the published rules', (chunk) => {
    const { archive, entry, offsets, indexByteOffset, index } = seekable('a/größe.npy', data, chunk)
    expect(violations(archive)).toEqual([])
    const rest = archive.subarray(indexByteOffset)
    expect(sozipIndexByteLength(rest.subarray(0, 30), entry)).toBe(index.length)
    expect(parseSozipIndex(rest, entry)).toEqual({
      chunkByteLength: chunk,
      chunkByteOffsets: Float64Array.from(offsets),
    })
    expect(parseSozipIndex(index, entry)).not.toBeNull()
  })

  it('the rules of the test see what breaks them', () => {
    const { archive, indexByteOffset, index } = seekable('x.npy', data, 4096)
    const last = indexByteOffset + index.length - 8
    archive[last] = (archive[last] as number) ^ 1
    expect(violations(archive)).toContain('CRC-32 of the index')
    expect(violations(archive)).toContain('chunks end with both flushes')
  })

  it('may skip bytes before the offsets', () => {
    const { entry, offsets } = seekable('x.npy', data, 4096)
    const plain = formatSozipIndex('x.npy', 4096, data.length, entry.compressedByteLength, offsets)
    const at = 30 + '.x.npy.sozip.idx'.length
    const skipped = Buffer.concat([plain.subarray(0, at + 32), new Uint8Array(5), plain.subarray(at + 32)])
    skipped.writeUInt32LE(5, at + 4)
    skipped.writeUInt32LE(skipped.length - at, 18)
    skipped.writeUInt32LE(skipped.length - at, 22)
    skipped.writeUInt32LE(crc32(skipped.subarray(at)), 14)
    expect(parseSozipIndex(skipped, entry)?.chunkByteOffsets).toEqual(Float64Array.from(offsets))
  })

  it('of another member are ignored', () => {
    const { index } = seekable('x.npy', data, 4096)
    const other = (changes: Partial<ZipEntry>): ZipEntry => {
      const { nameBytes, compressedByteLength, uncompressedByteLength } = seekable('x.npy', data, 4096).entry
      return { nameBytes, compressedByteLength, uncompressedByteLength, ...changes } as ZipEntry
    }
    expect(parseSozipIndex(index, other({}))).not.toBeNull()
    expect(parseSozipIndex(index, other({ nameBytes: new TextEncoder().encode('y.npy') }))).toBeNull()
    expect(parseSozipIndex(index, other({ nameBytes: new TextEncoder().encode('xx.npy') }))).toBeNull()
    expect(parseSozipIndex(index, other({ uncompressedByteLength: data.length + 1 }))).toBeNull()
    expect(parseSozipIndex(index, other({ compressedByteLength: 7 }))).toBeNull()
  })

  it('with any byte changed, or cut anywhere, are ignored or the same', () => {
    const { index, entry, offsets } = seekable('x.npy', data, 2000)
    for (let length = 0; length < index.length; length += 1) {
      expect(parseSozipIndex(index.slice(0, length), entry)).toBeNull()
    }
    for (let at = 0; at < index.length; at += 1) {
      for (const bit of [1, 0x80]) {
        const changed = index.slice()
        changed[at] = (changed[at] as number) ^ bit
        const parsed = parseSozipIndex(changed, entry)
        if (parsed !== null) expect(parsed.chunkByteOffsets).toEqual(Float64Array.from(offsets))
      }
    }
  })

  it('made of anything are null or within the data', () => {
    const { index, entry } = seekable('x.npy', data, 4096)
    const dataAt = 30 + '.x.npy.sozip.idx'.length
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(index.length - dataAt - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const changed = Buffer.from(index)
        for (const [at, value] of changes) changed[dataAt + at] = value
        changed.writeUInt32LE(crc32(changed.subarray(dataAt)), 14)
        const parsed = parseSozipIndex(changed, entry)
        if (parsed === null) return
        const { chunkByteLength, chunkByteOffsets } = parsed
        expect(chunkByteOffsets.length).toBe(Math.ceil(data.length / chunkByteLength))
        expect(chunkByteOffsets[0]).toBe(0)
        for (let chunk = 1; chunk < chunkByteOffsets.length; chunk += 1) {
          expect(chunkByteOffsets[chunk]).toBeGreaterThan(chunkByteOffsets[chunk - 1] as number)
          expect(chunkByteOffsets[chunk]).toBeLessThan(entry.compressedByteLength)
        }
      }),
    )
  })

  it('tell no length that the member cannot have', () => {
    const { index, entry } = seekable('x.npy', data, 4096)
    const header = Buffer.from(index.subarray(0, 30))
    header.writeUInt32LE(0xffff_fff0, 18)
    header.writeUInt32LE(0xffff_fff0, 22)
    expect(sozipIndexByteLength(header, entry)).toBeNull()
    expect(sozipIndexByteLength(header.subarray(0, 29), entry)).toBeNull()
  })

  it.skipIf(!hasNumpy)('are not seen by zipfile', () => {
    const { archive } = seekable('a/größe.npy', data, 1000)
    const script = `
import base64, io, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(base64.b64decode(sys.stdin.read())))
assert z.testzip() is None
print(z.namelist(), len(z.read('a/größe.npy')))`
    expect(runPython(script, Buffer.from(archive).toString('base64')).trim()).toBe("['a/größe.npy'] 10000")
  })
})
