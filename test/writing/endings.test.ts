// What a writer does when things end in unusual ways: detached chunks, replaced files, failures nobody waits for.

import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { buildInfo, FormatError, load, NpyWriter, open, readHeader, save, UnsupportedError } from '../../src/index.ts'
import { createWriter } from '../../src/npy/writer.ts'
import { writeNumbers } from '../support/arrays.ts'
import { rejectionOf, temporaryFolder } from '../support/sources.ts'
import { FailingOutput } from './failing-output.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`${serial++}.npy`)
const temporary = (): string[] => readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i + 1)
const { addon } = buildInfo()

describe('a chunk that is detached', () => {
  test.runIf(addon)('while it is written is written whole', async () => {
    const values = numbers(3_000_000)
    const source = fresh()
    await save(source, values)
    const array = open(source)
    const path = fresh()
    const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null] })
    const written = writer.write(array.is('float32') ? array.typedArray : [])
    await new Promise((resolve) => setImmediate(resolve))
    array.close()
    await written
    await writer.write(Float32Array.of(7, 8))
    await writer.close()
    const result = (await load<'float32'>(path)).toTypedArray()
    expect(result.length).toBe(3_000_002)
    expect([result[0], result[2_999_999], result[3_000_001]]).toEqual([1, 3_000_000, 8])
  })

  test('before its turn is refused', async () => {
    const path = fresh()
    const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null] })
    const first = writer.write(numbers(1_000_000))
    const chunk = numbers(10)
    const second = writer.write(chunk)
    structuredClone(chunk.buffer, { transfer: [chunk.buffer as ArrayBuffer] })
    await first
    expect(await rejectionOf(second)).toBeInstanceOf(TypeError)
    await writer.close()
    expect(readHeader(path).shape).toEqual([1_000_000])
  })
})

describe('failures', () => {
  test('a second close() tells of the failure of the first', async () => {
    const system = new FailingOutput({ at: 1, errno: 'EIO', calls: ['sync'] })
    const writer = await createWriter(system, fresh(), { dtype: 'float32', shape: [null] })
    await writer.write(numbers(4))
    const [first, second] = [writer.close(), writer.close()]
    expect(await rejectionOf(first)).toMatchObject({ code: 'EIO' })
    expect(await rejectionOf(second)).toMatchObject({ code: 'EIO' })
  })

  test('a write that fails leaves no debris, and every later call tells of it', async () => {
    const system = new FailingOutput({ at: 2, errno: 'ENOSPC', calls: ['write'], forEver: true })
    const writer = await createWriter(system, fresh(), { dtype: 'float32', shape: [null] })
    expect(await rejectionOf(writer.write(numbers(1_000_000)))).toMatchObject({ code: 'ENOSPC' })
    expect(temporary()).toEqual([])
    expect(system.open_.size).toBe(0)
    expect(await rejectionOf(writer.write(numbers(1)))).toMatchObject({ code: 'ENOSPC' })
    expect(await rejectionOf(writer.close())).toMatchObject({ code: 'ENOSPC' })
  })

  test('a write after close() is refused, also when nobody waits for it', async () => {
    const writer = await NpyWriter.create(fresh(), { dtype: 'float32', shape: [null] })
    const closing = writer.close()
    expect(await rejectionOf(writer.write(numbers(1)))).toMatchObject({ code: 'ERR_CLOSED' })
    await closing
  })

  test('a signal ends a writer within a chunk, and await using waits for it', async () => {
    const path = fresh()
    const controller = new AbortController()
    const writer = await NpyWriter.create(path, { dtype: 'uint8', shape: [null], signal: controller.signal })
    const written = writer.write(new Uint8Array(600 * 1024 * 1024))
    setImmediate(() => controller.abort(new Error('enough')))
    expect(await rejectionOf(written)).toMatchObject({ message: 'enough' })
    await writer[Symbol.asyncDispose]()
    expect(temporary()).toEqual([])
    expect(existsSync(path)).toBe(false)
  })
})

describe.runIf(addon)('append', () => {
  test('to a file that was replaced meanwhile is an error, not a loss', async () => {
    const path = writeNumbers(fresh(), [4])
    const writer = await NpyWriter.append(path)
    await save(path, numbers(2))
    await writer.write(numbers(1))
    expect(await rejectionOf(writer.checkpoint())).toMatchObject({ code: 'ESTALE' })
    expect(readHeader(path).shape).toEqual([2])
  })

  test('can follow at once on one that was aborted', async () => {
    const path = writeNumbers(fresh(), [4])
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController()
      const writer = await NpyWriter.append(path, { signal: controller.signal })
      await writer.write(numbers(1))
      controller.abort()
      await writer[Symbol.asyncDispose]()
    }
    expect(readHeader(path).shape).toEqual([4])
  })

  test.each([0, 1, 2])('goes on in F order after %i columns', async (columns) => {
    const path = fresh()
    const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [3, null], order: 'F' })
    await writer.write(numbers(3 * columns))
    await writer.close()
    const more = await NpyWriter.append(path)
    await more.write(numbers(3))
    await more.close()
    expect(readHeader(path)).toMatchObject({ shape: [3, columns + 1], order: 'F' })
  })
})

describe('recover', () => {
  test('looks without the right to write, and without the lock', async () => {
    const path = writeNumbers(fresh(), [4])
    writeFileSync(path, Uint8Array.of(1, 2), { flag: 'a' })
    expect(await NpyWriter.recover(path)).toMatchObject({ headerRows: 4, leftoverByteLength: 2, repaired: false })
  })
})

describe('save', () => {
  test.runIf(addon)('in place knows its own source under another name', async () => {
    const path = writeNumbers(fresh(), [4096])
    const moved = fresh()
    const array = open(path)
    renameSync(path, moved)
    expect(await rejectionOf(save(moved, array, { atomic: false }))).toBeInstanceOf(UnsupportedError)
    if (!array.is('float32')) throw new FormatError('test', { format: 'npy', expected: 'float32', found: 'other' })
    expect(await rejectionOf(save(moved, array.typedArray, { atomic: false }))).toBeInstanceOf(UnsupportedError)
    expect(array.toTypedArray().length).toBe(4096)
    array.close()
  })

  test('casts nothing that says what it is', async () => {
    const data = { data: new BigInt64Array(2), dtype: 'datetime64[ns]' } as const
    expect(await rejectionOf(save(fresh(), data, { dtype: 'datetime64[s]' }))).toBeInstanceOf(TypeError)
    const writer = await NpyWriter.create(fresh(), { dtype: 'datetime64[s]', shape: [null] })
    expect(await rejectionOf(writer.write(data))).toBeInstanceOf(TypeError)
    await writer.abort()
  })

  test('names the place of what is too deep', async () => {
    const error = await rejectionOf(
      save(fresh(), [
        [1, 2],
        [3, [4]],
      ] as never),
    )
    expect(error).toMatchObject({ code: 'ERR_SELECTION', message: expect.stringContaining('[1, 1]') })
  })

  test('takes a record with a field named data for a record', async () => {
    const path = fresh()
    const dtype = [
      ['data', '|V2'],
      ['n', '<i4'],
    ] as const
    await save(path, [{ data: Uint8Array.of(1, 2), n: 3 }], { dtype })
    expect((await load(path)).get(0)).toEqual({ data: Uint8Array.of(1, 2), n: 3 })
  })

  test('writes native values in the other byte order', async () => {
    const path = fresh()
    await save(path, numbers(3), { dtype: '>f4' })
    const array = await load<'float32'>(path)
    expect([array.dtype.str, ...array.toTypedArray()]).toEqual(['>f4', 1, 2, 3])
  })
})
