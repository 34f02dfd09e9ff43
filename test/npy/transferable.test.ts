// toTransferable() and Memmap.from(): the same elements of the same file in other threads and processes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, renameSync, truncateSync, unlinkSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  buildInfo,
  FormatError,
  load,
  Memmap,
  type NdView,
  OsError,
  open,
  openNpz,
  savez,
  savezCompressed,
  type TransferableArray,
  UnsupportedError,
} from '../../src/index.ts'
import { expectAlive, runScript } from '../faults/child.ts'
import { writeNpy, writeNumbers } from '../support/arrays.ts'
import { corpusPath, temporaryFolder, thrownBy } from '../support/sources.ts'

const folder = temporaryFolder()
const isMapped = buildInfo().addon
const dist = new URL('../../dist/index.js', import.meta.url).href
const path = writeNumbers(folder('a.npy'), [6, 4, 5])

/** As `postMessage`, and JSON in between processes, hand it on. */
const ways: [string, (from: TransferableArray) => TransferableArray][] = [
  ['postMessage', (from) => structuredClone(from)],
  ['JSON', (from) => JSON.parse(JSON.stringify(from)) as TransferableArray],
]

describe.each(ways)('by %s', (_name, handOn) => {
  it.each([true, false])('gives the same view, mmap %s', (mmap) => {
    using array = open(path, { mmap })
    const views: NdView[] = [
      array,
      array.slice(2),
      array.slice('::-1', null, '1:4:2'),
      array.transpose(),
      array.slice(0, 0, 0),
      array.slice('3:3'),
      array.reshape([2, 60]),
    ]
    for (const view of views) {
      using other = Memmap.from(handOn(view.toTransferable()))
      expect(other.shape).toEqual(view.shape)
      expect(other.byteStrides).toEqual(view.byteStrides)
      expect(other.byteOffset).toBe(view.byteOffset)
      expect(other.toArray()).toEqual(view.toArray())
      expect([other.mode, other.path, other.source.kind]).toEqual(['r', path, array.source.kind])
    }
  })

  it.each([
    ['<f8', 3],
    ['>i2', 4],
    ['<M8[25s]', 2],
    ['<U3', 5],
    [
      [
        ['x', '<i4'],
        ['', '|V4'],
        [['title', 'y'], '>f8', [2]],
      ],
      2,
    ],
  ] as const)('keeps the dtype %j', (dtype, count) => {
    const made = Memmap.create(folder('dtype.npy'), { dtype: dtype as never, shape: [count] })
    using other = Memmap.from(handOn(made.toTransferable()))
    expect(String(other.dtype)).toBe(String(made.dtype))
    expect(other.dtype.itemSize).toBe(made.dtype.itemSize)
    if (other.dtype.fields !== null) expect(other.field('y').shape).toEqual([2, 2])
    made.close()
  })

  it('gives stored members, and says what to do for others', async () => {
    using array = open(path)
    await savez(folder('stored.npz'), { a: array, b: array.slice(1) })
    await savezCompressed(folder('deflated.npz'), { a: array })
    using stored = openNpz(folder('stored.npz'))
    using other = Memmap.from(handOn(stored.get('b').toTransferable()))
    expect(other.toArray()).toEqual(array.slice(1).toArray())
    using deflated = openNpz(folder('deflated.npz'))
    const error = thrownBy(() => deflated.get('a').toTransferable())
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error.message).toMatch(/open the archive on the other side/)
    const inMemory = await load(path)
    const refused = thrownBy(() => inMemory.toTransferable())
    expect(refused).toBeInstanceOf(UnsupportedError)
    expect(refused.message).toMatch(/post its typed array/)
  })
})

describe('modes', () => {
  it.each([true, false])('r+ writes to the same file, mmap %s', (mmap) => {
    const target = writeNumbers(folder(`edit-${mmap}.npy`), [4, 4])
    using array = open<'float32'>(target, { mode: 'r+', mmap })
    using other = Memmap.from<'float32'>(array.slice(1).toTransferable())
    expect(other.mode).toBe('r+')
    other.set(2, -7)
    expect(array.get(1, 2)).toBe(-7)
    array.set([1, 3], -8)
    expect(other.get(3)).toBe(-8)
  })

  it('w+ goes on as r+', () => {
    using array = Memmap.create<'float32'>(folder('new.npy'), { dtype: 'float32', shape: [3] })
    using other = Memmap.from<'float32'>(array.toTransferable())
    expect(other.mode).toBe('r+')
  })

  it.runIf(isMapped)('writes in mode c stay where they are', () => {
    using array = open<'float32'>(path, { mode: 'c' })
    array.set([0, 0, 0], 99)
    using other = Memmap.from<'float32'>(array.toTransferable())
    expect([other.mode, other.get(0, 0, 0)]).toEqual(['c', 0])
    other.set([0, 0, 1], 98)
    expect(array.get(0, 0, 1)).toBe(1)
  })
})

