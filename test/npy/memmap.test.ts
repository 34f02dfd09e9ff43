// Opening, creating and raw files: paths, modes, options; and that an error comes before anything is touched.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  buildInfo,
  FormatError,
  load,
  Memmap,
  OsError,
  open,
  readHeader,
  SelectionError,
  UnsupportedError,
} from '../../src/index.ts'
import { writeNumbers } from '../support/arrays.ts'
import { corpusPath, expectBytes, rejectionOf, sources, temporaryFolder, thrownBy } from '../support/sources.ts'

const folder = temporaryFolder()
const mapped = buildInfo().addon

/** Limits how long this process may make files. */
function limitFileLength(byteLength: string): boolean {
  return spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${byteLength}:`]).status === 0
}

const canLimit = process.platform === 'linux' && limitFileLength('unlimited')

describe.each(sources)('a path over $name', (source) => {
  it('may be absolute or relative', async () => {
    const path = corpusPath('valid/05_f8.npy')
    expect((await source.open(relative(process.cwd(), path))).path).toBe(path)
  })

  it('may be a file URL', async () => {
    const path = writeNumbers(folder(`with space # and ü-${source.name}.npy`), [2])
    const array = await source.open(pathToFileURL(path) as never)
    expect([array.path, array.get(1)]).toEqual([path, 1])
  })

  it.each(['', 'a\0b', 5, null, undefined, {}])('%j is none', async (path) => {
    expect(await rejectionOf(source.open(path as never))).toBeInstanceOf(TypeError)
  })

  it('to nothing is ENOENT', async () => {
    const path = folder('not-there.npy')
    const error = await rejectionOf(source.open(path))
    expect(error).toBeInstanceOf(OsError)
    expect(error).toMatchObject({ code: 'ENOENT', path })
    expect(error.message).toContain(path)
  })

  it('to a folder or a device is refused', async () => {
    for (const path of [folder(''), '/dev/null']) {
      const error = await rejectionOf(source.open(path))
      expect(error).toBeInstanceOf(UnsupportedError)
      expect(error).toMatchObject({ feature: 'special files' })
    }
  })

  it('to an empty file is no .npy', async () => {
    const path = folder('empty.npy')
    writeFileSync(path, '')
    expect(await rejectionOf(source.open(path))).toBeInstanceOf(FormatError)
  })

  it('to a zip is told to be one', async () => {
    const path = folder('zip.npy')
    writeFileSync(path, Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200)]))
    expect(await rejectionOf(source.open(path))).toMatchObject({ code: 'ERR_UNSUPPORTED', feature: 'npz', path })
  })
})

describe('options', () => {
  const path = corpusPath('valid/05_f8.npy')
  const calls: [string, () => unknown][] = [
    ['open mmapMode', () => open(path, { mmapMode: 'r' } as never)],
    ['open mode w+', () => open(path, { mode: 'w+' as never })],
    ['open mode rw', () => open(path, { mode: 'rw' as never })],
    ['open null', () => open(path, null as never)],
    ['open string', () => open(path, 'r' as never)],
    ['readHeader mode', () => readHeader(path, { mode: 'r' } as never)],
    ['load mode', () => load(path, { mode: 'r' } as never)],
    [
      'create fortranOrder',
      () => Memmap.create(folder('no.npy'), { dtype: '<f4', shape: 2, fortranOrder: true } as never),
    ],
    ['create order K', () => Memmap.create(folder('no.npy'), { dtype: '<f4', shape: 2, order: 'K' as never })],
    ['create no dtype', () => Memmap.create(folder('no.npy'), { shape: 2 } as never)],
    ['create no shape', () => Memmap.create(folder('no.npy'), { dtype: '<f4' } as never)],
    ['create dtype of none', () => Memmap.create(folder('no.npy'), { dtype: 'float33', shape: 2 })],
    ['create sub-array', () => Memmap.create(folder('no.npy'), { dtype: ['<f4', [2]], shape: 2 })],
    ['create shape 2.5', () => Memmap.create(folder('no.npy'), { dtype: '<f4', shape: 2.5 })],
    ['create shape text', () => Memmap.create(folder('no.npy'), { dtype: '<f4', shape: '3' as never })],
    ['raw offset', () => Memmap.raw(path, { dtype: '<f4', offset: 1 } as never)],
    ['raw no shape w+', () => Memmap.raw(folder('no.npy'), { dtype: '<f4', mode: 'w+' })],
    ['raw mode', () => Memmap.raw(path, { dtype: '<f4', mode: 'a' as never })],
    ['toTypedArray', () => open(path).toTypedArray({ into: new Float64Array(6) } as never)],
    ['read', () => open(path).read({ abort: null } as never)],
  ]

  it.each(calls)('%s: TypeError, and nothing is touched', async (_name, call) => {
    expect(await rejectionOf((async () => call())())).toBeInstanceOf(TypeError)
    expect(existsSync(folder('no.npy'))).toBe(false)
  })

  it('a mode that makes files names create()', () => {
    expect(() => open(path, { mode: 'w+' as never })).toThrow(
      "expected 'r', 'r+', 'c', got 'w+'; Memmap.create() makes a new file",
    )
  })

  it('load stops at its signal', async () => {
    const reason = new Error('enough')
    expect(await rejectionOf(load(path, { signal: AbortSignal.abort(reason) }))).toBe(reason)
  })
})

