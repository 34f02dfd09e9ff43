// Memory for results: hints change nothing in it, and take nothing but bytes.

import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import { type Addon, loadAddon } from '../../src/native/binding.ts'
import { allocateBytes, populate } from '../../src/storage/memory.ts'

const MIB = 1024 * 1024
const addon = loadAddon() as Addon

it('large memory is zeroed, and stays as it is when it is populated while somebody fills it', async () => {
  const bytes = allocateBytes(64 * MIB + 3)
  expect(bytes.every((byte) => byte === 0)).toBe(true)
  const ahead = populate(bytes, () => true)
  bytes.fill(7)
  await ahead
  await populate(bytes.subarray(5, 20 * MIB), () => true)
  await populate(new Uint8Array(10), () => true)
  expect(bytes.every((byte) => byte === 7)).toBe(true)
}, 30_000)

it('finds no more pages once they are not wanted', async () => {
  let asked = 0
  await populate(new Uint8Array(200 * MIB), () => asked++ < 1)
  expect(asked).toBe(addon === null ? 0 : 2)
})

describe.runIf(addon !== null)('addon', () => {
  it('refuses what is no Uint8Array', () => {
    const call = addon.populate as (bytes: unknown) => unknown
    for (const other of [new Float32Array(4), {}, null, 1]) expect(call(other)).toBe(-constants.errno.EINVAL)
  })
})
