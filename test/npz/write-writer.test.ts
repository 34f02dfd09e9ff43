// NpzWriter: members one after another, of known and unknown length, taken back, refused, ended.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { ReadableStream } from 'node:stream/web'
import { describe, expect, test } from 'vitest'
import type { Descr } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { OrderedWork } from '../../src/npz/ordered-work.ts'
import { NpzWriter } from '../../src/npz/writer.ts'
import { inMemory, writeNumbers } from '../support/arrays.ts'
import { bytesOf, expectBytes, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'
import { chunksOf, memberOf, npyOf, readZip } from './write-support.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`w${serial++}.npz`)
const quick = { sync: false }
const random = seededRandom(8)
const numbers = (count: number, start = 0): Float64Array => Float64Array.from({ length: count }, (_, i) => start + i)
const dataOf = (path: string, name: string): Buffer => npyOf(memberOf(readZip(path), `${name}.npy`)).data
const headerOf = (path: string, name: string) => npyOf(memberOf(readZip(path), `${name}.npy`)).header
const temporary = (): string[] => readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))
const growing = { dtype: 'float64', shape: [null, 4] } as const
const storings = [
  { how: 'stored', compress: false },
  { how: 'deflated', compress: true },
  { how: 'deflated in short chunks', compress: { blockByteLength: 5000, level: 1 } },
] as const

describe.each(storings)('members of unknown length, $how', ({ compress }) => {
  test.each([0, 1, 3, 500, 70_000, 300_000])('%s rows', async (rows) => {
    const path = fresh()
    await using writer = await NpzWriter.create(path, { ...quick, compress })
    await writer.write('before', [1, 2])
    const member = await writer.member('grown', growing)
    const values = numbers(rows * 4)
    for (let at = 0; at < values.length; ) {
      const count = 1 + Math.floor(random() ** 4 * 200_000)
      const chunk = values.subarray(at, at + count)
      // Bytes may end anywhere, in a byte of an element too.
      const bytes = bytesOf(chunk)
      const cut = Math.floor(random() * bytes.length)
      await member.writeBytes(bytes.subarray(0, cut))
      await member.writeBytes(bytes.subarray(cut))
      at += count
    }
    expect(member.shape).toEqual([rows, 4])
    await member.close()
    await member.close()
    await writer.write('after', [3, 4])
    await writer.close()
    expect(headerOf(path, 'grown')).toMatchObject({ shape: [rows, 4], order: 'C' })
    expectBytes(dataOf(path, 'grown'), values)
    expectBytes(dataOf(path, 'before'), numbers(2, 1))
    expectBytes(dataOf(path, 'after'), numbers(2, 3))
    const zip = readZip(path)
    const blockByteLength = typeof compress === 'object' ? compress.blockByteLength : 262_144
    for (const each of zip.members) {
      if (compress !== false) chunksOf(zip, each, blockByteLength)
      // Room for zip64 where the length was not known, and no zip64 fields.
      expect([each.versionNeeded, each.flags]).toEqual([20, 0])
      if (compress !== false) expect(each.localExtra.length).toBe(each.name === 'grown.npy' ? 20 : 0)
      else expect((each.byteOffset + npyOf(each).header.byteOffset) % 64).toBe(0)
    }
  })

  test('chunks of every kind, in both orders', async () => {
    const path = fresh()
    await using writer = await NpzWriter.create(path, { ...quick, compress })
    const c = await writer.member('c', { dtype: '>i2', shape: [null, 3] })
    expect([c.name, c.order, c.dtype.str]).toEqual(['c', 'C', '>i2'])
    await c.write(Int16Array.of(1, 2))
    await c.write(Int16Array.of(3))
    await c.write([[4, 5, 6]])
    await c.write([7, 8, 9])
    await c.write(inMemory('<i2', [1, 3], new Uint8Array([10, 0, 11, 0, 12, 0])))
    expect(c.rowCount).toBe(4)
    await c.close()
    const f = await writer.member('f', { dtype: 'float64', shape: [2, null], order: 'F' })
    await f.write([
      [1, 3],
      [2, 4],
    ])
    await f.write(Float64Array.of(5, 6))
    await f.close()
    const stream = await writer.member('stream', growing)
    async function* source() {
      for (let i = 0; i < 50; i++) yield numbers(4 * 1000, i * 4000)
    }
    await ReadableStream.from(source()).pipeTo(stream.writable())
    await writer.close()
    const wanted = Buffer.from(Int16Array.from({ length: 12 }, (_, i) => i + 1).buffer).swap16()
    expectBytes(dataOf(path, 'c'), wanted)
    expect(headerOf(path, 'f')).toMatchObject({ shape: [2, 3], order: 'F' })
    expectBytes(dataOf(path, 'f'), numbers(6, 1))
    expectBytes(dataOf(path, 'stream'), numbers(200_000))
  })

  test('a header longer than a chunk is written over all the same', async () => {
    const path = fresh()
    await using writer = await NpzWriter.create(path, { ...quick, compress })
    const dtype = Array.from({ length: 5000 }, (_, i) => [`field ${i}`, '|u1']) as Descr
    const member = await writer.member('wide', { dtype, shape: [null] })
    await member.writeBytes(new Uint8Array(15_000).fill(7))
    await member.close()
    await writer.close()
    expect(headerOf(path, 'wide')).toMatchObject({ shape: [3], version: [2, 0] })
    expectBytes(dataOf(path, 'wide'), new Uint8Array(15_000).fill(7))
    const zip = readZip(path)
    if (typeof compress === 'object') chunksOf(zip, zip.members[0]!, compress.blockByteLength)
  })

  test('a member that is aborted was never there', async () => {
    const [one, two] = [fresh(), fresh()]
    for (const path of [one, two]) {
      await using writer = await NpzWriter.create(path, { ...quick, compress })
      await writer.write('a', numbers(100_000))
      for (const rows of path === one ? [0, 10, 400_000] : []) {
        await using member = await writer.member('b', growing)
        if (rows > 0) await member.write(numbers(4 * rows))
        const unawaited = member.write(numbers(4))
        await member.abort()
        await unawaited.catch(() => {})
        expect(await rejectionOf(member.write(numbers(4)))).toMatchObject({ name: 'ClosedError', path })
        expect(await rejectionOf(member.close())).toMatchObject({ name: 'ClosedError' })
        await member.abort()
      }
      await writer.write('b', numbers(10))
      await writer.write('c', numbers(100_000))
      await writer.close()
    }
    expectBytes(readFileSync(one), readFileSync(two))
  })
})

