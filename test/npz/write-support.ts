// Archives as an outsider reads them: a zip reader of its own, strict where writers should be, and SOZip's rules.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants, crc32, inflateRawSync } from 'node:zlib'
import { expect } from 'vitest'
import { type NpyHeader, parseNpyHeader } from '../../src/format/npy-header.ts'

export interface ZipMember {
  readonly name: string
  readonly method: number
  readonly flags: number
  readonly versionNeeded: number
  readonly localHeaderByteOffset: number
  readonly localExtra: Buffer
  readonly centralExtra: Buffer
  /** Where the compressed bytes begin. */
  readonly byteOffset: number
  readonly compressedByteLength: number
  readonly bytes: Buffer
}

export interface Zip {
  readonly bytes: Buffer
  readonly members: readonly ZipMember[]
  readonly directoryByteOffset: number
}

/** Reads an archive below 4 GiB, and fails where its headers, sizes or checksums disagree. */
export function readZip(path: string): Zip {
  const bytes = readFileSync(path)
  const end = bytes.length - 22
  expect(bytes.readUInt32LE(end), path).toBe(0x06054b50)
  expect([bytes.readUInt16LE(end + 4), bytes.readUInt16LE(end + 6), bytes.readUInt16LE(end + 20)]).toEqual([0, 0, 0])
  let count = bytes.readUInt16LE(end + 8)
  let directoryByteLength = bytes.readUInt32LE(end + 12)
  let directoryByteOffset = bytes.readUInt32LE(end + 16)
  let directoryEnd = end
  if (count === 0xffff) {
    directoryEnd = Number(bytes.readBigUInt64LE(end - 12))
    expect([bytes.readUInt32LE(end - 20), bytes.readUInt32LE(directoryEnd)]).toEqual([0x07064b50, 0x06064b50])
    count = Number(bytes.readBigUInt64LE(directoryEnd + 32))
    directoryByteLength = Number(bytes.readBigUInt64LE(directoryEnd + 40))
    directoryByteOffset = Number(bytes.readBigUInt64LE(directoryEnd + 48))
  }
  expect(directoryByteOffset + directoryByteLength).toBe(directoryEnd)
  const members: ZipMember[] = []
  let at = directoryByteOffset
  for (let i = 0; i < count; i++) {
    expect(bytes.readUInt32LE(at)).toBe(0x02014b50)
    const nameLength = bytes.readUInt16LE(at + 28)
    const extraLength = bytes.readUInt16LE(at + 30)
    const local = bytes.readUInt32LE(at + 42)
    expect(bytes.readUInt32LE(local)).toBe(0x04034b50)
    // Version needed, flags, method, time, date, checksum, sizes, length of the name.
    expect(bytes.subarray(local + 4, local + 28)).toEqual(bytes.subarray(at + 6, at + 30))
    const name = bytes.subarray(at + 46, at + 46 + nameLength)
    expect(bytes.subarray(local + 30, local + 30 + nameLength)).toEqual(name)
    const byteOffset = local + 30 + nameLength + bytes.readUInt16LE(local + 28)
    const compressedByteLength = bytes.readUInt32LE(at + 20)
    const method = bytes.readUInt16LE(at + 10)
    const compressed = bytes.subarray(byteOffset, byteOffset + compressedByteLength)
    const plain = method === 0 ? compressed : inflateRawSync(compressed)
    expect({ name: String(name), crc: crc32(plain), length: plain.length }).toEqual({
      name: String(name),
      crc: bytes.readUInt32LE(at + 16),
      length: bytes.readUInt32LE(at + 24),
    })
    members.push({
      name: String(name),
      method,
      flags: bytes.readUInt16LE(at + 8),
      versionNeeded: bytes.readUInt16LE(at + 6),
      localHeaderByteOffset: local,
      localExtra: bytes.subarray(local + 30 + nameLength, byteOffset),
      centralExtra: bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength),
      byteOffset,
      compressedByteLength,
      bytes: plain,
    })
    at += 46 + nameLength + extraLength + bytes.readUInt16LE(at + 32)
  }
  expect(at).toBe(directoryByteOffset + directoryByteLength)
  return { bytes, members, directoryByteOffset }
}

/** The member of that name. */
export function memberOf(zip: Zip, name: string): ZipMember {
  const found = zip.members.filter((member) => member.name === name)
  expect(found.length, name).toBe(1)
  return found[0]!
}

