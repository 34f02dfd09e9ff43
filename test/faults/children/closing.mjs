// closing.mjs <how>: close() at the worst moments.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { inspect } from 'node:util'
import { attempt, attemptAsync, collect, makeBytes, makeFile, mapped, npymap, valueAt } from './kit.mjs'

const MIB = 1024 * 1024
const same = (values) => values.every((value) => value === values[0] && value !== 0)
const modes = { r: {}, 'r+': { mode: 'r+' }, c: { mode: 'c' }, pread: { mmap: false } }

/** Closes the array at the first look at the target. */
const closingProxy = (array, target) =>
  new Proxy(target, {
    get(of, key) {
      array.close()
      return Reflect.get(of, key)
    },
  })

const cases = {
  async 'while read runs'() {
    const path = makeBytes('big.bin', 40 * MIB, 0x3f)
    for (const options of Object.values(modes)) {
      for (let wait = 0; wait < 8; wait++) {
        const [a, other] = [mapped(path, options), mapped(path, options)]
        const typed = options.mmap === false ? null : a.typedArray
        const reads = [a, a, other, a.slice('::-3'), a.slice(':1000')].map((b) => attemptAsync(() => b.read()))
        const indices = Int32Array.from({ length: 2 * MIB }, (_, i) => (i * 7919) % (5 * MIB))
        reads.push(attemptAsync(() => a.gather(indices).then((b) => b.typedArray)))
        reads.push(attemptAsync(() => a.prefetch().then(() => [1])))
        reads.push(attemptAsync(() => a.flush().then(() => [1])))
        for (let i = 0; i < wait; i++) await new Promise((resolve) => setImmediate(resolve))
        a.close()
        if (typed !== null) assert.equal(typed.length, 0)
        for (const [i, outcome] of (await Promise.all(reads)).entries()) {
          const closed = outcome.error === 'ClosedError' && i !== 2
          // A pread that was under way finds its descriptor gone.
          const gone = outcome.error === 'FaultError' && options.mmap === false && outcome.errno !== 'x' && i !== 2
          assert.ok(closed || gone || same(outcome.value), `${i}: ${outcome.error} ${outcome.message}`)
        }
        other.close()
      }
    }
  },

  async 'every method afterwards'() {
    const path = makeFile('a.npy', 20_000)
    for (const [how, options] of Object.entries(modes)) {
      for (const warm of [0, 100]) {
        const a = npymap.open(path, options)
        const part = a.slice('5:9')
        for (let i = 0; i < warm; i++) a.get(i)
        const held = how === 'pread' ? [] : [a.typedArray, part.typedArray, Buffer.from(a.typedArray.buffer)]
        const chunks = a.chunks({ byteLength: 4096 })[Symbol.iterator]()
        chunks.next()
        a.close()
        a.close()
        a[Symbol.dispose]?.()
        for (const typed of held) assert.equal(typed.length, 0)
        for (const typed of held) assert.equal(typed[0], undefined)
        const calls = [
          (b) => b.get(0),
          (b) => b.typedArray,
          (b) => b.toTypedArray(),
          (b) => b.read(),
          (b) => b.take([0]),
          (b) => b.gather([0]),
          (b) => b.toBytes(),
          (b) => b.toArray(),
          (b) => b.toNdarray(),
          (b) => b.prefetch(),
          (b) => b.flush(),
          (b) => b.advise('normal'),
          (b) => b.residentByteLength(),
          (b) => String(b),
          (b) => b.slice(':2').get(0),
          () => chunks.next().value.view.toArray(),
          async (b) => {
            for await (const { view } of b.chunks()) view.toArray()
          },
          (b) => b.toTransferable(),
        ]
        if (how === 'r+' || how === 'c')
          calls.push(
            (b) => b.set(0, 1),
            (b) => b.fill(1),
            (b) => b.assign(b),
          )
        for (const b of [a, part]) {
          for (const call of calls) {
            const outcome = await attemptAsync(() => call(b))
            // No layout is looked at, no page is touched: closed comes first.
            const expected = how === 'pread' && outcome.error === 'LayoutError' ? 'LayoutError' : 'ClosedError'
            const skipped = how === 'pread' && String(call).includes('flush')
            if (!skipped) assert.equal(outcome.error, expected, `${how} ${call}: ${outcome.message}`)
          }
          assert.match(inspect(b), /closed/)
          assert.equal(b.closed, true)
        }
        assert.equal(a.shape[0], 20_000)
      }
    }
  },

  async 'then collected'() {
    for (let i = 0; i < 300; i++) {
      const a = mapped(makeFile(`a${i}.npy`, 600), { byteOffset: 128 })
      const typed = a.typedArray
      // Those that still wait for a thread when the array is closed end with an error.
      if (i % 3 === 0) void attemptAsync(() => a.read())
      if (i % 2 === 0) a.close()
      assert.equal(typed.length, i % 2 === 0 ? 0 : 600)
    }
    await collect()
    await collect()
  },

  async 'out in a mapping that is closed'() {
    const from = mapped(makeBytes('from.bin', 24 * MIB, 0x3f))
    for (const mode of ['r+', 'c', 'r']) {
      for (let i = 0; i < 6; i++) {
        const to = mapped(makeBytes('to.bin', 24 * MIB, 0), { mode })
        const out = to.slice(':3000000').typedArray
        const reads = [attemptAsync(() => from.slice(':3000000').read({ out }))]
        reads.push(attemptAsync(() => from.gather(new Int32Array(3_000_000).fill(i), { out })))
        if (mode !== 'r') reads.push(attemptAsync(() => from.gather([i, i], { out: to.slice('7:9') })))
        to.close()
        for (const outcome of await Promise.all(reads)) {
          assert.ok(outcome.error === undefined || outcome.error === 'ClosedError', outcome.message)
        }
        if (mode === 'r') assert.equal(fs.readFileSync(to.path)[0], 0)
      }
    }
  },

  async transferred() {
    for (const how of ['structuredClone', 'postMessage', 'transfer', 'transferToFixedLength', 'transferToImmutable']) {
      for (const closeFirst of [true, false]) {
        const a = npymap.open(makeFile('t.npy', 20_000))
        for (let i = 0; i < 100; i++) a.get(i)
        const { buffer } = a.typedArray
        let moved = null
        if (how === 'structuredClone') moved = attempt(() => structuredClone(buffer, { transfer: [buffer] }))
        else if (how === 'postMessage') {
          const { port1, port2 } = new MessageChannel()
          moved = attempt(() => port1.postMessage(buffer, [buffer]))
          port1.close()
          port2.close()
        } else if (typeof buffer[how] !== 'function') continue
        else moved = attempt(() => buffer[how]())
        // Copies do not care for windows; the rest may say that its window is gone, in whatever words.
        assert.equal(a.toTypedArray()[5], valueAt(5))
        attempt(() => a.get(3))
        attempt(() => a.typedArray)
        if (closeFirst) a.close()
        await collect()
        if (moved.value instanceof ArrayBuffer && moved.value.byteLength > 0) {
          assert.equal(new Float64Array(moved.value, 128)[19_999], valueAt(19_999))
        }
        a.close()
        moved = null
        await collect()
      }
    }
  },

  async 'using and errors'() {
    const path = makeFile('u.npy', 100)
    assert.throws(() => npymap.open(path, { mode: 'w' }), TypeError)
    for (let i = 0; i < 200; i++) assert.throws(() => mapped(path, { shape: [1e6] }), { code: 'ERR_FORMAT' })
    if (Symbol.dispose === undefined) return
    const a = npymap.open(path)
    a[Symbol.dispose]()
    assert.equal(a.closed, true)
  },

  async 'getters that close'() {
    const path = makeFile('g.npy', 100)
    for (const options of [{ mode: 'r+' }, { mode: 'c' }, { mode: 'r+', mmap: false }]) {
      if (options.mode === 'c' && options.mmap === false) continue
      const closing = (a) =>
        new Proxy(new Array(100).fill(1), {
          get(target, key, receiver) {
            if (key === '57') a.close()
            return Reflect.get(target, key, receiver)
          },
        })
      const a = npymap.open(path, options)
      assert.equal(attempt(() => a.assign(closing(a))).error, 'ClosedError')
      const b = npymap.open(path, options)
      const shape = closingProxy(b, [50])
      attempt(() => b.reshape(shape))
      const c = npymap.open(path, options)
      const lazy = {
        get start() {
          c.close()
          return 0
        },
        stop: 5,
        step: 1,
      }
      assert.equal(attempt(() => c.slice(lazy).get(0)).error, 'ClosedError')
      const d = npymap.open(path, options)
      const out = closingProxy(d, new Float64Array(100))
      assert.ok(attempt(() => d.toTypedArray({ out })).error !== undefined)
    }
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
