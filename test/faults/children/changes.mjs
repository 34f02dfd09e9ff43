// changes.mjs <name>: files that change under open arrays, in ways that take more than one step.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { attempt, attemptAsync, file, makeBytes, makeFile, mapped, npymap, valueAt } from './kit.mjs'

const MIB = 1024 * 1024
const isFault = (outcome) => outcome.error === 'FaultError' && outcome.reason === 'truncated'
const cutFromThread = (path, left, times) =>
  new Worker(
    `const { writeSync, truncateSync } = require('node:fs')
     const { path, left, buffer } = require('node:worker_threads').workerData
     const go = new Int32Array(buffer)
     Atomics.wait(go, 0, 0)
     truncateSync(path, left)
     Atomics.store(go, 1, 1)`,
    { eval: true, workerData: { path, left, buffer: times.buffer } },
  )

const cases = {
  async 'cut while a long read runs'() {
    for (const left of [0, 4096, 17 * MIB + 3, 200 * MIB]) {
      const path = makeBytes('long.bin', 256 * MIB, 0x3f)
      const a = mapped(path)
      const reading = attemptAsync(() => a.read())
      await new Promise((resolve) => setImmediate(resolve))
      fs.truncateSync(path, left)
      const outcome = await reading
      const whole = outcome.value?.every((value) => value === outcome.value[0] && value !== 0)
      assert.ok(isFault(outcome) || whole, JSON.stringify({ ...outcome, value: undefined }))
      a.close()
    }
  },

  async 'closed while a read runs, then cut'() {
    let told = 0
    for (let round = 0; round < 60; round++) {
      const path = makeBytes('closed.bin', 8 * MIB, 0x3f)
      const a = mapped(path)
      const reading = attemptAsync(() => a.read())
      a.close()
      fs.truncateSync(path, round % 2 === 0 ? 0 : 5 * MIB + 20)
      const outcome = await reading
      if (isFault(outcome)) told++
      else assert.ok(outcome.value?.every((value) => value === outcome.value[0] && value !== 0))
    }
    assert.ok(told > 0)
  },

  async 'cut while a gather runs'() {
    let told = 0
    for (const left of [0, 4096, 17 * MIB + 3, 60 * MIB]) {
      for (const threads of [1, 3]) {
        const path = makeBytes('gather.bin', 64 * MIB, 0x3f)
        const a = mapped(path, { shape: [64 * 256, 512] })
        const indices = Int32Array.from({ length: 40_000 }, (_, i) => (i * 7919) % (64 * 256))
        const gathering = attemptAsync(() => a.gather(indices, { threads }))
        await new Promise((resolve) => setImmediate(resolve))
        fs.truncateSync(path, left)
        const outcome = await gathering
        const values = outcome.value?.typedArray
        const whole = values?.every((value) => value === values[0] && value !== 0)
        assert.ok(isFault(outcome) || whole, JSON.stringify({ ...outcome, value: undefined }))
        if (isFault(outcome)) told++
        a.close()
      }
    }
    assert.ok(told > 0)
  },

  async 'closed while a gather runs, then cut'() {
    let told = 0
    for (let round = 0; round < 40; round++) {
      const path = makeBytes('closed.bin', 8 * MIB, 0x3f)
      const a = mapped(path, { shape: [2048, 512] })
      const gathering = attemptAsync(() => a.gather(Int32Array.from({ length: 4000 }, (_, i) => 2047 - (i % 2048))))
      a.close()
      fs.truncateSync(path, round % 2 === 0 ? 0 : 5 * MIB + 20)
      const outcome = await gathering
      const values = outcome.value?.typedArray
      if (isFault(outcome)) told++
      else assert.ok(values?.every((value) => value === values[0] && value !== 0))
    }
    assert.ok(told > 0)
  },

  async 'cut in a hot loop of get'() {
    const count = 512 * 1024
    for (let round = 0; round < 8; round++) {
      const path = makeFile('hot.npy', count)
      const a = npymap.open(path)
      const go = new Int32Array(new SharedArrayBuffer(8))
      const worker = cutFromThread(path, round % 2 === 0 ? 0 : 128 + 8 * 1000 + 3, go)
      await new Promise((resolve) => worker.once('online', resolve))
      const outcome = attempt(() => {
        // Every value is right until the call that throws.
        for (let pass = 0; pass < 2000; pass++) {
          if (pass === 3) {
            Atomics.store(go, 0, 1)
            Atomics.notify(go, 0)
          }
          for (let i = 0; i < count; i += 61) if (a.get(i) !== valueAt(i)) return `wrong at ${i}`
        }
        return 'never told'
      })
      assert.ok(isFault(outcome), JSON.stringify(outcome))
      await new Promise((resolve) => worker.once('exit', resolve))
      a.close()
    }
  },

  async 'replaced by rename'() {
    for (const mode of ['r', 'r+', 'c']) {
      const path = makeFile('old.npy', 20_000)
      const a = npymap.open(path, { mode })
      fs.renameSync(makeFile('new.npy', 3), path)
      await checkWhole(a)
      a.close()
    }
    const path = makeFile('old.npy', 20_000)
    const a = npymap.open(path, { mmap: false })
    fs.renameSync(makeFile('new.npy', 3), path)
    await checkWhole(a)
  },

  async unlinked() {
    for (const options of [{}, { mode: 'r+' }, { mode: 'c' }, { mmap: false }]) {
      const path = makeFile('gone.npy', 20_000)
      const a = npymap.open(path, options)
      fs.unlinkSync(path)
      await checkWhole(a)
      a.close()
    }
  },

  async 'renamed, then cut in the middle of a page'() {
    for (const options of [{}, { mode: 'r+' }, { mode: 'c' }, { mmap: false }]) {
      for (const warm of [0, 100]) {
        const path = makeFile('here.npy', 20_000)
        const a = npymap.open(path, options)
        for (let i = 0; i < warm; i++) a.get(i)
        fs.renameSync(path, file('there.npy'))
        fs.truncateSync(file('there.npy'), 128 + 8 * 700 + 4)
        assert.ok(isFault(attempt(() => a.get(700))))
        assert.ok(isFault(attempt(() => a.toTypedArray())))
        a.close()
      }
    }
  },

  async 'cut, then written again in place'() {
    for (const options of [{}, { mode: 'r+' }, { mode: 'c' }, { mmap: false }]) {
      for (const touched of [false, true]) {
        const path = makeFile('again.npy', 20_000)
        const bytes = fs.readFileSync(path)
        const a = npymap.open(path, options)
        a.toTypedArray()
        fs.truncateSync(path, 0)
        if (touched) assert.ok(isFault(attempt(() => a.toTypedArray())))
        fs.writeFileSync(path, bytes)
        const outcome = attempt(() => a.toTypedArray())
        if (touched && options.mmap !== false) assert.ok(isFault(outcome))
        else assert.ok(outcome.value.every((value, i) => value === valueAt(i)))
        a.close()
        await checkWhole(npymap.open(path))
      }
    }
  },

  async 'cut, then made longer with zeros'() {
    const path = makeFile('zeros.npy', 20_000)
    const a = npymap.open(path)
    const typed = a.typedArray
    fs.truncateSync(path, 4096)
    fs.truncateSync(path, 128 + 160_000)
    // Another process may write what it likes: zeros are what the file holds now.
    assert.equal(typed[19_999], 0)
    assert.equal(a.get(19_999), 0)
    assert.equal(a.get(0), valueAt(0))
  },

  async 'read through a window by system calls'() {
    const path = makeFile('kernel.npy', 20_000)
    const a = npymap.open(path)
    const typed = a.typedArray
    // The kernel refuses by errno where the process would get a signal.
    const source = fs.openSync(makeBytes('source.bin', 64, 1), 'r')
    assert.throws(() => fs.readSync(source, typed, 0, 64, 0), { code: 'EFAULT' })
    assert.equal(typed[0], valueAt(0))
    fs.truncateSync(path, 0)
    const sink = fs.openSync(file('sink.bin'), 'w')
    assert.throws(() => fs.writeSync(sink, typed, 0, 4096, 0), { code: 'EFAULT' })
    createHash('sha256').update(typed).digest()
    new Float64Array(typed)
    structuredClone(typed)
    Buffer.from(typed.buffer).indexOf('nothing')
    assert.ok(isFault(attempt(() => a.get(0))))
  },

  async 'fault of one array does not concern another'() {
    const paths = Array.from({ length: 40 }, (_, i) => makeFile(`many-${i}.npy`, 2000))
    const arrays = paths.map((path) => npymap.open(path))
    for (let i = 0; i < 40; i += 3) fs.truncateSync(paths[i], 0)
    for (let pass = 0; pass < 3; pass++) {
      for (const [i, a] of arrays.entries()) {
        const outcome = attempt(() => a.get(1999))
        if (i % 3 !== 0) assert.equal(outcome.value, valueAt(1999))
        else assert.ok(isFault(outcome) && outcome.path === paths[i])
      }
    }
  },

  async 'two arrays over one cut file'() {
    const path = makeFile('both.npy', 20_000)
    const [a, b] = [npymap.open(path), npymap.open(path, { mode: 'r+' })]
    fs.truncateSync(path, 4096)
    assert.ok(isFault(attempt(() => b.assign(a))))
    assert.ok(isFault(attempt(() => a.toTypedArray())))
    assert.ok(isFault(attempt(() => b.get(0))))
    const c = npymap.Memmap.create(file('c.npy'), { dtype: 'float64', shape: 20_000 })
    assert.ok(isFault(attempt(() => c.assign(a))))
    assert.equal(attempt(() => c.get(19_999)).value, 0)
  },
}

async function checkWhole(a) {
  assert.ok(a.toTypedArray().every((value, i) => value === valueAt(i)))
  assert.ok((await a.read()).every((value, i) => value === valueAt(i)))
  for (let i = 0; i < 20_000; i += 97) assert.equal(a.get(i), valueAt(i))
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
