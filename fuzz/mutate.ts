// Files that are almost right: seeds with fields of headers and zip records changed to telling values, bytes flipped, cut,
// moved, and images zipped anew with the checksums that belong to them.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chunkedPart, zipOf } from '../test/npz/hand-made.ts'

/** Numbers from 0 to below the argument; the same for the same seed. */
export type Random = (below: number) => number

/** A file to start from. */
export interface Seed {
  readonly name: string
  readonly bytes: Buffer
}

/** Marsaglia's xorshift of 32 bits, begun at any number. */
export function randomOf(seed: number): Random {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ (seed >>> 13)) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const LONGEST_SEED = 64 * 1024

/** All `.npy` and `.npz` files of these folders that are short. */
export function seedsIn(folders: readonly string[]): Seed[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.np[yz]$/.test(name))
      .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
      .filter(({ bytes }) => bytes.length > 0 && bytes.length <= LONGEST_SEED),
  )
}

const TOKENS: readonly string[] = [
  "'<f4'",
  "'>f8'",
  "'|O'",
  "'<i8'",
  "'|b1'",
  "'|S5'",
  "'<U3'",
  "'<M8[ns]'",
  "'|V7'",
  "'<f2'",
  "'<c8'",
  "'=f4'",
  "''",
  'True',
  'False',
  'None',
  '(3,)',
  '(0,)',
  '(-1,)',
  '()',
  '(2, 3)',
  '(9999999999,)',
  '(3L,)',
  "[('a', '<f4')]",
  "[('a', '<f4', (2,)), ('__proto__', '|b1')]",
  '{',
  '}',
  ',',
  "'",
  '\\',
  '#',
  '\0',
  '\n',
] // prettier-ignore

const pick = <T>(values: readonly T[], random: Random): T => values[random(values.length)] as T

/** Where zip records begin, with the width of their fields. */
const RECORDS: readonly { readonly signature: number; readonly fields: readonly [at: number, width: number][] }[] = [
  {
    signature: 0x04034b50,
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [14, 4],
      [18, 4],
      [22, 4],
      [26, 2],
      [28, 2],
    ],
  },
  {
    signature: 0x02014b50,
    fields: [
      [6, 2],
      [8, 2],
      [10, 2],
      [16, 4],
      [20, 4],
      [24, 4],
      [28, 2],
      [30, 2],
      [32, 2],
      [34, 2],
      [42, 4],
    ],
  },
  {
    signature: 0x06054b50,
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ],
  },
  {
    signature: 0x07064b50,
    fields: [
      [4, 4],
      [8, 4],
      [12, 4],
      [16, 4],
    ],
  },
  {
    signature: 0x06064b50,
    fields: [
      [4, 4],
      [12, 2],
      [24, 4],
      [32, 4],
      [40, 4],
      [48, 4],
    ],
  },
] // prettier-ignore

function telling(old: number, most: number, fileLength: number, random: Random): number {
  const values = [0, 1, 8, 93, old + 1, old - 1, old * 2, most, most - 1, Math.ceil(most / 2), fileLength, random(most)]
  return Math.max(0, Math.min(most, pick(values, random)))
}

function changeRecord(bytes: Buffer, random: Random): Buffer {
  const found: number[] = []
  for (let at = bytes.indexOf('PK'); at >= 0 && at + 56 < bytes.length; at = bytes.indexOf('PK', at + 2)) found.push(at)
  if (found.length === 0) return bytes
  const at = pick(found, random)
  const record = RECORDS.find(({ signature }) => bytes.readUInt32LE(at) === signature)
  if (record === undefined) return bytes
  const [field, width] = pick(record.fields, random)
  const changed = Buffer.from(bytes)
  const old = bytes.readUIntLE(at + field, width)
  changed.writeUIntLE(telling(old, 2 ** (8 * width) - 1, bytes.length, random), at + field, width)
  return changed
}

function changeHeader(bytes: Buffer, random: Random): Buffer {
  const start = Math.max(0, bytes.indexOf('\x93NUMPY', 0, 'latin1'))
  const end = Math.min(bytes.length, start + 192)
  const text = bytes.subarray(start, end).toString('latin1')
  const parts = [...text.matchAll(/\d+|'[^']*'|\([^)]*\)|True|False/g)]
  if (parts.length === 0) return bytes
  const part = pick(parts, random)
  const word =
    random(2) === 0 ? pick(TOKENS, random) : String(Number.parseInt(part[0], 10) + pick([-1, 1, 7, 1e6], random))
  const from = start + part.index
  const rest = bytes.subarray(from + part[0].length)
  // Mostly of the old length, so that the data stays where it was.
  const fitting = random(4) === 0 ? word : word.padEnd(part[0].length).slice(0, Math.max(part[0].length, word.length))
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(fitting, 'latin1'), rest])
}

const MUTATIONS: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => {
    const changed = Buffer.from(bytes)
    changed[random(bytes.length)]! ^= 1 << random(8)
    return changed
  },
  (bytes, random) => {
    const changed = Buffer.from(bytes)
    changed[random(Math.min(bytes.length, 256))] = pick([0, 1, 0x7f, 0x80, 0xff, 0x20, 0x0a], random)
    return changed
  },
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, random) => Buffer.concat([bytes, Buffer.alloc(random(100), random(256))]),
  (bytes, random) => {
    const [from, length] = [random(bytes.length), random(64)]
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)])
  },
  (bytes, random) => {
    const [from, to, length] = [random(bytes.length), random(bytes.length), random(64)]
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, from + length), bytes.subarray(to)])
  },
  changeHeader,
  changeHeader,
  changeRecord,
  changeRecord,
  changeRecord,
]

function mutated(bytes: Buffer, random: Random): Buffer {
  let changed = bytes
  for (let times = 1 + random(3); times > 0 && changed.length > 0; times--)
    changed = pick(MUTATIONS, random)(changed, random)
  return changed
}

/** An image in an archive whose records are right; its compressed data may be changed. */
function zipped(image: Buffer, random: Random): Buffer {
  const data = Uint8Array.from(image)
  const names = ['x.npy', '__proto__.npy', '../x.npy', 'ä.npy', 'x']
  const name = pick(names, random)
  if (random(3) === 0 || image.length < 50) return zipOf([{ name, data, method: pick([0, 8], random) }])
  const part = chunkedPart(name, data, pick([16, 64, 4096], random))
  if (random(3) === 0) return zipOf([part])
  const packed = Uint8Array.from(mutated(Buffer.from(part.packed as Uint8Array), random))
  return zipOf([{ ...part, packed }])
}

/** The file of a number, always the same; and whether it is meant as an archive. */
export function fileOf(number: number, seeds: readonly Seed[]): { name: string; bytes: Buffer; isArchive: boolean } {
  const random = randomOf(number)
  const { name, bytes } = pick(seeds, random)
  const isImage = name.endsWith('.npy')
  const changed = random(20) === 0 ? bytes : mutated(bytes, random)
  if (isImage && random(3) === 0) {
    const archive = zipped(changed, random)
    return {
      name: `${name} in an archive`,
      bytes: random(4) === 0 ? mutated(archive, random) : archive,
      isArchive: true,
    }
  }
  return { name, bytes: changed, isArchive: !isImage }
}
