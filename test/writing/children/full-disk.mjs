// full-disk.mjs <how>: NPYMAP_TEST_DIR is a file system of 4 MiB.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { load, Memmap, NpyWriter, readHeader, save } from '../../../dist/index.js'

const directory = process.env.NPYMAP_TEST_DIR
const file = (name) => join(directory, name)
const path = file('old.npy')
const MIB = 1024 * 1024
const isFull = { name: 'OsError', code: 'ENOSPC', path }
const rows = (start, count) => Float64Array.from({ length: count }, (_, i) => start + i)

/** Waits for the rejection and for what might come after it. */
async function full(promise) {
  await assert.rejects(promise, isFull)
  await new Promise((resolve) => setTimeout(resolve, 5))
}

async function expectOld(count) {
  assert.deepEqual((await load(path)).toTypedArray(), rows(0, count))
  assert.equal(readHeader(path).fileByteLength, 128 + 8 * count)
  assert.deepEqual(fs.readdirSync(directory), ['old.npy'])
}

await save(path, rows(0, 100_000))
const cases = {
  async save() {
    for (const options of [{}, { sync: false }]) {
      await full(save(path, new Float64Array(MIB).fill(1), options))
      await expectOld(100_000)
    }
    // Views that stream in pieces.
    const wide = Memmap.create(file('wide.npy'), { dtype: 'float64', shape: [2, 200_000], reserve: true })
    await full(save(path, wide.transpose().reshape([200_000, 2]).slice('::-1')))
    wide.close()
    fs.rmSync(file('wide.npy'))
    await expectOld(100_000)
  },
  async 'create with reserve'() {
    for (const shape of [MIB, [MIB, 1000]]) {
      assert.throws(() => Memmap.create(path, { dtype: 'float64', shape, reserve: true }), isFull)
      await expectOld(100_000)
    }
  },
  async write() {
    for (const checkpoint of [false, true]) {
      const writer = await NpyWriter.create(path, { dtype: 'float64', shape: [null] })
      const writing = (async () => {
        for (let i = 0; i < 100; i++) {
          await writer.write(rows(i * 10_000, 10_000))
          if (checkpoint) await writer.checkpoint()
        }
      })()
      await full(writing)
      await assert.rejects(writer.write(rows(0, 1)), isFull)
      if (checkpoint) await writer.abort()
      else await assert.rejects(writer.close(), isFull)
      await expectOld(100_000)
    }
  },
  async pipeline() {
    const writer = await NpyWriter.create(path, { dtype: 'float64', shape: [null] })
    async function* source() {
      for (let i = 0; i < 100; i++) yield rows(i * 10_000, 10_000)
    }
    await full(pipeline(source(), writer.writable()))
    await expectOld(100_000)
  },
  async append() {
    const writer = await NpyWriter.append(path)
    await writer.write(rows(100_000, 50_000))
    await writer.checkpoint()
    await full(
      (async () => {
        for (let i = 150_000; ; i += 10_000) await writer.write(rows(i, 10_000))
      })(),
    )
    await assert.rejects(writer.checkpoint(), isFull)
    await writer.abort()
    await expectOld(150_000)
    // There is room again, and it goes on.
    const again = await NpyWriter.append(path)
    await again.write(rows(150_000, 1000))
    await again.close()
    await expectOld(151_000)
  },
  async 'append without abort'() {
    const writer = await NpyWriter.append(path)
    await full(writer.write(rows(100_000, MIB)))
    await assert.rejects(writer.close(), isFull)
    await expectOld(100_000)
  },
  async 'append with a header to move'() {
    const text = `{'descr': '<f8', 'fortran_order': False, 'shape': (300000,), }\n`
    const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0])
    const bytes = Buffer.concat([prefix, Buffer.from(text), Buffer.from(rows(0, 300_000).buffer)])
    fs.writeFileSync(path, bytes)
    await full(NpyWriter.append(path))
    assert.ok(fs.readFileSync(path).equals(bytes))
    assert.deepEqual(fs.readdirSync(directory), ['old.npy'])
    fs.truncateSync(path, bytes.length - 8 * 1000)
    assert.equal((await NpyWriter.recover(path, { repair: 'rows' })).wholeRows, 299_000)
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