describe.each([true, false])('another file at the path, mmap %s', (mmap) => {
  it('is noticed', () => {
    const target = writeNumbers(folder(`old-${mmap}.npy`), [6])
    using array = open(target, { mmap })
    const from = array.toTransferable()
    copyFileSync(target, folder('same'))
    renameSync(folder('same'), target)
    expect(thrownBy(() => Memmap.from(from))).toMatchObject({ code: 'ESTALE', path: target })
    expect(thrownBy(() => array.toTransferable())).toMatchObject({ code: 'ESTALE', path: target })
    unlinkSync(target)
    expect(thrownBy(() => Memmap.from(from))).toMatchObject({ code: 'ENOENT' })
    expect(thrownBy(() => array.toTransferable())).toBeInstanceOf(OsError)
  })

  it('the same file grown is the same, cut short is not', () => {
    const target = writeNumbers(folder(`size-${mmap}.npy`), [6])
    using array = open(target, { mmap })
    const from = array.toTransferable()
    truncateSync(target, 1000)
    using other = Memmap.from(from)
    expect(other.toArray()).toEqual([0, 1, 2, 3, 4, 5])
    truncateSync(target, 140)
    expect(thrownBy(() => Memmap.from(from))).toBeInstanceOf(FormatError)
  })
})

describe('what is none', () => {
  using array = open(path)
  const from = array.toTransferable()

  it.each([
    [null, TypeError],
    ['a.npy', TypeError],
    [{}, TypeError],
    [{ ...from, mode: 'w' }, TypeError],
    [{ ...from, file: null }, TypeError],
    [{ ...from, file: { dev: 1, ino: 2, byteLength: 3 } }, TypeError],
    [{ ...from, shape: 'x' }, TypeError],
    [{ ...from, byteStrides: [4] }, TypeError],
    [{ ...from, byteStrides: [4, 4, 0.5] }, TypeError],
    [{ ...from, dtype: 'nothing' }, TypeError],
    [{ ...from, dtype: '|O' }, UnsupportedError],
    [{ ...from, shape: [7, 4, 5] }, RangeError],
    [{ ...from, byteOffset: -4 }, RangeError],
    [{ ...from, byteOffset: '128' }, RangeError],
    [{ ...from, byteOffset: 2 ** 53 }, RangeError],
  ])('%j', (value, type) => {
    expect(thrownBy(() => Memmap.from(value as never))).toBeInstanceOf(type)
  })
})

describe('elsewhere', () => {
  // Both import the built package.
  beforeAll(() => expectAlive(runScript('')), 120_000)

  it('a worker maps the same pages', async () => {
    const target = writeNumbers(folder('worker.npy'), [100, 100])
    using array = open<'float32'>(target, { mode: 'r+' })
    const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(${JSON.stringify(dist)}).then(async ({ Memmap }) => {
        const view = Memmap.from(workerData)
        const seen = view.get(3)
        view.set(4, 123)
        view.close()
        parentPort.postMessage(seen)
      })`
    array.set([10, 3], 42)
    const worker = new Worker(script, { eval: true, workerData: array.slice(10).toTransferable() })
    expect(await once(worker, 'message')).toEqual([42])
    expect(array.get(10, 4)).toBe(123)
    await worker.terminate()
  })

  it.each([true, false])('two processes see what each other writes, mmap %s', async (mmap) => {
    const target = writeNumbers(folder(`processes-${mmap}.npy`), [1000, 100])
    using array = open<'float32'>(target, { mode: 'r+', mmap })
    const script = `
      import { createInterface } from 'node:readline'
      import { Memmap } from ${JSON.stringify(dist)}
      let view = null
      for await (const line of createInterface({ input: process.stdin })) {
        const { from, set, get } = JSON.parse(line)
        if (from) view = Memmap.from(from)
        if (set) view.set(...set)
        console.log(JSON.stringify(get ? view.get(...get) : 'ok'))
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const ask = async (request: unknown): Promise<unknown> => {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return JSON.parse((await answers.next()).value as string)
    }
    expect(await ask({ from: array.toTransferable() })).toBe('ok')
    for (const [row, column] of [
      [0, 0],
      [999, 99],
      [500, 7],
    ] as const) {
      array.set([row, column], row + 0.5)
      expect(await ask({ get: [row, column] })).toBe(row + 0.5)
      expect(await ask({ set: [[row, column], -row - 1] })).toBe('ok')
      expect(array.get(row, column)).toBe(-row - 1)
      if (array.source.kind === 'mapped') expect(array.slice(row).typedArray[column]).toBe(-row - 1)
    }
    child.stdin.end()
    await once(child, 'close')
  })

  it('the example sums on all cores', async () => {
    const example = fileURLToPath(new URL('../../examples/parallel-sum.mjs', import.meta.url))
    const file = writeNpy(
      folder('sum.npy'),
      '<u2',
      [1001, 1000],
      Uint16Array.from({ length: 1_001_000 }, (_, i) => i),
    )
    const expected = Uint16Array.from({ length: 1_001_000 }, (_, i) => i).reduce((sum, x) => sum + x, 0)
    for (const args of [[file], [file, '3']]) {
      const child = spawn(process.execPath, [example, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
      const lines: string[] = []
      child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text))
      const [code] = await once(child, 'close')
      expect([code, lines.join('')]).toEqual([0, `${expected}\n`])
    }
  })
})

it('a path with symbols in it', () => {
  const target = folder('ü 100%.npy')
  copyFileSync(corpusPath('valid/04_f4.npy'), target)
  using array = open(target)
  using other = Memmap.from(array.toTransferable())
  expect([basename(other.path), dirname(other.path)]).toEqual([basename(target), dirname(target)])
  expect(other.toArray()).toEqual(array.toArray())
})
