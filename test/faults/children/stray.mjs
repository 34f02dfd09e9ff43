// stray.mjs <how>: writes to read-only arrays behind the library's back, twice each.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { attempt, attemptAsync, file, makeBytes, makeFile, mapped, npymap, valueAt } from './kit.mjs'

const COUNT = 20_000
const path = makeFile('stray.npy', COUNT)
const before = fs.readFileSync(path)
const a = npymap.open(path)
const unchanged = () => assert.ok(fs.readFileSync(path).equals(before))

/** After each write: told once with its place, undone, and guarded again. */
function told(outcome, low, high = low) {
  const { error, reason, path: where, byteOffset, message } = outcome
  assert.deepEqual({ error, reason, where }, { error: 'FaultError', reason: 'write', where: path })
  assert.ok(byteOffset >= low && byteOffset <= high, `${byteOffset} is not ${low}`)
  assert.match(message, /wrote/)
  assert.ok(a.toTypedArray().every((value, i) => value === valueAt(i)))
  assert.ok(a.typedArray.every((value, i) => value === valueAt(i)))
  unchanged()
}

const places = [0, 7, 511, 512, 9_999, COUNT - 1]
const at = (i) => 128 + 8 * i

const hot = new Function('typed', 'from', 'to', 'for (let i = from; i < to; i++) typed[i] = i')

const cases = {
  'typed array': () => {
    const typed = a.typedArray
    for (const i of places) {
      for (let twice = 0; twice < 2; twice++) {
        typed[i] = -1
        assert.equal(typed[i], -1)
        told(
          attempt(() => a.get(0)),
          at(i),
        )
        assert.equal(typed[i], valueAt(i))
      }
    }
  },
  Buffer: () => {
    const { buffer } = a.typedArray
    for (let twice = 0; twice < 2; twice++) {
      Buffer.from(buffer).writeUInt8(255, at(5000) + 3)
      told(
        attempt(() => a.toBytes()),
        at(5000) + 3,
      )
      Buffer.from(buffer).fill(0)
      told(
        attempt(() => a.typedArray),
        0,
      )
      new DataView(buffer).setBigInt64(at(9), 1n)
      told(
        attempt(() => a.toArray()),
        at(9),
      )
    }
  },
  'library functions': () => {
    const typed = a.typedArray
    for (let twice = 0; twice < 2; twice++) {
      typed.fill(2, 100)
      told(
        attempt(() => a.residentByteLength()),
        at(100),
      )
      typed.sort((x, y) => y - x)
      assert.equal(attempt(() => a.get(0)).reason, 'write')
      typed.set([1, 2], 600)
      assert.equal(attempt(() => a.get(0)).reason, 'write')
      Atomics.add(new Int32Array(typed.buffer, 128), 4, 1)
      assert.equal(attempt(() => a.advise('normal')).reason, 'write')
      crypto.getRandomValues(new Uint8Array(typed.buffer, 128, 64))
      told(
        attempt(() => a.get(0)),
        128,
      )
    }
  },
  'optimised code': () => {
    const own = new Float64Array(100_000)
    for (let i = 0; i < 200; i++) hot(own, 0, 100_000)
    const typed = a.typedArray
    for (let twice = 0; twice < 3; twice++) {
      hot(typed, 4000, COUNT)
      told(
        attempt(() => a.get(0)),
        at(4000),
      )
    }
  },
  'many calls': async () => {
    // Whatever comes next tells: each method, cold and warm.
    const calls = {
      get: (b) => b.get(0),
      typedArray: (b) => b.typedArray,
      toTypedArray: (b) => b.toTypedArray(),
      toBytes: (b) => b.toBytes(),
      toArray: (b) => b.slice(':3').toArray(),
      read: (b) => b.read(),
      prefetch: (b) => b.prefetch(),
      flush: (b) => b.flush(),
      advise: (b) => b.advise('random'),
      resident: (b) => b.residentByteLength(),
      toNdarray: (b) => b.toNdarray(),
    }
    for (const [name, call] of Object.entries(calls)) {
      for (const warm of [0, 100]) {
        const b = npymap.open(path)
        for (let i = 0; i < warm; i++) b.get(i)
        for (let twice = 0; twice < 2; twice++) {
          b.typedArray[3] = 1
          const outcome = await attemptAsync(() => call(b))
          assert.equal(outcome.reason, 'write', name)
          assert.equal(b.get(3), valueAt(3))
          assert.equal((await attemptAsync(() => call(b))).error, undefined)
        }
        b.typedArray[3] = 1
        b.close()
      }
    }
    unchanged()
  },
  'places far apart': () => {
    const big = file('big.bin')
    fs.closeSync(fs.openSync(big, 'w'))
    fs.truncateSync(big, 6 * 1024 ** 3)
    const b = mapped(big)
    const rows = b.slice(':100000')
    const far = b.slice('-100000:')
    for (let twice = 0; twice < 2; twice++) {
      for (const [part, offset] of [
        [rows, 0],
        [far, 6 * 1024 ** 3 - 800_000],
      ]) {
        part.typedArray[17] = 5
        const outcome = attempt(() => b.get(0))
        assert.deepEqual([outcome.reason, outcome.byteOffset], ['write', offset + 17 * 8])
        assert.equal(part.get(17), 0)
      }
      const [near, end] = [rows.typedArray, far.typedArray]
      near[1] = 1
      end[1] = 1
      assert.equal(attempt(() => far.get(1)).byteOffset, 8)
      assert.equal(far.get(1), 0)
    }
    assert.ok(fs.statSync(big).blocks < 100)
  },
  'out of another read': async () => {
    const bytes = mapped(makeBytes('from.bin', COUNT * 8, 0x3f))
    for (let twice = 0; twice < 2; twice++) {
      await bytes.read({ out: a.typedArray })
      told(
        attempt(() => a.get(1)),
        128, // some copies start in the middle
        at(COUNT),
      )
      bytes.toTypedArray({ out: a.typedArray })
      told(
        attempt(() => a.get(1)),
        128, // some copies start in the middle
        at(COUNT),
      )
    }
  },
  'worker thread': async () => {
    const worker = new Worker(new URL('./stray.mjs', import.meta.url), { argv: ['optimised code'] })
    for (let i = 0; i < 20; i++) {
      a.typedArray[40] = 1
      assert.equal(attempt(() => a.get(0)).reason, 'write')
      await new Promise((resolve) => setImmediate(resolve))
    }
    const [code] = await new Promise((resolve) => worker.once('exit', (...args) => resolve(args)))
    assert.equal(code, 0)
  },
  'mode c': () => {
    const c = npymap.open(path, { mode: 'c' })
    c.typedArray[3] = 5
    c.set(4, 6)
    c.slice('10:20').fill(7)
    assert.deepEqual([c.get(3), c.get(4), c.get(19), c.get(20)], [5, 6, 7, valueAt(20)])
    assert.throws(() => c.advise('dontneed'), { code: 'EINVAL' })
    assert.equal(c.get(3), 5)
    c.close()
    unchanged()
    assert.equal(a.get(3), valueAt(3))
  },
  'cut and written': () => {
    const typed = a.typedArray
    fs.truncateSync(path, 4096)
    typed[COUNT - 1] = 4
    const outcome = attempt(() => a.get(0))
    assert.equal(outcome.reason, 'truncated')
    assert.equal(fs.statSync(path).size, 4096)
    typed.fill(3)
    assert.equal(fs.statSync(path).size, 4096)
    assert.ok(fs.readFileSync(path).equals(before.subarray(0, 4096)))
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