describe.each([true, false])('Memmap.create, mmap %s', (mmap) => {
  const options = { dtype: '<f4', shape: [2, 3], mmap } as const

  it('makes zeros and replaces a file as a whole, keeping its mode', () => {
    const path = writeNumbers(folder(`replace-${mmap}.npy`), [2, 3])
    chmodSync(path, 0o640)
    using old = open<'float32'>(path)
    const oldBytes = readFileSync(path)
    using made = Memmap.create<'float32'>(path, options)
    expect([made.mode, made.writable, made.order, made.byteOffset, made.path]).toEqual(['w+', true, 'C', 128, path])
    expect(made.toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
    made.fill(7)
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(old.toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ])
    expect(oldBytes.length).toBe(readFileSync(path).length)
    using again = open(path)
    expect(again.get(1, 2)).toBe(7)
    expect(readdirSync(folder('')).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('follows a link', () => {
    const target = writeNumbers(folder(`target-${mmap}.npy`), [1])
    const link = folder(`link-${mmap}.npy`)
    symlinkSync(target, link)
    using made = Memmap.create(link, options)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(lstatSync(target).isFile()).toBe(true)
    made.fill(3)
    using seen = open(target)
    expect(seen.get(0, 0)).toBe(3)
  })

  it('follows a link to nothing, as open() with O_CREAT does', () => {
    const target = folder(`new-target-${mmap}.npy`)
    const link = folder(`dangling-${mmap}.npy`)
    symlinkSync(target, link)
    using made = Memmap.create(link, options)
    made.fill(3)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(existsSync(target)).toBe(true)
  })

  it('leaves what was there when it cannot', () => {
    const path = writeNumbers(folder(`stays-${mmap}.npy`), [2])
    const before = readFileSync(path)
    const bad = [
      { ...options, shape: [-1, 3] },
      { ...options, shape: [2 ** 40, 2 ** 40] },
      { ...options, shape: new Array(65).fill(1) },
      { ...options, dtype: 'O' },
    ]
    for (const wrong of bad) {
      const error = thrownBy(() => Memmap.create(path, wrong))
      expect(error instanceof SelectionError || error instanceof UnsupportedError).toBe(true)
      expectBytes(readFileSync(path), before)
    }
    const names = readdirSync(folder(''))
    expect(thrownBy(() => Memmap.create(folder('no/such/folder.npy'), options))).toMatchObject({ code: 'ENOENT' })
    mkdirSync(folder(`dir-${mmap}`))
    expect(thrownBy(() => Memmap.create(folder(`dir-${mmap}`), options))).toBeInstanceOf(UnsupportedError)
    expect(readdirSync(folder('')).filter((name) => !names.includes(name))).toEqual([`dir-${mmap}`])
  })

  // A limit on the length of files stands for a full disk. Never ask for more than there is instead: reserving would take
  // the whole disk first, and every other program would find it full.
  it.skipIf(!canLimit)('says that there is no room before the old file goes', () => {
    const path = writeNumbers(folder(`full-${mmap}.npy`), [2])
    const before = readFileSync(path)
    const ignore = (): void => {}
    process.on('SIGXFSZ', ignore)
    limitFileLength('65536')
    try {
      for (const reserve of [true, false]) {
        const error = thrownBy(() => Memmap.create(path, { ...options, shape: 50_000, reserve }))
        expect(error).toBeInstanceOf(OsError)
        expect(error).toMatchObject({ code: 'EFBIG' })
      }
    } finally {
      limitFileLength('unlimited')
      process.off('SIGXFSZ', ignore)
    }
    expectBytes(readFileSync(path), before)
    expect(readdirSync(folder('')).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it.each([[[]], [[0]], [[0, 5]], [[3, 0]], [7]])('takes shape %j', (shape) => {
    const path = folder(`shape-${mmap}.npy`)
    using made = Memmap.create<'int16'>(path, { dtype: 'int16', shape, mmap })
    using seen = open<'int16'>(path, { mmap })
    expect(seen.shape).toEqual(Array.isArray(shape) ? shape : [shape])
    expect(seen.toArray()).toEqual(made.toArray())
    expect(seen.nbytes).toBe(statSync(path).size - 128)
  })

  it.each(['C', 'F'] as const)('lays out in order %s', (order) => {
    const path = folder(`order-${mmap}-${order}.npy`)
    using made = Memmap.create<'int16'>(path, { dtype: '<i2', shape: [2, 3], order, mmap })
    expect(made.order).toBe(order)
    made.assign([
      [1, 2, 3],
      [4, 5, 6],
    ])
    made.close()
    expect([...new Int16Array(new Uint8Array(readFileSync(path).subarray(128)).buffer)]).toEqual(
      order === 'C' ? [1, 2, 3, 4, 5, 6] : [1, 4, 2, 5, 3, 6],
    )
  })
})

describe.each([true, false])('Memmap.raw, mmap %s', (mmap) => {
  const path = folder(`raw-${mmap}.bin`)
  writeFileSync(
    path,
    Uint8Array.from({ length: 50 }, (_, i) => i),
  )

  it('takes all that follows byteOffset', () => {
    using all = Memmap.raw<'uint8'>(path, { dtype: '|u1', mmap })
    expect([all.shape, all.get(49), all.mode, all.byteOffset]).toEqual([[50], 49, 'r', 0])
    using rest = Memmap.raw<'uint16'>(path, { dtype: '>u2', byteOffset: 8, mmap })
    expect([rest.shape, rest.get(0), rest.byteOffset]).toEqual([[21], 0x0809, 8])
    using none = Memmap.raw<'uint16'>(path, { dtype: '>u2', byteOffset: 50, mmap })
    expect([none.shape, none.toArray()]).toEqual([[0], []])
  })

  it('takes a shape and an order', () => {
    using array = Memmap.raw<'uint8'>(path, { dtype: '|u1', shape: [2, 3], order: 'F', byteOffset: 1, mmap })
    expect(array.toArray()).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ])
    using scalar = Memmap.raw<'uint8'>(path, { dtype: '|u1', shape: [], byteOffset: 5, mmap })
    expect(scalar.get()).toBe(5)
  })

  it('refuses what does not fit the file, which stays as it is', () => {
    const before = readFileSync(path)
    const bad = [
      { dtype: '<u4' },
      { dtype: '<u2', byteOffset: 1 },
      { dtype: '|u1', byteOffset: 51 },
      { dtype: '|u1', byteOffset: 1000 },
      { dtype: '|u1', shape: 51 },
      { dtype: '|u1', shape: 50, byteOffset: 1 },
      { dtype: '<f8', shape: [7] },
      { dtype: 'V0' },
    ]
    for (const wrong of bad) {
      for (const mode of ['r', 'r+'] as const) {
        const error = thrownBy(() => Memmap.raw(path, { ...wrong, mode, mmap }))
        expect(error, JSON.stringify(wrong)).toBeInstanceOf(FormatError)
        expect(error).toMatchObject({ format: 'raw', path })
      }
    }
    for (const byteOffset of [-1, 0.5, Number.NaN, 2 ** 53, '1' as never]) {
      expect(() => Memmap.raw(path, { dtype: '|u1', byteOffset, mmap })).toThrow(SelectionError)
    }
    expect(() => Memmap.raw(path, { dtype: '|u1', shape: [-1], mmap })).toThrow(SelectionError)
    expect(() => Memmap.raw(path, { dtype: 'O', mmap })).toThrow(UnsupportedError)
    expect(thrownBy(() => Memmap.raw(folder('none.bin'), { dtype: '|u1', mode: 'r+', mmap }))).toMatchObject({
      code: 'ENOENT',
    })
    expectBytes(readFileSync(path), before)
  })

  it('edits in place, and makes new files', () => {
    const made = folder(`made-${mmap}.bin`)
    {
      using array = Memmap.raw<'int32'>(made, { dtype: '<i4', shape: [3], byteOffset: 2, mode: 'w+', mmap })
      array.assign([1, 2, 3])
    }
    expect([...readFileSync(made)]).toEqual([0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])
    {
      using array = Memmap.raw<'int32'>(made, { dtype: '<i4', shape: [3], byteOffset: 2, mode: 'r+', mmap })
      array.set(1, -1)
    }
    expect(readFileSync(made).readInt32LE(6)).toBe(-1)
    if (mapped && mmap) {
      using array = Memmap.raw<'int32'>(made, { dtype: '<i4', shape: [3], byteOffset: 2, mode: 'c' })
      array.fill(5)
      expect([array.get(0), readFileSync(made).readInt32LE(2)]).toEqual([5, 1])
    }
  })
})
