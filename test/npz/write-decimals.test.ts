// Numbers with few decimals, which have a parse of their own: what comes of it is read by zlib, NumPy, unzip, 7z and us, chunk
// by chunk, and is shorter than zlib's.

import { crc32, deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { buildInfo, openNpz } from '../../src/index.ts'
import { type Members, savezCompressed } from '../../src/npz/savez.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { expectBytes, seededRandom, temporaryFolder } from '../support/sources.ts'
import { chunksOf, memberOf, npyOf, readZip, testWithTools } from './write-support.ts'

const COUNT = 150_000

const random = seededRandom(11)

function walk(): Float64Array {
  let at = 100
  return Float64Array.from({ length: COUNT }, () => {
    at += Math.floor(random() * 7) - 3
    return at / 100
  })
}

const sine = Float64Array.from({ length: COUNT }, (_, i) => Math.round(Math.sin(i / 1000) * 1000) / 1000)
const few = Float64Array.from({ length: COUNT }, () => Math.floor(random() * 23) / 7)
const pairs = Float64Array.from({ length: COUNT }, (_, i) => sine[(i * (1 + (i % 2))) % COUNT]!)

const members: Members = {
  sine,
  sine32: Float32Array.from(sine),
  walk: walk(),
  walk32: Float32Array.from(walk()),
  few,
  bigEndian: { data: sine, dtype: '>f8' },
  complex: { data: pairs, dtype: '<c16' },
  // What has no elements of 4 or 8 bytes where they are looked for.
  records: {
    data: Array.from({ length: 40_000 }, (_, i) => ({ tag: 'abc'.slice(i % 3), x: sine[i]! })),
    dtype: [
      ['tag', 'S3'],
      ['x', '<f8'],
    ],
  },
}

const inFolder = temporaryFolder()
const quick = { sync: false }

describe.each([
  [6, 262_144],
  [6, 100_003],
  [6, 1024 * 1024],
  [7, 65_536],
  [9, 262_144],
])('level %i, blocks of %i bytes', (level, blockByteLength) => {
  test('everybody reads them', async () => {
    const path = inFolder(`${level}-${blockByteLength}.npz`)
    await savezCompressed(path, members, { ...quick, level, blockByteLength })
    const zip = readZip(path)
    using z = openNpz(path)
    const crcs: number[] = []
    for (const name of z.keys()) {
      const member = memberOf(zip, `${name}.npy`)
      const { data } = npyOf(member)
      chunksOf(zip, member, blockByteLength)
      expectBytes((await z.load(name)).toBytes(), data, name)
      crcs.push(crc32(data))
    }
    expect(crcs.length).toBe(Object.keys(members).length)
    testWithTools([path])
    if (!hasNumpy) return
    const script = `
import json, sys, zlib, numpy as np
with np.load(json.load(sys.stdin)) as z: print(json.dumps([zlib.crc32(z[name].tobytes()) for name in z.files]))
`
    expect(JSON.parse(runPython(script, JSON.stringify(path)))).toEqual(crcs)
  })
})

test.runIf(buildInfo().codec.startsWith('libdeflate'))('shorter than by zlib, though in chunks', async () => {
  const path = inFolder('shorter.npz')
  await savezCompressed(path, members, quick)
  const zip = readZip(path)
  for (const name of ['sine', 'few']) {
    const member = memberOf(zip, `${name}.npy`)
    expect(member.compressedByteLength, name).toBeLessThan(deflateRawSync(member.bytes).byteLength)
  }
})
