// Long files past the page cache: every byte in its place whatever the chunks, and back to the cache where it is refused.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { BufferedOutput } from '../../src/storage/buffered-output.ts'
import { alignedBytes } from '../../src/storage/memory.ts'
import { osError } from '../../src/storage/os.ts'
import { nodeOutput, type OutputSystem } from '../../src/storage/output.ts'
import { ROUTE_WINDOW_BYTE_LENGTH, WriteRoute } from '../../src/storage/write-route.ts'

const MIB = 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'npymap-route-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Notes how each write went. */
class Spy implements OutputSystem {
  readonly open = nodeOutput.open
  readonly sync = nodeOutput.sync
  readonly truncate = nodeOutput.truncate
  readonly rename = nodeOutput.rename
  readonly remove = nodeOutput.remove
  readonly close = nodeOutput.close
  readonly routes: { direct: boolean; byteOffset: number; byteLength: number }[] = []
  direct = false
  /** What a file system does that has no such way. */
  refuses: 'nothing' | 'flag' | 'write' = 'nothing'

  setDirect(fd: number, direct: boolean): boolean {
    if (direct && this.refuses === 'flag') return false
    // tmpfs and the like may refuse in truth; the order of calls is what is looked at.
    nodeOutput.setDirect(fd, direct)
    this.direct = direct
    return true
  }

  async write(fd: number, from: Uint8Array, byteOffset: number): Promise<void> {
    if (this.direct && this.refuses === 'write') throw osError('write', -22, 'refused')
    this.routes.push({ direct: this.direct, byteOffset, byteLength: from.byteLength })
    await nodeOutput.write(fd, from, byteOffset)
  }
}

let seed = 1
const random = (): number => {
  seed = (seed * 48271) % 2147483647
  return seed / 2147483647
}
const values = new Uint8Array(90 * MIB + 12_345).map((_, i) => (i * 31 + Math.floor(i / 4093)) % 251)

/** Writes the values after a header of 128 bytes, in chunks of these lengths. */
async function written(system: Spy, chunkByteLength: () => number, drainAt = -1): Promise<Uint8Array> {
  const path = join(folder, 'out')
  const fd = openSync(path, 'w+')
  const output = new BufferedOutput(system, fd, 0, path)
  await output.write(new Uint8Array(128))
  for (let done = 0; done < values.length; ) {
    const chunk = values.slice(done, done + chunkByteLength())
    await output.write(chunk)
    // A chunk may be used again as soon as it was taken.
    chunk.fill(255)
    const before = done
    done += chunk.length
    if (before <= drainAt && drainAt < done) {
      await output.drain()
      // What a checkpoint does: a short write, from anywhere in memory.
      await system.write(fd, new Uint8Array(129).subarray(1), 0)
    }
  }
  await output.drain()
  await system.write(fd, new Uint8Array(129).fill(7).subarray(1), 0)
  closeSync(fd)
  return readFileSync(path)
}

function expectWhole(bytes: Uint8Array): void {
  expect(bytes.length).toBe(128 + values.length)
  expect(bytes.subarray(0, 128).every((byte) => byte === 7)).toBe(true)
  expect(Buffer.compare(bytes.subarray(128), values)).toBe(0)
}

describe.skipIf(loadAddon() === null)('past the page cache', () => {
  test.each([
    ['of 8 MiB', (): number => 8 * MIB, -1],
    ['of 3 000 001 bytes', (): number => 3_000_001, -1],
    ['of 700 001 bytes', (): number => 700_001, -1],
    ['of any length', (): number => 1 + Math.floor(random() ** 4 * 9 * MIB), -1],
    ['with a checkpoint on the way', (): number => 1 + Math.floor(random() * 2 * MIB), 75 * MIB],
  ] as const)('chunks %s', async (_name, chunkByteLength, drainAt) => {
    const system = new Spy()
    expectWhole(await written(system, chunkByteLength, drainAt))
    const direct = system.routes.filter((write) => write.direct)
    expect(direct.length).toBeGreaterThan(2)
    for (const { byteOffset, byteLength } of direct) expect([byteOffset % 4096, byteLength % 4096]).toEqual([0, 0])
    expect(system.routes[0]?.direct).toBe(false)
  })

  test.each(['flag', 'write'] as const)('a file system that refuses the %s', async (refuses) => {
    const system = new Spy()
    system.refuses = refuses
    expectWhole(await written(system, () => 5 * MIB))
    expect(system.routes.every((write) => !write.direct)).toBe(true)
  })

  test('a chunk that is detached on its way', async () => {
    const path = join(folder, 'detached')
    const fd = openSync(path, 'w+')
    const output = new BufferedOutput(new Spy(), fd, 0, path)
    await output.write(values.subarray(0, ROUTE_WINDOW_BYTE_LENGTH))
    const chunk = new Uint8Array(12 * MIB)
    const done = output.write(chunk)
    structuredClone(chunk, { transfer: [chunk.buffer] })
    await expect(done).rejects.toThrow(TypeError)
    await output.drain()
    closeSync(fd)
  })

  test('memory for it is aligned', () => {
    const bytes = alignedBytes(10_000, 4096) as Uint8Array
    expect(bytes.byteLength).toBe(10_000)
    expect(loadAddon()?.addressModulo(bytes, 4096)).toBe(0)
    expect(loadAddon()?.addressModulo(bytes.subarray(5), 4096)).toBe(5)
    expect(loadAddon()?.addressModulo(bytes, 0)).toBeLessThan(0)
  })
})

describe('which way', () => {
  const WINDOW = ROUTE_WINDOW_BYTE_LENGTH

  test('short files stay in the cache', () => {
    const route = new WriteRoute(true)
    route.note(WINDOW - 1, 10)
    expect(route.route).toBe('cached')
    route.note(1, 0)
    expect(route.route).toBe('direct')
  })

  test('durable files go past it, however slowly', () => {
    const route = new WriteRoute(true)
    for (const milliseconds of [10, 1000, 1000]) route.note(WINDOW, milliseconds)
    expect(route.route).toBe('direct')
  })

  test('others go the faster way, and change when it becomes the slower one', () => {
    const route = new WriteRoute(false)
    route.note(WINDOW, 20)
    expect(route.route).toBe('direct')
    route.note(WINDOW, 50)
    expect(route.route).toBe('cached')
    route.note(WINDOW, 30)
    expect(route.route).toBe('cached')
    route.note(WINDOW, 200)
    expect(route.route).toBe('direct')
    route.note(WINDOW, 60)
    expect(route.route).toBe('direct')
  })

  test('never where it was refused', () => {
    const route = new WriteRoute(true)
    route.refuseDirect()
    for (let i = 0; i < 5; i++) route.note(WINDOW, 100)
    expect(route.route).toBe('cached')
  })
})
