// The addon's inflate verbs against node:zlib: any data, any pieces, on this thread and on the pool, from access points;
// and what they do with data and arguments that are none.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Addon,
  buildInfo,
  type InflaterHandle,
  loadAddon,
  type MappingHandle,
  MappingMode,
} from '../../src/native/binding.ts'

const { EBUSY, EILSEQ, EINVAL, ERANGE } = constants.errno
const addon = loadAddon() as Addon
const NONE = new Uint8Array(0)
const WINDOW = 32768

/** The same numbers every time. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) % 2 ** 32
    return Math.floor(((state < 0 ? state + 2 ** 32 : state) / 2 ** 32) * below)
  }
}

type Kind = 'noise' | 'numbers' | 'zeros' | 'text'

function content(kind: Kind, byteLength: number, seed: number): Uint8Array {
  const random = randomOf(seed)
  const bytes = new Uint8Array(byteLength)
  if (kind === 'zeros') return bytes
  if (kind === 'numbers') for (let i = 0; i < byteLength; i += 4) bytes[i] = random(200)
  else for (let i = 0; i < byteLength; i++) bytes[i] = kind === 'noise' ? random(256) : 97 + random(6)
  return bytes
}

function newInflater(): InflaterHandle {
  const inflater = addon.inflater()
  if (typeof inflater === 'number') throw new Error(`inflater: ${inflater}`)
  return inflater
}

interface Piece {
  consumed: number
  produced: number
  ended: boolean
  bits: number
  crc: number
}

function pieceOf(status: number, result: Float64Array): Piece {
  expect(status).toBe(0)
  const [consumed = 0, produced = 0, ended = 0, bits = 0, crc = 0] = result
  return { consumed, produced, ended: ended === 1, bits, crc }
}

type Cut = (left: number) => number
const all: Cut = (left) => left

/** Inflates it all in the pieces that `cut` gives, on this thread or on the pool. */
async function inflateAll(
  inflater: InflaterHandle,
  input: Uint8Array,
  output: Uint8Array,
  cut: Cut = all,
  pooled = false,
): Promise<number> {
  const result = new Float64Array(5)
  const verb = pooled ? addon.inflateAsync : addon.inflate
  for (let from = 0, to = 0; ; ) {
    const inputEnd = from + cut(input.length - from)
    const outputEnd = to + cut(output.length - to)
    const status = await verb(inflater, input, from, inputEnd, output, to, outputEnd, Infinity, true, result)
    const piece = pieceOf(status, result)
    if (piece.crc !== zlib.crc32(output.subarray(to, to + piece.produced))) throw new Error('CRC of a piece')
    from += piece.consumed
    to += piece.produced
    if (!piece.ended) continue
    expect(from).toBe(input.length)
    return to
  }
}

interface Point {
  inputOffset: number
  outputOffset: number
  bits: number
  window: Uint8Array
}

/** Every access point at least `spacing` of output after the last. */
function pointsOf(input: Uint8Array, byteLength: number, spacing: number): Point[] {
  const inflater = newInflater()
  const output = new Uint8Array(byteLength)
  const result = new Float64Array(5)
  const points: Point[] = []
  for (let from = 0, to = 0; ; ) {
    const status = addon.inflate(inflater, input, from, input.length, output, to, byteLength, spacing, false, result)
    const piece = pieceOf(status, result)
    expect(piece.crc).toBe(0)
    from += piece.consumed
    to += piece.produced
    if (piece.ended) return points
    expect(piece.bits).toBeGreaterThanOrEqual(0)
    const window = new Uint8Array(WINDOW)
    const windowByteLength = addon.inflaterWindow(inflater, window)
    expect(windowByteLength).toBe(Math.min(to, WINDOW))
    expect(Buffer.compare(window.subarray(0, windowByteLength), output.subarray(to - windowByteLength, to))).toBe(0)
    points.push({
      inputOffset: from,
      outputOffset: to,
      bits: piece.bits,
      window: window.subarray(0, windowByteLength),
    })
  }
}

