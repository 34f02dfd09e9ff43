// Files that end too early, and files whose reads fail: always a typed error, never zeros, never a crash.

import { readFileSync, writeFileSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { describe, expect, it } from 'vitest'
import { NdView } from '../../src/array/view.ts'
import { FaultError, FormatError, type Memmap, open, readHeader } from '../../src/index.ts'
import { arrayAt, readHeaderFrom } from '../../src/npy/header.ts'
import { type FileAccess, FileSource } from '../../src/storage/file.ts'
import { close, corpusPath, expectBytes, readJson, rejectionOf, sources, temporaryFolder } from '../support/sources.ts'

interface ValidEntry {
  file?: string
  data_offset: number
  nbytes: number
}

const OBJECT_FILES = ['33_O.npy', '34_StringDType.npy', '48_struct_w_obj.npy']
const files = readJson<ValidEntry[]>(corpusPath('valid/manifest.json')).filter(
  ({ file }) => file !== undefined && !OBJECT_FILES.includes(file),
)
const folder = temporaryFolder()
const maxHeaderSize = 200_000

function cutTo(file: string, byteLength: number): string {
  const path = folder(`${byteLength}-${file}`)
  writeFileSync(path, readFileSync(corpusPath(`valid/${file}`)).subarray(0, byteLength))
  return path
}

describe.each(sources)('cut short, over $name', (source) => {
  it.each(files)('$file by one byte', async ({ file, nbytes }) => {
    const path = cutTo(file!, nbytes - 1)
    const error = await rejectionOf(source.open(path, { maxHeaderSize }))
    expect(error).toBeInstanceOf(FormatError)
    expect(error).toMatchObject({ path, format: 'npy' })
    expect(error.message).toContain(path)
  })

  it.each(files.filter(({ nbytes }) => nbytes < 400))('$file to every length', async ({ file, nbytes }) => {
    const path = folder(`every-${source.name}-${file}`)
    const whole = readFileSync(corpusPath(`valid/${file}`))
    for (let byteLength = nbytes - 1; byteLength >= 0; byteLength--) {
      writeFileSync(path, whole.subarray(0, byteLength))
      const error = await rejectionOf(source.open(path))
      expect(error, `${byteLength} bytes`).toBeInstanceOf(FormatError)
      expect(error).toMatchObject({ path, format: 'npy' })
    }
  })

  it.each(source.name === 'heap' ? [] : files)('$file by one byte, to be edited', async ({ file, nbytes }) => {
    const path = cutTo(file!, nbytes - 1)
    const before = readFileSync(path)
    expect(await rejectionOf(source.edit(path))).toBeInstanceOf(FormatError)
    expectBytes(readFileSync(path), before, 'NumPy lengthens the file; we must not')
  })

  it('longer is fine: NumPy ignores what follows the data', async () => {
    for (const { file } of files) {
      const path = folder(`longer-${source.name}.npy`)
      writeFileSync(path, Buffer.concat([readFileSync(corpusPath(`valid/${file}`)), Buffer.alloc(5, 0xee)]))
      const longer = await source.open(path, { maxHeaderSize })
      const exact = await source.open(corpusPath(`valid/${file}`), { maxHeaderSize })
      expect(longer.toArray()).toEqual(exact.toArray())
      close(longer)
      close(exact)
    }
  })
})

describe('readHeader of a file cut short', () => {
  it.each(files)('$file', ({ file, data_offset, nbytes }) => {
    // The header is whole: it is told, with how much of the data is there.
    const path = cutTo(file!, data_offset)
    const header = readHeader(path, { maxHeaderSize })
    expect(header.fileByteLength).toBe(data_offset)
    expect(header.byteOffset + header.nbytes).toBe(nbytes)
    expect(() => readHeader(cutTo(file!, data_offset - 1), { maxHeaderSize })).toThrow(FormatError)
  })
})

type Failure = 'EIO' | 'EINTR' | 'ESTALE' | 'nothing'

/** A file in memory whose read number `failAt` fails; short reads are fine and happen all the time. */
class FailingAccess implements FileAccess {
  reads = 0
  readonly bytes: Uint8Array
  readonly #failAt: number
  readonly #failure: Failure
  readonly #longest: number

  constructor(bytes: Uint8Array, failure: Failure, failAt: number, longest: number) {
    this.bytes = bytes
    this.#failure = failure
    this.#failAt = failAt
    this.#longest = longest
  }

  readSync(into: Uint8Array, position: number): number {
    if (this.reads++ === this.#failAt) {
      if (this.#failure === 'nothing') return 0
      // ESTALE of a network disk has no name in Node, but in src/storage/os.ts.
      const errno = [...getSystemErrorMap()].find(([, [name]]) => name === this.#failure)?.[0] ?? -116
      throw Object.assign(new Error(`${this.#failure}: read`), { errno, code: this.#failure, syscall: 'read' })
    }
    const count = Math.min(into.byteLength, this.#longest, this.bytes.byteLength - position)
    into.set(this.bytes.subarray(position, position + count))
    return count
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position)
  }

  writeSync(from: Uint8Array, position: number): number {
    const count = Math.min(from.byteLength, this.#longest)
    if (this.reads++ === this.#failAt) {
      if (this.#failure === 'nothing') return 0
      throw Object.assign(new Error(`${this.#failure}: write`), { errno: -5, code: 'EIO', syscall: 'write' })
    }
    this.bytes.set(from.subarray(0, count), position)
    return count
  }

  isFile(): boolean {
    return false
  }

  byteLength(): number {
    return this.bytes.byteLength
  }

  async sync(): Promise<void> {}
  close(): void {}
}

const PATH = '/somewhere/a.npy'

function openOver(access: FileAccess & { bytes: Uint8Array }, writable = false): NdView {
  const source = new FileSource(access, { path: PATH, byteLength: access.bytes.byteLength, writable })
  return new NdView(arrayAt(source, 0, readHeaderFrom(source, 0, { maxHeaderSize })))
}

const LONGEST = [11, 64, 1 << 20]

function expectFault(error: unknown, failure: Failure, byteLength: number): void {
  expect(error).toBeInstanceOf(FaultError)
  const { reason, path, byteOffset, errno } = error as FaultError
  expect(reason).toBe(failure === 'nothing' ? 'truncated' : 'io')
  expect(errno).toBe(failure === 'nothing' ? undefined : failure)
  expect(path).toBe(PATH)
  expect(byteOffset).toBeGreaterThanOrEqual(0)
  expect(byteOffset).toBeLessThan(byteLength)
  expect((error as Error).message).toContain(`at byte ${byteOffset} of ${PATH}`)
}

describe.each<Failure>(['EIO', 'EINTR', 'ESTALE', 'nothing'])('a read that fails with %s', (failure) => {
  const shapes: [string, (array: NdView) => unknown][] = [
    ['toBytes', (array) => array.toBytes()],
    ['toArray', (array) => array.toArray()],
    [
      'strided toBytes',
      (array) =>
        array
          .transpose()
          .slice(...array.shape.map(() => '::-1'))
          .toBytes(),
    ],
    ['read', (array) => array.read()],
    ['every get', (array) => array.shape.length === 2 && [array.get(0, 0), array.get(-1, -1)]],
    ['prefetch', (array) => array.prefetch()],
  ]

  it.each(shapes)('%s: at every read until none fails', async (_name, use) => {
    for (const file of ['05_f8.npy', '14_F.npy', '18_F_noncontig_T_of_slice.npy']) {
      const bytes = readFileSync(corpusPath(`valid/${file}`))
      const whole = open(corpusPath(`valid/${file}`))
      const expected = await use(whole)
      whole.close()
      for (const longest of LONGEST) {
        let done = false
        for (let failAt = 0; !done; failAt++) {
          const access = new FailingAccess(bytes, failure, failAt, longest)
          try {
            const result = await use(openOver(access))
            // Never wrong data: if it succeeds, no read failed on the way.
            expect(access.reads).toBeLessThanOrEqual(failAt)
            expect(result).toEqual(expected)
            done = true
          } catch (error) {
            if (done) throw error
            expectFault(error, failure, bytes.byteLength)
          }
        }
      }
    }
  })
})

describe('a write that fails', () => {
  it.each<Failure>(['EIO', 'nothing'])('with %s: a typed error at every write until none fails', (failure) => {
    const original = readFileSync(corpusPath('valid/14_F.npy'))
    for (const longest of [3, 8, 1 << 20]) {
      let done = false
      for (let failAt = 0; !done; failAt++) {
        const access = new FailingAccess(Buffer.from(original), failure, failAt, longest)
        try {
          const array = openOver(access, true) as NdView<'float64'>
          array.fill(2.5)
          expect(access.reads).toBeLessThanOrEqual(failAt)
          expect(array.toArray()).toEqual(new Array(3).fill(new Array(4).fill(2.5)))
          done = true
        } catch (error) {
          if (done) throw error
          expect(error).toBeInstanceOf(FaultError)
          expect(error).toMatchObject({ path: PATH })
        }
      }
    }
  })
})

describe('a file that is cut after it was opened', () => {
  it('throws FaultError over pread, for good', () => {
    const path = folder('cut-later.npy')
    writeFileSync(path, readFileSync(corpusPath('valid/05_f8.npy')))
    using array: Memmap = open(path, { mmap: false })
    writeFileSync(path, readFileSync(path).subarray(0, 130))
    expect(() => array.toBytes()).toThrow(FaultError)
    expect(() => array.get(1, 2)).toThrow(expect.objectContaining({ reason: 'truncated', path }))
  })
})
