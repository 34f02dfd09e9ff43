// threads.mjs <how>: worker threads that load the addon, and how they end.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { attempt, collect, file, makeBytes, makeFile, mapped, npymap, valueAt } from './kit.mjs'

const MIB = 1024 * 1024
const body = {
  'open and leave': `
    for (let i = 0; i < 30; i++) { const a = open(path); keep.push(a, a.typedArray); for (let j = 0; j < 60; j++) a.get(j) }`,
  'read in flight': `
    const a = raw(big); keep.push(a.read(), a.read(), a.prefetch(), a.slice('::-2').read())
    process.exit(3)`,
  'read and be stopped': `
    const a = raw(big); parentPort.postMessage('ready')
    for (;;) await Promise.all([a.read(), a.read(), a.slice('::-1').read()])`,
  'read in place and be stopped': `
    const a = raw(big); parentPort.postMessage('ready')
    for (;;) { a.toTypedArray({ out: keep[0] ??= new Float64Array(a.size) }); const b = open(path); b.typedArray }`,
  throw: `
    const a = raw(big); a.read(); a.typedArray; throw new Error('on purpose')`,
  'fault and stray write': `
    const own = path + '.' + threadId
    fs.copyFileSync(path, own)
    const a = open(own), t = a.typedArray
    t[5] = 1
    let reason; try { a.get(0) } catch (error) { reason = error.reason }
    if (reason !== 'write' || a.get(5) !== Math.PI * 6) throw new Error('stray write: ' + reason)
    const reading = a.read().catch((error) => error)
    fs.truncateSync(own, 4096)
    let sum = 0; for (const value of t) sum += value
    try { a.get(19999); throw new Error('not told') } catch (error) { if (error.reason !== 'truncated') throw error }
    await reading
    parentPort.postMessage('told')`,
  'read everything': `
    for (let i = 0; i < 5; i++) {
      const a = open(path)
      const values = await a.read()
      for (let j = 0; j < values.length; j++) if (values[j] !== Math.PI * (j + 1)) throw new Error('wrong')
      for (let j = 0; j < 20000; j += 7) if (a.get(j) !== values[j]) throw new Error('wrong')
      if (i % 2) a.close()
    }
    parentPort.postMessage('right')`,
}

const index = new URL('../../../dist/index.js', import.meta.url).href
function start(name, data = {}) {
  const script = `
    import * as fs from 'node:fs'
    import { parentPort, threadId, workerData } from 'node:worker_threads'
    import { open, Memmap } from ${JSON.stringify(index)}
    const { path, big } = workerData
    const raw = (path) => Memmap.raw(path, { dtype: 'float64' })
    const keep = []
    ${body[name]}`
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { workerData: data })
}
const once = (worker, event) => new Promise((resolve) => worker.once(event, resolve))
async function ended(worker) {
  let error = null
  worker.on('error', (e) => {
    error = e
  })
  return { code: await once(worker, 'exit'), error: error?.message ?? null }
}

const paths = () => ({ path: makeFile('shared.npy', 20_000), big: makeBytes('big.bin', 64 * MIB, 0x3f) })
const right = (a) => a.toTypedArray().every((value, i) => value === valueAt(i))