describe.skipIf(!loadAddon()?.hasInflate)('the addon inflates', () => {
  const anyContent = fc.record({
    kind: fc.constantFrom<Kind>('noise', 'numbers', 'zeros', 'text'),
    byteLength: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 200_000 })),
    level: fc.integer({ min: 0, max: 9 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })

  it.each([false, true])('as node:zlib, in any pieces (on the pool: %s)', async (pooled) => {
    const inflater = newInflater()
    await fc.assert(
      fc.asyncProperty(anyContent, async ({ kind, byteLength, level, seed }) => {
        const bytes = content(kind, byteLength, seed)
        const input = zlib.deflateRawSync(bytes, { level })
        const random = randomOf(seed)
        for (const cut of [all, (left: number) => Math.min(left, random(5000))]) {
          const output = new Uint8Array(byteLength)
          expect(addon.inflaterReset(inflater, 0, 0, NONE)).toBe(0)
          expect(await inflateAll(inflater, input, output, cut, pooled)).toBe(byteLength)
          expect(Buffer.compare(output, bytes)).toBe(0)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('8 MiB at once', async () => {
    const bytes = content('numbers', 8 * 2 ** 20, 5)
    const output = new Uint8Array(bytes.length)
    expect(await inflateAll(newInflater(), zlib.deflateRawSync(bytes), output, all, true)).toBe(bytes.length)
    expect(Buffer.compare(output, bytes)).toBe(0)
  })

  it('resumes at every access point', () => {
    for (const [kind, level] of [
      ['numbers', 6],
      ['noise', 1],
      ['text', 9],
      ['zeros', 6],
    ] as const) {
      const bytes = content(kind, 1_000_000, 3)
      const input = zlib.deflateRawSync(bytes, { level, memLevel: 4 })
      const points = pointsOf(input, bytes.length, 1)
      if (kind !== 'zeros') expect(points.length).toBeGreaterThan(10)
      const inflater = newInflater()
      const result = new Float64Array(5)
      for (const { inputOffset, outputOffset, bits, window } of points) {
        const wanted = Math.min(2 * WINDOW, bytes.length - outputOffset)
        const output = new Uint8Array(wanted)
        expect(addon.inflaterReset(inflater, bits, input[inputOffset - 1]!, window)).toBe(0)
        const { length } = input
        const status = addon.inflate(inflater, input, inputOffset, length, output, 0, wanted, Infinity, false, result)
        expect(pieceOf(status, result).produced).toBe(wanted)
        expect(Buffer.compare(output, bytes.subarray(outputOffset, outputOffset + wanted))).toBe(0)
      }
    }
  })

  it('stops at the first boundary that is far enough', () => {
    const bytes = content('numbers', 2_000_000, 4)
    const input = zlib.deflateRawSync(bytes, { memLevel: 5 })
    const offsets = pointsOf(input, bytes.length, 0).map((point) => point.outputOffset)
    for (const spacing of [1, 5000, 65_536, 300_000, offsets[7]!, offsets[7]! + 1]) {
      const expected: number[] = []
      for (const offset of offsets) if (offset - (expected.at(-1) ?? 0) >= spacing) expected.push(offset)
      expect(pointsOf(input, bytes.length, spacing).map((point) => point.outputOffset)).toEqual(expected)
    }
  })

  it('with 100 inflaters at once', async () => {
    const bytes = content('text', 300_000, 6)
    const input = zlib.deflateRawSync(bytes)
    const outputs = Array.from({ length: 100 }, () => new Uint8Array(bytes.length))
    await Promise.all(
      outputs.map((output, i) => inflateAll(newInflater(), input, output, (left) => Math.min(left, 9999 + i), true)),
    )
    for (const output of outputs) expect(Buffer.compare(output, bytes)).toBe(0)
  })

  it('refusing an inflater that a thread works on', async () => {
    const bytes = content('numbers', 2 ** 22, 7)
    const input = zlib.deflateRawSync(bytes)
    const output = new Uint8Array(bytes.length)
    const result = new Float64Array(5)
    const inflater = newInflater()
    const rest = [input, 0, input.length, output, 0, output.length, Infinity, true, result] as const
    const working = addon.inflateAsync(inflater, ...rest)
    expect(addon.inflateAsync(inflater, ...rest)).toBe(-EBUSY)
    expect(addon.inflate(inflater, ...rest)).toBe(-EBUSY)
    expect(addon.inflaterReset(inflater, 0, 0, NONE)).toBe(-EBUSY)
    expect(addon.inflaterWindow(inflater, new Uint8Array(WINDOW))).toBe(-EBUSY)
    expect(result).toEqual(new Float64Array(5))
    expect(pieceOf(await working, result)).toMatchObject({
      produced: bytes.length,
      ended: true,
      crc: zlib.crc32(bytes),
    })
    expect(addon.inflaterReset(inflater, 0, 0, NONE)).toBe(0)
    expect(pieceOf(addon.inflate(inflater, ...rest), result).produced).toBe(bytes.length)
  })

  it('garbage to an error, and is usable after it', async () => {
    const inflater = newInflater()
    const output = new Uint8Array(100_000)
    const result = new Float64Array(5)
    const good = zlib.deflateRawSync(content('text', 50_000, 8))
    let refused = 0
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomOf(seed)
      const input = seed % 2 ? content('noise', 1000, seed) : new Uint8Array(good)
      if (seed % 2 === 0) input[random(input.length)]! ^= 1 + random(255)
      expect(addon.inflaterReset(inflater, random(8), random(256), output.subarray(0, random(WINDOW + 1)))).toBe(0)
      const verb = seed % 3 ? addon.inflate : addon.inflateAsync
      const status = await verb(inflater, input, 0, input.length, output, 0, output.length, Infinity, true, result)
      expect([0, -EILSEQ]).toContain(status)
      expect(result[0]).toBeLessThanOrEqual(input.length)
      expect(result[1]).toBeLessThanOrEqual(output.length)
      if (status !== 0) refused++
    }
    expect(refused).toBeGreaterThan(100)
    expect(addon.inflaterReset(inflater, 0, 0, NONE)).toBe(0)
    expect(await inflateAll(inflater, good, output)).toBe(50_000)
  })

  it('nothing for arguments that are none', () => {
    const inflater = newInflater()
    const bytes = new Uint8Array(10)
    const result = new Float64Array(5)
    const good = [inflater, bytes, 0, 10, bytes, 0, 10, Infinity, false, result]
    const junk = [
      undefined,
      null,
      {},
      [],
      'x',
      7n,
      Symbol.iterator,
      () => 1,
      new Float32Array(3),
      new DataView(new ArrayBuffer(3)),
    ]
    const call = (name: string, args: unknown[]): unknown => {
      try {
        return (addon as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        return -EINVAL
      }
    }
    const all: [name: string, args: unknown[]][] = [
      ['inflate', good],
      ['inflateAsync', good],
      ['inflaterReset', [inflater, 0, 0, bytes]],
      ['inflaterWindow', [inflater, new Uint8Array(WINDOW)]],
      ['crc32', [bytes, 0]],
    ]
    for (const [name, args] of all)
      for (const at of args.keys()) for (const value of junk) expect(call(name, args.with(at, value))).toBe(-EINVAL)
    for (const name of ['inflate', 'inflateAsync']) {
      for (const at of [2, 3, 5, 6]) {
        for (const value of [-1, 11, 2 ** 53, -(2 ** 63), 2 ** 64])
          expect([-EINVAL, -ERANGE]).toContain(call(name, good.with(at, value)))
      }
      expect(call(name, good.with(2, 9).with(3, 8))).toBe(-EINVAL)
      expect(call(name, good.with(7, -1))).toBe(-EINVAL)
      expect(call(name, good.with(7, Number.NaN))).toBe(-EINVAL)
      expect(call(name, good.with(9, new Float64Array(4)))).toBe(-EINVAL)
      expect(call(name, [])).toBe(-EINVAL)
    }
    for (const args of [
      [8, 0, NONE],
      [-1, 0, NONE],
      [1, 256, NONE],
      [0, 0, new Uint8Array(WINDOW + 1)],
    ])
      expect(call('inflaterReset', [inflater, ...args])).toBe(-EINVAL)
    expect(call('inflaterWindow', [inflater, new Uint8Array(WINDOW - 1)])).toBe(-EINVAL)
    const gone = new Uint8Array(10)
    structuredClone(gone, { transfer: [gone.buffer] })
    expect(call('inflate', good.with(1, gone))).toBe(-ERANGE)
    expect(call('inflate', [inflater, gone, 0, 0, gone, 0, 0, 0, true, result])).toBe(0)
    expect(call('crc32', [gone, 5])).toBe(5)
  })

  it('inflaters that are dropped at work, and result arrays that go', async () => {
    const bytes = content('numbers', 200_000, 9)
    const input = zlib.deflateRawSync(bytes)
    const length = bytes.length
    for (let round = 0; round < 20; round++) {
      const outputs = Array.from({ length: 20 }, () => new Uint8Array(length))
      const working = outputs.map((output) => {
        const result = new Float64Array(5)
        const { length: end } = input
        const status = addon.inflateAsync(newInflater(), input, 0, end, output, 0, length, Infinity, true, result)
        if (round % 2) structuredClone(result, { transfer: [result.buffer] })
        for (let i = 0; i < 10; i++) newInflater()
        return status
      })
      expect(new Set(await Promise.all(working))).toEqual(new Set([0]))
      for (const output of outputs) expect(Buffer.compare(output, bytes)).toBe(0)
    }
  })

  it('from and into windows of files that are closed meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'npymap-inflate-'))
    try {
      const bytes = content('numbers', 2 ** 22, 11)
      const input = zlib.deflateRawSync(bytes)
      const [inputPath, outputPath] = [join(folder, 'input'), join(folder, 'output')]
      writeFileSync(inputPath, input)
      writeFileSync(outputPath, new Uint8Array(bytes.length))
      const map = (path: string, mode: number, byteLength: number): { handle: MappingHandle; view: Uint8Array } => {
        const handle = addon.open(path, mode, NONE) as MappingHandle
        return { handle, view: new Uint8Array(addon.window(handle, 0, byteLength) as ArrayBuffer) }
      }
      const from = map(inputPath, MappingMode.read, input.length)
      const into = map(outputPath, MappingMode.shared, bytes.length)
      const result = new Float64Array(5)
      const [end, outputEnd] = [input.length, bytes.length]
      const args = [from.view, 0, end, into.view, 0, outputEnd, Infinity, true, result] as const
      const working = addon.inflateAsync(newInflater(), ...args)
      expect(addon.close(from.handle)).toBe(0)
      expect(addon.close(into.handle)).toBe(0)
      expect(from.view.length + into.view.length).toBe(0)
      expect(pieceOf(await working, result).crc).toBe(zlib.crc32(bytes))
      expect(Buffer.compare(readFileSync(outputPath), bytes)).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('in workers that are stopped at work', async () => {
    const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      const zlib = require('node:zlib')
      const addon = require(workerData)
      const bytes = new Uint8Array(1 << 22).map((_, i) => i * i)
      const input = zlib.deflateRawSync(bytes)
      const work = () => {
        const args = [input, 0, input.length, new Uint8Array(1 << 22), 0, 1 << 22, Infinity, true, new Float64Array(5)]
        return addon.inflateAsync(addon.inflater(), ...args)
      }
      const loop = async () => { for (;;) await Promise.all([work(), work(), work(), work(), work(), work()]) }
      loop()
      parentPort.postMessage('at work')`
    for (let i = 0; i < 6; i++) {
      const worker = new Worker(script, { eval: true, workerData: buildInfo().addonPath })
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      await new Promise((resolve) => setTimeout(resolve, i * 3))
      expect(await worker.terminate()).toBe(1)
    }
  })
})

describe.skipIf(loadAddon() === null)('the addon takes CRC-32', () => {
  it('as node:zlib, from any seed and in pieces', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.nat({ max: 70 }),
        fc.nat({ max: 2000 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (bytes, start, end, seed) => {
          const part = bytes.subarray(start, end)
          // Of no bytes zlib's is 0 whatever the seed: that would lose the CRC so far.
          expect(addon.crc32(part, seed)).toBe(part.length === 0 ? seed : zlib.crc32(part, seed))
          const soFar = addon.crc32(bytes.subarray(0, start), seed)
          expect(addon.crc32(bytes.subarray(start), soFar)).toBe(addon.crc32(bytes, seed))
        },
      ),
    )
    const large = content('noise', 3_000_001, 10)
    expect(addon.crc32(large, 0)).toBe(zlib.crc32(large))
  })
})
