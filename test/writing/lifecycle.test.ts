// NpyWriter from open to close: targets untouched until then, aborts that leave no trace, streams of every kind.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { load, NpyWriter, readHeader } from '../../src/index.ts'
import { createWriter } from '../../src/npy/writer.ts'
import { writeNumbers } from '../support/arrays.ts'
import { bytesOf, expectBytes, rejectionOf, temporaryFolder } from '../support/sources.ts'
import { FailingOutput } from './failing-output.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`${serial++}.npy`)
const numbers = (start: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => start + i)
const temporary = (): string[] => readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))
const refusal = (promise: Promise<void>): Promise<unknown> => promise.catch((error: unknown) => error)
const growing = { dtype: 'float32', shape: [null, 3] } as const

describe('until close', () => {
  test('the target is untouched', async () => {
    const path = writeNumbers(fresh(), [4, 3])
    const bytes = readFileSync(path)
    const writer = await NpyWriter.create(path, growing)
    for (let i = 0; i < 5; i++) {
      await writer.write(numbers(i * 300_000, 300_000))
      await writer.checkpoint()
      expectBytes(readFileSync(path), bytes)
      // A checkpoint is visible where the file is made.
      const [name] = temporary()
      expect(readHeader(inFolder(name!)).shape).toEqual([(i + 1) * 100_000, 3])
      expectBytes((await load(inFolder(name!))).toBytes(), numbers(0, (i + 1) * 300_000))
    }
    await writer.close()
    expect(temporary()).toEqual([])
    expectBytes((await load(path)).toBytes(), numbers(0, 1_500_000))
  })

  test.each([
    ['abort', (writer: NpyWriter) => writer.abort()],
    ['await using', (writer: NpyWriter) => writer[Symbol.asyncDispose]()],
    ['using', (writer: NpyWriter) => Promise.all([writer[Symbol.dispose](), writer.abort()])],
    ['abort twice', (writer: NpyWriter) => Promise.all([writer.abort(), writer.abort()])],
    [
      'abort under writes',
      (writer: NpyWriter) => Promise.all([refusal(writer.write(numbers(0, 900_000))), writer.abort()]),
    ],
    ['abort under a view', (writer: NpyWriter) => Promise.all([refusal(writer.write([[1, 2, 3]])), writer.abort()])],
  ])('%s leaves no trace', async (_, end) => {
    for (const there of [false, true]) {
      const path = there ? writeNumbers(fresh(), [4, 3]) : fresh()
      const bytes = there ? readFileSync(path) : null
      const writer = await NpyWriter.create(path, growing)
      await writer.write(numbers(0, 600_000))
      await end(writer)
      expect(temporary()).toEqual([])
      expect(existsSync(path) ? readFileSync(path) : null).toEqual(bytes)
      await expect(writer.write(numbers(0, 3))).rejects.toMatchObject({ name: 'ClosedError' })
      await expect(writer.close()).rejects.toMatchObject({ name: 'ClosedError' })
      await expect(writer.checkpoint()).rejects.toMatchObject({ name: 'ClosedError' })
      await writer.abort()
    }
  })

  test('abort while it closes: either the one or the other, and no descriptor is closed twice', async () => {
    for (let ticks = 0; ticks < 40; ticks++) {
      const path = fresh()
      const system = new FailingOutput({ at: Number.POSITIVE_INFINITY, errno: 'EIO' })
      const writer = await createWriter(system, path, growing)
      await writer.write(numbers(0, 300))
      const closed = writer.close().then(
        () => true,
        () => false,
      )
      for (let i = 0; i < ticks; i++) await null
      if (ticks > 30) await new Promise((resolve) => setImmediate(resolve))
      await writer.abort()
      expect(existsSync(path)).toBe(await closed)
      expect(system.misuses).toEqual([])
      expect([...system.open_]).toEqual([])
    }
    expect(temporary()).toEqual([])
  })

  test('after close, abort and dispose do nothing', async () => {
    const path = fresh()
    {
      await using writer = await NpyWriter.create(path, growing)
      await writer.write([1, 2, 3])
      await Promise.all([writer.close(), writer.close()])
      await writer.abort()
    }
    expect((await load(path)).toArray()).toEqual([[1, 2, 3]])
  })

  test('a signal ends it, at any time', async () => {
    const reason = new Error('enough')
    const path = fresh()
    await expect(NpyWriter.create(path, { ...growing, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    for (const when of ['idle', 'writing', 'view', 'closing', 'creating']) {
      const controller = new AbortController()
      const options = { ...growing, signal: controller.signal }
      if (when === 'creating') {
        const creating = NpyWriter.create(path, options)
        controller.abort(reason)
        await expect(creating).rejects.toBe(reason)
      } else {
        const writer = await NpyWriter.create(path, options)
        const going = {
          idle: () => null,
          writing: () => writer.write(numbers(0, 3_000_000)),
          view: () => writer.write([[1, 2, 3]]),
          closing: () => writer.close(),
        }[when]!()
        const settled = going?.catch((error: unknown) => error)
        controller.abort(reason)
        expect([undefined, reason]).toContain(await settled)
        await writer.abort()
        if (when !== 'closing') await expect(writer.write(numbers(0, 3))).rejects.toBe(reason)
      }
      expect(temporary(), when).toEqual([])
      expect(existsSync(path), when).toBe(false)
    }
    // Once closed, it does not listen any more.
    const controller = new AbortController()
    const writer = await NpyWriter.create(path, { ...growing, signal: controller.signal })
    await writer.write([1, 2, 3])
    await writer.close()
    controller.abort(reason)
    expect((await load(path)).shape).toEqual([1, 3])
  })

  test('writes that are not awaited keep their order', async () => {
    const path = fresh()
    await using writer = await NpyWriter.create(path, growing)
    let at = 0
    const next = (count: number): Float32Array => {
      at += count
      return numbers(at - count, count)
    }
    for (let i = 0; i < 60; i++) {
      void writer.write(next(3 * i))
      if (i % 7 === 0) void writer.write([[at, at + 1, at + 2]]).then(() => {}, expect.unreachable)
      if (i % 7 === 0) at += 3
      if (i % 11 === 0) void writer.checkpoint()
      void writer.writeBytes(bytesOf(next(1)))
      if (i % 13 === 0) void writer.write(next(300_000))
    }
    void writer.write(next((3 - (at % 3)) % 3))
    await writer.close()
    expectBytes((await load(path)).toBytes(), numbers(0, at))
  })
})

describe('streams', () => {
  const expected = numbers(0, 300_000)
  const pieces = (): Float32Array[] => Array.from({ length: 100 }, (_, i) => numbers(i * 3000, 3000))
  async function* generated(): AsyncGenerator<Float32Array> {
    for (const piece of pieces()) {
      await null
      yield piece
    }
  }
  /** Bytes cut where no element ends. */
  function cut(): Buffer[] {
    const bytes = bytesOf(expected)
    return Array.from({ length: Math.ceil(bytes.length / 997) }, (_, i) => bytes.subarray(i * 997, (i + 1) * 997))
  }
  const webStream = (chunks: readonly unknown[]): ReadableStream<unknown> => {
    const left = [...chunks]
    return new ReadableStream({
      pull: (controller) => (left.length > 0 ? controller.enqueue(left.shift()) : controller.close()),
    })
  }

  const cases: [string, boolean, (to: WritableStream<unknown>) => Promise<unknown>][] = [
    ['generator', false, (to) => pipeline(pieces(), to as never)],
    ['async generator', false, (to) => pipeline(generated(), to as never)],
    ['Node stream of objects', false, (to) => pipeline(Readable.from(pieces()), to as never)],
    ['Node stream of bytes', true, (to) => pipeline(Readable.from(cut(), { objectMode: false }), to as never)],
    ['web stream', false, (to) => webStream(pieces()).pipeTo(to)],
    ['web stream of bytes', true, (to) => webStream(cut()).pipeTo(to)],
    ['web stream through pipeline', false, (to) => pipeline(webStream(pieces()) as never, to as never)],
    ['web stream with a transform', true, (to) => webStream(cut()).pipeThrough(new TransformStream()).pipeTo(to)],
  ]
  test.each(cases)('%s', async (_, bytes, run) => {
    const path = fresh()
    const writer = await NpyWriter.create(path, growing)
    await run(writer.writable({ bytes }))
    expect((await load(path)).shape).toEqual([100_000, 3])
    expectBytes((await load(path)).toBytes(), expected)
    await expect(writer.write(numbers(0, 3))).rejects.toMatchObject({ name: 'ClosedError' })
  })

  const failure = new Error('the source failed')
  async function* failing(): AsyncGenerator<unknown> {
    yield* pieces().slice(0, 30)
    throw failure
  }
  const failures: [string, (to: WritableStream<unknown>) => Promise<unknown>, unknown][] = [
    ['a generator that throws', (to) => pipeline(failing(), to as never), failure],
    ['a Node stream that fails', (to) => pipeline(Readable.from(failing()), to as never), failure],
    [
      'a web stream that fails',
      (to) => (Readable.toWeb(Readable.from(failing())) as ReadableStream).pipeTo(to),
      failure,
    ],
    [
      'a chunk of another dtype',
      (to) => pipeline([numbers(0, 3), new Float64Array(3)], to as never),
      expect.any(TypeError),
    ],
    ['the same in a web stream', (to) => webStream([[1, 2, 3], ['text']]).pipeTo(to), expect.any(TypeError)],
    [
      'half a row at the end',
      (to) => pipeline([numbers(0, 4)], to as never),
      expect.objectContaining({ code: 'ERR_SELECTION' }),
    ],
    [
      'the same in a web stream at close',
      (to) => webStream([numbers(0, 4)]).pipeTo(to),
      expect.objectContaining({ code: 'ERR_SELECTION' }),
    ],
    [
      'a signal',
      (to) => webStream(pieces()).pipeTo(to, { signal: AbortSignal.abort() }),
      expect.objectContaining({ name: 'AbortError' }),
    ],
  ]
  test('a signal of pipeline() is given to create, too', async () => {
    const path = fresh()
    const controller = new AbortController()
    const { signal } = controller
    const writer = await NpyWriter.create(path, { ...growing, signal })
    async function* source(): AsyncGenerator<Float32Array> {
      for (const [i, piece] of pieces().entries()) {
        if (i === 50) controller.abort()
        yield piece
      }
    }
    expect(await rejectionOf(pipeline(source(), writer.writable() as never, { signal }))).toMatchObject({
      name: 'AbortError',
    })
    await writer.abort()
    expect(existsSync(path)).toBe(false)
    expect(temporary()).toEqual([])
  })

  test.each(failures)('%s aborts the writer', async (_, run, error) => {
    const path = fresh()
    writeFileSync(path, 'old')
    const writer = await NpyWriter.create(path, growing)
    expect(await rejectionOf(run(writer.writable()))).toEqual(error)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(readFileSync(path).subarray(0, 10).toString('latin1')).toBe('old')
    expect(temporary()).toEqual([])
    await expect(writer.write(numbers(0, 3))).rejects.toMatchObject({ name: 'ClosedError' })
  })
})