const cases = {
  async 'exit with arrays open'() {
    const data = paths()
    const lines = () => fs.readFileSync('/proc/self/maps', 'utf8').split('shared.npy').length - 1
    const a = npymap.open(data.path)
    for (let i = 0; i < 6; i++) {
      assert.deepEqual(await ended(start('open and leave', data)), { code: 0, error: null })
      assert.ok(right(a))
    }
    assert.equal(lines(), 1)
  },
  async 'exit with read in flight'() {
    const data = paths()
    for (let i = 0; i < 8; i++) assert.deepEqual(await ended(start('read in flight', data)), { code: 3, error: null })
  },
  async terminated() {
    const data = paths()
    for (const name of ['read and be stopped', 'read in place and be stopped']) {
      for (let i = 0; i < 8; i++) {
        const worker = start(name, data)
        await once(worker, 'message')
        await new Promise((resolve) => setTimeout(resolve, i * 3))
        assert.equal(await worker.terminate(), 1)
      }
    }
    assert.ok(right(npymap.open(data.path)))
  },
  async 'throws with work in flight'() {
    for (let i = 0; i < 4; i++) {
      assert.deepEqual(await ended(start('throw', paths())), { code: 1, error: 'on purpose' })
    }
  },
  async 'twenty at once'() {
    const data = paths()
    const a = npymap.open(data.path)
    const names = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'fault and stray write' : 'read everything'))
    const workers = names.map((name) => start(name, data))
    const ends = workers.map(ended)
    a.typedArray[1] = 0
    assert.equal(attempt(() => a.get(0)).reason, 'write')
    for (const end of await Promise.all(ends)) assert.deepEqual(end, { code: 0, error: null })
    assert.ok(right(a))
  },
  async 'main faults after the only worker ended'() {
    // This thread has imported the library, but opened nothing: the worker alone has loaded the addon.
    const data = { path: makeFile('w.npy', 20_000), big: '' }
    assert.deepEqual(await ended(start('fault and stray write', data)), { code: 0, error: null })
    assert.deepEqual(await ended(start('open and leave', data)), { code: 0, error: null })
    await collect()
    const bytes = new Uint8Array([
      0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 127, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1,
    ])
    const tail = new Uint8Array([1, 102, 0, 0, 10, 12, 1, 10, 0, 32, 0, 65, 1, 54, 2, 0, 11])
    assert.ok(bytes.length + tail.length > 0)
    const a = npymap.open(data.path)
    a.typedArray[3] = 4
    assert.equal(attempt(() => a.get(0)).reason, 'write')
    fs.truncateSync(data.path, 0)
    assert.equal(attempt(() => a.get(0)).reason, 'truncated')
  },
  async 'null after the only worker ended'() {
    assert.deepEqual(await ended(start('open and leave', { path: makeFile('w.npy', 200) })), { code: 0, error: null })
    process.kill(process.pid, 'SIGSEGV')
    await new Promise((resolve) => setTimeout(resolve, 5000))
  },
  async 'window moved out of a worker that ends'() {
    if (typeof ArrayBuffer.prototype.transfer !== 'function') return
    const script = `
      import { parentPort, workerData } from 'node:worker_threads'
      import { Memmap } from ${JSON.stringify(index)}
      const moved = Memmap.raw(workerData, { dtype: 'float64' }).typedArray.buffer.transfer()
      parentPort.postMessage(moved, [moved])`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
      workerData: makeBytes('moved.bin', MIB, 0x3f),
    })
    const moved = new Promise((resolve) => worker.once('message', resolve))
    await once(worker, 'exit')
    const bytes = new Uint8Array(await moved)
    assert.ok(bytes.every((byte) => byte === 0x3f))
  },
  async 'process.exit'() {
    const { path, big } = paths()
    const a = mapped(big)
    globalThis.keep = [a.read(), a.prefetch(), npymap.open(path).typedArray, a.typedArray]
    process.exit(7)
  },
  async 'process.exit from workers in flight'() {
    const data = paths()
    const workers = [start('read and be stopped', data), start('read in place and be stopped', data)]
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    process.exit(8)
  },
  async 'uncaught exception'() {
    const { path, big } = paths()
    const a = mapped(big)
    globalThis.keep = [a.read(), a.typedArray, npymap.open(path, { mode: 'r+' })]
    throw new Error('on purpose')
  },
  async 'fault as the uncaught exception'() {
    const { path } = paths()
    const a = npymap.open(path)
    fs.truncateSync(path, 4096)
    a.get(19_999)
  },
  async 'natural end'() {
    const { path, big } = paths()
    const a = mapped(big)
    globalThis.keep = [a.read(), a.prefetch(), npymap.open(path).typedArray, a.typedArray]
    fs.truncateSync(path, 0)
    fs.rmSync(file('big.bin'))
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
