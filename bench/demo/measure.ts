// The child process of the demo: takes the figures of one way of reading, in a process that has done nothing before.
// Run as `measure.js mapped|whole PATH VECTORS`; every step is sent to the parent as a message.

import { closeSync, openSync, promises, readSync } from 'node:fs'
import type { Memmap, NdView, TypedArray } from 'npymap'
import { formatBytes } from '../format.ts'
import { type Memory, memoryNow } from '../memory.ts'
import { partsOf } from './parts.ts'
import { valueAt } from './values.ts'

/** One line of the table. */
export interface Step {
  readonly what: string
  /** The call, as a user writes it. */
  readonly code: string
  /** Of the result. */
  readonly byteLength: number | null
  readonly firstNs: number
  /** Median of some more runs; null for what is done once. */
  readonly againNs: number | null
  readonly before: Memory
  readonly after: Memory
}

export type Message = { readonly step: Step } | { readonly refused: { what: string; reason: string } }

const REPEATS = 9
const PATIENCE_NS = 300e6
const PIECE_BYTE_LENGTH = 64 * 1024 * 1024

const [way, path, vectors] = process.argv.slice(2) as ['mapped' | 'whole', string, 'vectors' | 'any']
/** Results stay alive until the end, or the memory column would not show them. */
const kept: unknown[] = []

function send(message: Message): void {
  process.send?.(message)
}

interface Timed<R> {
  readonly what: string
  readonly code: string
  readonly run: () => R | Promise<R>
  readonly byteLength?: (result: R) => number
  /** Undoes a repetition; without it there is none. */
  readonly repeat?: (result: R) => void
}

async function take<R>({ what, code, run, byteLength, repeat }: Timed<R>): Promise<R> {
  globalThis.gc?.()
  const before = memoryNow()
  const started = process.hrtime.bigint()
  const result = await run()
  const firstNs = Number(process.hrtime.bigint() - started)
  kept.push(result)
  // Without what was only needed on the way.
  globalThis.gc?.()
  const after = memoryNow()
  const samples: number[] = []
  let spent = 0
  while (repeat !== undefined && samples.length < REPEATS && spent < PATIENCE_NS) {
    const again = process.hrtime.bigint()
    const other = run() as R
    const ns = Number(process.hrtime.bigint() - again)
    repeat(other)
    samples.push(ns)
    spent += ns
  }
  samples.sort((a, b) => a - b)
  const againNs = samples.length === 0 ? null : samples[samples.length >> 1]!
  send({ step: { what, code, byteLength: byteLength?.(result) ?? null, firstNs, againNs, before, after } })
  return result
}

function nothing(): void {}

const bytesOf = ({ byteLength }: { byteLength: number }): number => byteLength

/** Elements in place where they lie so, else copied; bytes for dtypes without a typed array. */
function elements(view: NdView, isLayoutError: (error: unknown) => boolean): { call: string; values: TypedArray } {
  for (const call of ['typedArray', 'toTypedArray()'] as const) {
    try {
      return { call, values: call === 'typedArray' ? view.typedArray : view.toTypedArray() }
    } catch (error) {
      if (!isLayoutError(error)) throw error
    }
  }
  return { call: 'toBytes()', values: view.toBytes() }
}

/** Throws when a part of the demo's own file is not what was written: fast and wrong would be no figure. */
function check(array: NdView, view: NdView, values: ArrayLike<number | bigint>): void {
  if (vectors !== 'vectors') return
  const strides = view.byteStrides.map((stride) => stride / 4)
  const first = (view.byteOffset - array.byteOffset) / 4
  const [rows = 1, columns = 1] = view.shape
  const [rowStride = 0, columnStride = 0] = strides
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const expected = valueAt(first + row * rowStride + column * columnStride)
      const found = values[row * columns + column]
      if (found !== expected) throw new Error(`wrong value at [${row}, ${column}]: expected ${expected}, got ${found}`)
    }
  }
}

