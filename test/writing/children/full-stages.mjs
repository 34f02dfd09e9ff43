// full-stages.mjs: NPYMAP_TEST_DIR is a file system of 1 MiB. Every writer runs with room for nothing, for one page, for two,
// and so on until it has all it needs. Prints the trials, and how many went wrong.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { load, Memmap, NpyWriter, NpzWriter, openNpz, save, savez, savezCompressed } from '../../../dist/index.js'

const directory = process.env.NPYMAP_TEST_DIR
const [npy, npz, ballast] = ['old.npy', 'old.npz', 'ballast'].map((name) => join(directory, name))
const PAGE = 4096
const old = Float64Array.from({ length: 2000 }, (_, i) => i)
// No two alike, so that they do not shrink.
const fresh = Float64Array.from({ length: 12_000 }, (_, i) => Math.sqrt(i))
const isFull = (path) => ({ name: 'OsError', code: 'ENOSPC', path })

async function streamed(writer, write) {
  try {
    for (let i = 0; i < fresh.length; i += 3000) await write(fresh.subarray(i, i + 3000))
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

const inNpy = async () => (await load(npy)).toTypedArray()
const inNpz = async (name) => {
  const z = openNpz(npz)
  try {
    return (await z.load(name)).toTypedArray()
  } finally {
    z.close()
  }
}
const grown = Float64Array.of(...old, ...fresh)

/** Name to [path, write, what is there afterwards when it had room]. */
const writers = {
  save: [npy, () => save(npy, fresh), fresh],
  'save without sync': [npy, () => save(npy, fresh, { sync: false }), fresh],
  'NpyWriter.create': [
    npy,
    async () => {
      const writer = await NpyWriter.create(npy, { dtype: 'float64', shape: [null] })
      await streamed(writer, (values) => writer.write(values))
    },
    fresh,
  ],
  'NpyWriter.append': [
    npy,
    async () => {
      const writer = await NpyWriter.append(npy)
      await streamed(writer, (values) => writer.write(values))
    },
    grown,
  ],
  'Memmap.create': [
    npy,
    async () => {
      const a = Memmap.create(npy, { dtype: 'float64', shape: [fresh.length] })
      a.assign(fresh)
      await a.flush()
      a.close()
    },
    fresh,
  ],
  savez: [npz, () => savez(npz, { x: fresh }), fresh],
  savezCompressed: [npz, () => savezCompressed(npz, { x: fresh }), fresh],
  'NpzWriter.create': [
    npz,
    async () => {
      const writer = await NpzWriter.create(npz)
      const member = await writer.member('x', { dtype: 'float64', shape: [null] })
      await streamed(
        { close: () => member.close().then(() => writer.close()), abort: () => writer.abort() },
        (values) => member.write(values),
      )
    },
    fresh,
  ],
  'NpzWriter.append': [
    npz,
    async () => {
      const writer = await NpzWriter.append(npz, { compress: true })
      await streamed(writer, (values) => writer.write(String(values[0]), values))
    },
    null,
  ],
}

let tried = 0
const wrong = []
for (const [name, [path, write, expected]] of Object.entries(writers)) {
  let full = 0
  for (let room = 0; ; room += PAGE) {
    fs.rmSync(ballast, { force: true })
    await save(npy, old, { sync: false })
    await savez(npz, { old }, { sync: false })
    const { bavail, bsize } = fs.statfsSync(directory)
    fs.writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - room)))
    tried++
    const before = fs.readFileSync(path)
    try {
      await write()
      fs.rmSync(ballast)
      if (expected !== null) assert.deepEqual(await (path === npy ? inNpy() : inNpz('x')), expected)
      else assert.deepEqual(await inNpz('0'), fresh.subarray(0, 3000))
      if (full === 0) wrong.push(`${name}: had room from the first`)
      break
    } catch (error) {
      full++
      try {
        assert.throws(() => {
          throw error
        }, isFull(path))
        assert.ok(fs.readFileSync(path).equals(before), 'the old file is not whole')
        assert.deepEqual(fs.readdirSync(directory).toSorted(), ['ballast', 'old.npy', 'old.npz'])
      } catch (failure) {
        wrong.push(`${name}, ${room} bytes of room: ${failure.message}`)
      }
    }
    if (room > 2 ** 20) throw new Error(`${name}: never had enough`)
  }
}
process.stdout.write(`\n${JSON.stringify({ tried, wrong })}\n`)
