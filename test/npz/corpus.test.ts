// A small archive with a bit flipped at every byte, and cut at every length: `load` gives a typed error or the right data.

import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isNpymapError, openNpz } from '../../src/index.ts'
import { expectBytes, temporaryFolder } from '../support/sources.ts'
import { chunkedPart, npyOf, zipOf } from './hand-made.ts'

const temporary = temporaryFolder()
const values = Uint8Array.from({ length: 90 }, (_, i) => (i * i) % 23)
const image = npyOf('uint8', [90], values)
const archive = zipOf([
  { name: 'stored.npy', data: image },
  { name: 'deflated.npy', data: image, method: 8 },
  { name: 'raw', data: values, method: 8 },
  chunkedPart('chunks.npy', image, 100),
])

/** Loads every member that there is: each gives a typed error, or what was written. Returns how many were right. */
async function loadAll(path: string, mmap: boolean): Promise<number> {
  let right = 0
  try {
    using z = openNpz(path, { mmap })
    for (const name of z.keys()) {
      try {
        const loaded = await z.load(name)
        const bytes = loaded.toBytes()
        // Names and where the array ends are not under a checksum: a member under another name has the same bytes.
        expectBytes(bytes, bytes.byteLength === image.byteLength ? image : values, name)
        right++
      } catch (error) {
        if (!isNpymapError(error)) throw error
      }
    }
  } catch (error) {
    if (!isNpymapError(error)) throw error
  }
  return right
}

// With pread the same is read by other calls: every seventh place will do.
describe.each([
  [true, 1],
  [false, 7],
])('mapped: %s', (mmap, step) => {
  test('whole', async () => {
    const path = temporary(`whole-${mmap}.npz`)
    writeFileSync(path, archive)
    expect(await loadAll(path, mmap)).toBe(4)
  })

  test('a bit flipped at every byte', async () => {
    const path = temporary(`flipped-${mmap}.npz`)
    let right = 0
    for (let at = 0; at < archive.byteLength; at += step) {
      const broken = Buffer.from(archive)
      broken[at]! ^= 1 << (at % 8)
      writeFileSync(path, broken)
      right += await loadAll(path, mmap)
    }
    // What is wrong in one member leaves the others alone.
    expect(right).toBeGreaterThan((2 * archive.byteLength) / step)
  })

  test('cut at every length', async () => {
    const path = temporary(`cut-${mmap}.npz`)
    for (let length = 0; length < archive.byteLength; length += step) {
      writeFileSync(path, archive.subarray(0, length))
      expect(await loadAll(path, mmap)).toBe(0)
    }
  })
})