async function mapped(): Promise<void> {
  const npymap = await take({
    what: 'load the library',
    code: "import 'npymap'",
    run: async () => {
      const npymap = await import('npymap')
      npymap.buildInfo() // loads the addon, which open() would do
      return npymap
    },
  })
  const isLayoutError = (error: unknown): boolean => error instanceof npymap.LayoutError
  const array: Memmap = await take({
    what: 'open',
    code: 'open(path)',
    run: () => npymap.open(path),
    repeat: (opened) => opened.close(),
  })
  for (const { what, selectors, code } of partsOf(array)) {
    if (what === 'one element') {
      const value = await take({
        what,
        code: `${code}`,
        run: () => array.get(...(selectors as number[])),
        byteLength: () => array.dtype.itemSize,
        repeat: nothing,
      })
      if (typeof value === 'number') check(array, array.slice(...selectors), [value])
      continue
    }
    // Which way it goes is found out on one element, so that the measured run is the first to touch the rest.
    const { call } = elements(sample(array.slice(...selectors)), isLayoutError)
    const run = (): TypedArray => {
      const view = array.slice(...selectors)
      if (call === 'typedArray') return view.typedArray
      return call === 'toTypedArray()' ? view.toTypedArray() : view.toBytes()
    }
    const values = await take({ what, code: `${code}.${call}`, run, byteLength: bytesOf, repeat: nothing })
    check(array, array.slice(...selectors), values)
  }
}

/** A small view with the layout of the given one. */
function sample(view: NdView): NdView {
  return view.slice(...view.shape.map((extent) => `:${Math.min(2, extent)}`))
}

async function whole(): Promise<void> {
  const { open } = await import('npymap')
  // Only to know where what is; closed before anything is measured.
  const array = open(path)
  const { byteOffset, nbytes, dtype, order } = array
  const strides = array.byteStrides.map((stride) => stride / dtype.itemSize)
  const parts = partsOf(array).map((part) => ({ ...part, view: array.slice(...part.selectors) }))
  array.close()

  try {
    await take({
      what: 'the whole file',
      code: 'await fs.readFile(path)',
      run: () => promises.readFile(path),
      byteLength: bytesOf,
    })
    kept.length = 0
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    send({ refused: { what: 'await fs.readFile(path)', reason: code === undefined ? message : `${code}: ${message}` } })
  }

  const room = process.availableMemory()
  if (nbytes * 1.1 > room) {
    const reason = `needs ${formatBytes(nbytes)} of memory, ${formatBytes(room)} are free`
    send({ refused: { what: 'fs.readSync into one ArrayBuffer', reason } })
    return
  }
  const buffer = await take({
    what: 'the whole file',
    code: 'fs.readSync(…) in pieces, into one ArrayBuffer',
    run: () => readInPieces(byteOffset, nbytes),
    byteLength: bytesOf,
  })
  const TypedArray = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array }[
    dtype.name as string
  ]
  if (TypedArray === undefined || !dtype.isNative || order === null) return
  const all = new TypedArray(buffer)
  for (const { what, view } of parts) {
    const first = (view.byteOffset - byteOffset) / dtype.itemSize
    const viewStrides = view.byteStrides.map((stride) => stride / dtype.itemSize)
    const dense = what === 'one row' && strides.at(-1) === 1
    const values = await take({
      what,
      code: what === 'one element' ? 'all[i]' : dense ? 'all.subarray(…)' : 'a loop over all[i * stride + …]',
      run: () => {
        if (what === 'one element') return all.subarray(first, first + 1)
        if (dense) return all.subarray(first, first + view.size)
        const out = new TypedArray(view.size)
        const [rows = 1, columns = 1] = view.shape
        const [rowStride = 0, columnStride = 0] = viewStrides
        for (let row = 0, at = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++)
            out[at++] = all[first + row * rowStride + column * columnStride]!
        }
        return out
      },
      byteLength: bytesOf,
      repeat: nothing,
    })
    check({ byteOffset } as NdView, view, values)
  }
}

function readInPieces(byteOffset: number, byteLength: number): ArrayBuffer {
  const buffer = new ArrayBuffer(byteLength)
  const fd = openSync(path, 'r')
  try {
    for (let done = 0; done < byteLength; ) {
      const piece = new Uint8Array(buffer, done, Math.min(PIECE_BYTE_LENGTH, byteLength - done))
      const count = readSync(fd, piece, 0, piece.byteLength, byteOffset + done)
      if (count === 0) throw new Error(`${path} ends early`)
      done += count
    }
  } finally {
    closeSync(fd)
  }
  return buffer
}

try {
  await (way === 'mapped' ? mapped() : whole())
} catch (error) {
  send({ refused: { what: way, reason: error instanceof Error ? error.message : String(error) } })
  process.exitCode = 1
}
process.disconnect?.()
