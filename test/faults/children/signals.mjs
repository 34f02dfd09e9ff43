// signals.mjs <how>: signals that the library must not swallow, with its handler in place.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { attempt, makeFile, npymap, sleep, valueAt } from './kit.mjs'

const path = makeFile('s.npy', 20_000)
/** (module (memory 1) (func (export "f") (param i32) (result i32) (i32.load (local.get 0)))) */
const wasm = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1,
  7, 0, 32, 0, 40, 2, 0, 11,
])

async function trap() {
  const { instance } = await WebAssembly.instantiate(wasm)
  return (count) => {
    for (let i = 0; i < count; i++) assert.throws(() => instance.exports.f(70_000 + i * 64), WebAssembly.RuntimeError)
  }
}

const wait = async () => {
  await sleep(10_000)
  process.exit(99)
}

const faulty = () => {
  const own = makeFile('own.npy', 20_000)
  const a = npymap.open(own)
  a.typedArray[3] = 1
  assert.equal(attempt(() => a.get(0)).reason, 'write')
  fs.truncateSync(own, 4096)
  assert.equal(attempt(() => a.get(19_999)).reason, 'truncated')
}

const cases = {
  async kill() {
    const a = npymap.open(path)
    a.typedArray
    if (process.argv[4] === 'faults before') faulty()
    process.kill(process.pid, process.argv[3])
    await wait()
  },
  async 'null dereference'() {
    npymap.open(path).typedArray
    if (process.argv[4] === 'faults before') faulty()
    const { default: module } = await import('node:module')
    module.createRequire(import.meta.url)(process.env.NULL_ADDON)
    await wait()
  },
  async 'wasm traps'() {
    const traps = await trap()
    traps(3000)
    const a = npymap.open(path)
    traps(3000)
    for (let i = 0; i < 300; i++) {
      traps(20)
      a.typedArray[i] = -1
      traps(20)
      const outcome = attempt(() => a.get(i))
      assert.deepEqual([outcome.reason, outcome.byteOffset], ['write', 128 + 8 * i])
      assert.equal(a.get(i), valueAt(i))
    }
    for (let i = 0; i < 20; i++) {
      faulty()
      traps(50)
    }
    const later = await trap()
    later(5000)
  },
  async 'wasm alone'() {
    // The handler is in place, but the library has no array left.
    npymap.open(path).close()
    const traps = await trap()
    traps(10_000)
  },
  async 'stack overflow'() {
    npymap.open(path).typedArray
    const deeper = () => deeper() + 1
    for (let i = 0; i < 20; i++) {
      assert.throws(deeper, RangeError)
      faulty()
    }
  },
  async listener() {
    // libuv takes the handler for other signals; ours stay.
    for (const signal of ['SIGUSR2', 'SIGHUP', 'SIGTERM']) process.on(signal, () => {})
    process.kill(process.pid, 'SIGUSR2')
    faulty()
    await sleep(20)
    faulty()
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