describe('refused, and the writer goes on', () => {
  test('names that are taken, a second member, chunks that do not fit, ends that come too early', async () => {
    const path = fresh()
    await using writer = await NpzWriter.create(path, quick)
    await writer.write('a', numbers(3))
    const taken = { name: 'SelectionError', message: expect.stringMatching(/"a" already, as "a.npy"/) }
    expect(await rejectionOf(writer.write('a', numbers(3)))).toMatchObject(taken)
    expect(await rejectionOf(writer.member('a', growing))).toMatchObject(taken)
    expect((await rejectionOf(writer.write('n\0', [1]))).name).toBe('RangeError')
    expect((await rejectionOf(writer.write(7 as never, [1]))).name).toBe('TypeError')
    expect((await rejectionOf(writer.write('b', [[1], [2, 3]]))).name).toBe('SelectionError')
    expect((await rejectionOf(writer.write('b', [1], { compres: true } as never))).message).toMatch(/compres/)
    expect((await rejectionOf(writer.member('b', { dtype: 'float64', shape: [2, null] }))).name).toBe('SelectionError')
    expect((await rejectionOf(writer.member('b', { dtype: 'float64', shape: [] }))).name).toBe('SelectionError')
    expect((await rejectionOf(writer.member('b', { ...growing, compress: { level: 13 } }))).name).toBe('RangeError')

    const member = await writer.member('b', { dtype: 'float64', shape: [2, 2] })
    const isOpen = { name: 'TypeError', message: expect.stringMatching(/"b" is still being written/) }
    expect(await rejectionOf(writer.member('c', growing))).toMatchObject(isOpen)
    expect(await rejectionOf(writer.write('c', [1]))).toMatchObject(isOpen)
    expect(await rejectionOf(writer.close())).toMatchObject(isOpen)
    expect((await rejectionOf(member.write(Float32Array.of(1)))).name).toBe('TypeError')
    await member.write(numbers(3))
    expect((await rejectionOf(member.write(numbers(2)))).message).toMatch(/expected 2 rows/)
    expect((await rejectionOf(member.close())).message).toMatch(/8 of 16 bytes/)
    await member.write(numbers(1, 3))
    await member.close()
    const short = await writer.member('c', { dtype: 'float64', shape: [2, 2], compress: true })
    await short.write(numbers(2))
    expect((await rejectionOf(short.close())).message).toMatch(/expected 2 rows, got 1/)
    await short.abort()
    await writer.close()
    expect(readZip(path).members.map(({ name }) => name)).toEqual(['a.npy', 'b.npy'])
    expectBytes(dataOf(path, 'b'), numbers(4))
    for (const late of [writer.write('d', [1]), writer.member('d', growing)]) {
      expect(await rejectionOf(late)).toMatchObject({ name: 'ClosedError', path })
    }
    await writer.close()
    await writer.abort()
    expect(existsSync(path)).toBe(true)
  })

  test('calls that are not awaited keep their order', async () => {
    const path = fresh()
    await using writer = await NpzWriter.create(path, { ...quick, compress: true })
    const values = numbers(200_000)
    void writer.write('a', values)
    void writer.write('b', values.subarray(0, 10), { compress: false })
    const opening = writer.member('c', growing)
    const refused = rejectionOf(writer.write('d', values))
    const member = await opening
    expect((await refused).name).toBe('TypeError')
    void member.write(values.subarray(0, 4))
    void member.write([...values.subarray(4, 8)])
    void member.write(values.subarray(8))
    void member.close()
    void writer.write('e', values)
    await writer.close()
    expect(readZip(path).members.map(({ name }) => name)).toEqual(['a.npy', 'b.npy', 'c.npy', 'e.npy'])
    for (const name of ['a', 'c', 'e']) expectBytes(dataOf(path, name), values)
  })
})