/** The npy image of a member. */
export function npyOf(member: ZipMember): { readonly header: NpyHeader; readonly data: Buffer } {
  const header = parseNpyHeader(member.bytes, { maxHeaderSize: Number.MAX_SAFE_INTEGER })
  return { header, data: member.bytes.subarray(header.byteOffset) }
}

/** The bytes after a member, up to the next one or the directory. */
function gapAfter(zip: Zip, member: ZipMember): Buffer {
  const next = [...zip.members.map((other) => other.localHeaderByteOffset), zip.directoryByteOffset]
  const end = Math.min(...next.filter((offset) => offset > member.localHeaderByteOffset))
  return zip.bytes.subarray(member.byteOffset + member.compressedByteLength, end)
}

/**
 * Chunks of a deflated member as its SOZip index has them, checked as GDAL's `sozip --validate` does and each inflated
 * alone; 1 without an index, which must then not be needed.
 */
export function chunksOf(zip: Zip, member: ZipMember, blockByteLength: number): number {
  const gap = gapAfter(zip, member)
  const uncompressed = member.bytes.length
  if (uncompressed <= blockByteLength) {
    // Nothing, or what ended the archive before it was appended to.
    expect(gap.length === 0 || gap.readUInt32LE(0) === 0x02014b50, member.name).toBe(true)
    return 1
  }
  // A stored local entry without a record of its own, right after the data.
  const slash = member.name.lastIndexOf('/') + 1
  const name = Buffer.from(`${member.name.slice(0, slash)}.${member.name.slice(slash)}.sozip.idx`)
  expect(gap.readUInt32LE(0)).toBe(0x04034b50)
  expect([gap.readUInt16LE(6) % 2048, gap.readUInt16LE(8)]).toEqual([0, 0])
  expect(gap.subarray(30, 30 + gap.readUInt16LE(26))).toEqual(name)
  const start = 30 + name.length + gap.readUInt16LE(28)
  const index = gap.subarray(start, start + gap.readUInt32LE(18))
  expect([gap.readUInt32LE(18), gap.readUInt32LE(22), gap.readUInt32LE(14)]).toEqual([
    index.length,
    index.length,
    crc32(index),
  ])
  const count = Math.floor((uncompressed - 1) / blockByteLength)
  expect([0, 4, 8, 12].map((at) => index.readUInt32LE(at))).toEqual([1, 0, blockByteLength, 8])
  expect([index.readBigUInt64LE(16), index.readBigUInt64LE(24)]).toEqual([
    BigInt(uncompressed),
    BigInt(member.compressedByteLength),
  ])
  expect(index.length).toBe(32 + 8 * count)
  const offsets = [0, ...Array.from({ length: count }, (_, i) => Number(index.readBigUInt64LE(32 + 8 * i)))]
  const compressed = zip.bytes.subarray(member.byteOffset, member.byteOffset + member.compressedByteLength)
  offsets.forEach((start, chunk) => {
    const stop = offsets[chunk + 1] ?? compressed.length
    expect(stop).toBeGreaterThan(start)
    const last = chunk === count
    const bytes = compressed.subarray(start, stop)
    if (!last) expect(bytes.subarray(-9).toString('hex')).toBe('0000ffff000000ffff')
    const finishFlush = last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
    const plain = inflateRawSync(bytes, { finishFlush })
    const at = chunk * blockByteLength
    expect(
      plain.equals(member.bytes.subarray(at, Math.min(at + blockByteLength, uncompressed))),
      `chunk ${chunk}`,
    ).toBe(true)
  })
  return offsets.length
}

const tools: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'unzip', args: ['-tq'] },
  { name: '7z', args: ['t', '-bso0', '-bsp0'] },
]

/** Has the zip programs that are here test the archives. */
export function testWithTools(paths: readonly string[]): void {
  for (const { name, args } of tools) {
    if (spawnSync(name, [], { stdio: 'ignore' }).error !== undefined) {
      console.info(`skipped: there is no ${name} here`)
      continue
    }
    for (const path of paths) {
      const { status, stdout, stderr } = spawnSync(name, [...args, path], { encoding: 'utf8' })
      expect({ name, path, status, stdout, stderr }).toMatchObject({ status: 0, stderr: '' })
      expect(stdout).not.toMatch(/warning/i)
    }
  }
}
