// full-disk.mjs <how>: NPYMAP_TEST_DIR is a file system of 4 MiB.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { attempt, attemptAsync, file, makeFile, npymap, valueAt } from './kit.mjs'

const MIB = 1024 * 1024
const { Memmap } = npymap
const isFull = (outcome) =>
  (outcome.error === 'OsError' && outcome.code === 'ENOSPC') ||
  (outcome.error === 'FaultError' && outcome.reason === 'io')

const cases = {
  'create with reserve'() {
    const path = makeFile('old.npy', 1000)
    const bytes = fs.readFileSync(path)
    const open = npymap.open(path)
    for (const options of [{}, { reserve: true }, { mmap: false }, { order: 'F' }]) {
      for (const shape of [MIB, 2 ** 34, [2 ** 20, 2 ** 20]]) {
        const outcome = attempt(() => Memmap.create(path, { dtype: 'float64', shape, ...options }))
        assert.deepEqual([outcome.error, outcome.code, outcome.path], ['OsError', 'ENOSPC', path])
      }
    }
    assert.ok(fs.readFileSync(path).equals(bytes))
    assert.equal(open.get(999), valueAt(999))
    assert.throws(() => Memmap.raw(file('raw.bin'), { dtype: 'uint8', shape: 8 * MIB, mode: 'w+' }), { code: 'ENOSPC' })
    assert.throws(() => Memmap.create(file('huge.npy'), { dtype: 'uint8', shape: 2 ** 52 }), { name: 'OsError' })
    assert.deepEqual(fs.readdirSync(process.env.NPYMAP_TEST_DIR), ['old.npy'])
  },
  async 'writing into a hole'() {
    const uses = {
      fill: (a) => a.fill(1.5),
      assign: (a) => a.assign(new Float64Array(a.size).fill(1.5)),
      set: (a) => {
        for (let i = 0; i < a.size; i += 100) a.set(i, 1.5)
      },
      'typed array': (a) => {
        a.typedArray.fill(1.5)
        return a.get(0)
      },
      'typed array and flush': (a) => {
        a.typedArray.fill(1.5)
        return a.flush()
      },
      backwards: (a) => {
        for (let i = a.size - 1; i >= 0; i -= 511) a.set(i, 1.5)
      },
    }
    for (const [name, use] of Object.entries(uses)) {
      for (const options of [{}, { mmap: false }]) {
        if (options.mmap === false && name.startsWith('typed')) continue
        const path = file('hole.npy')
        const a = Memmap.create(path, { dtype: 'float64', shape: MIB, reserve: false, ...options })
        const outcome = await attemptAsync(() => use(a))
        assert.ok(isFull(outcome), `${name}: ${JSON.stringify(outcome)}`)
        if (options.mmap !== false) assert.equal(outcome.errno, 'ENOSPC')
        attempt(() => a.get(0))
        await attemptAsync(() => a.flush())
        a.close()
        assert.equal(npymap.readHeader(path).nbytes ?? MIB * 8, MIB * 8)
        fs.rmSync(path)
      }
    }
  },
  async 'reading a hole'() {
    // tmpfs takes a page even to map a hole that is only read; read() copies none.
    const path = file('hole.npy')
    Memmap.create(path, { dtype: 'float64', shape: MIB, reserve: false }).close()
    for (const options of [{}, { mmap: false }]) {
      const a = npymap.open(path, options)
      const outcome = attempt(() => a.toTypedArray().every((value) => value === 0))
      assert.ok(outcome.value === true || (isFull(outcome) && outcome.errno === 'ENOSPC'), JSON.stringify(outcome))
      a.close()
    }
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