describe('ends', () => {
  test('abort, leaving a scope, and a signal leave no trace', async () => {
    const path = fresh()
    writeFileSync(path, 'old')
    const aborted = await NpzWriter.create(path, { compress: true })
    await aborted.write('a', numbers(500_000))
    await aborted.abort()
    expect(await rejectionOf(aborted.close())).toMatchObject({ name: 'ClosedError' })
    {
      await using writer = await NpzWriter.create(path)
      await using member = await writer.member('a', growing)
      await member.write(numbers(500_000))
    }
    const reason = new Error('enough')
    const controller = new AbortController()
    const writer = await NpzWriter.create(path, { signal: controller.signal, compress: true })
    const writing = writer.write('a', numbers(2_000_000))
    setTimeout(() => controller.abort(reason))
    await expect(writing).rejects.toBe(reason)
    await expect(writer.close()).rejects.toBe(reason)
    await expect(NpzWriter.create(path, { signal: controller.signal })).rejects.toBe(reason)
    expect(readFileSync(path, 'latin1')).toBe('old')
    expect(temporary()).toEqual([])
  })

  test('abort while members are under way ends every call', async () => {
    const path = fresh()
    const writer = await NpzWriter.create(path, { compress: true })
    const member = await writer.member('a', growing)
    const calls = [member.write(numbers(2_000_000)), member.write(numbers(4)), member.close(), writer.close()]
    await writer.abort()
    for (const { status } of await Promise.allSettled(calls)) expect(status).toBe('rejected')
    expect(await rejectionOf(member.write(numbers(4)))).toMatchObject({ name: 'ClosedError' })
    await member.abort()
    expect(existsSync(path)).toBe(false)
    expect(temporary()).toEqual([])
  })

  test('places that are not there, files that are no files', async () => {
    expect(await rejectionOf(NpzWriter.create(inFolder('no/x.npz')))).toMatchObject({ code: 'ENOENT' })
    expect(await rejectionOf(NpzWriter.create(inFolder('')))).toMatchObject({ name: 'UnsupportedError' })
    expect(await rejectionOf(NpzWriter.append(inFolder('none.npz')))).toMatchObject({ code: 'ENOENT' })
    const npy = writeNumbers(inFolder('x.npy'), [4])
    const code = loadAddon() === null ? 'ERR_UNSUPPORTED' : 'ERR_FORMAT'
    expect(await rejectionOf(NpzWriter.append(npy))).toMatchObject({ code })
    expect(temporary()).toEqual([])
  })
})

describe('memory', () => {
  test('work under way is bounded, in order, and not lost when it fails', async () => {
    const work = new OrderedWork()
    const used: number[] = []
    let running = 0
    let most = 0
    for (let i = 0; i < 50; i++) {
      const start = async (): Promise<number> => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, random() * 4))
        running--
        return i
      }
      await work.add(start, (result) => void used.push(result))
    }
    await work.drain()
    expect(used).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(most).toBe(4)
    await work.add(
      () => Promise.reject(new Error('failed')),
      () => {},
    )
    await new Promise((resolve) => setTimeout(resolve))
    await expect(work.drain()).rejects.toThrow('failed')
  })

  test.each(storings)('a long member, $how, takes no more than a short one', async ({ compress }) => {
    const chunk = new Float64Array(128 * 1024)
    const path = fresh()
    await using writer = await NpzWriter.create(path, { ...quick, compress })
    const member = await writer.member('a', { dtype: 'float64', shape: [null] })
    let most = 0
    let first = 0
    for (let i = 0; i < 96; i++) {
      await member.write(chunk)
      const { arrayBuffers } = process.memoryUsage()
      if (i < 32) first = Math.max(first, arrayBuffers)
      most = Math.max(most, arrayBuffers)
    }
    await member.close()
    await writer.close()
    // 96 MiB went through; buffers wait for the collector, as they do in the first third.
    expect(most).toBeLessThan(first + 48 * 1024 * 1024)
  })
})
