// odd.mjs <how>: arguments and files that no honest program has.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { attempt, attemptAsync, collect, file, makeBytes, makeFile, mapped, npymap, valueAt } from './kit.mjs'

const { Memmap, open } = npymap
const COUNT = 20_000
/** What the library throws on purpose, or a wrong-argument error. */
const expected = new Set([
  'TypeError',
  'RangeError',
  'SelectionError',
  'FormatError',
  'LayoutError',
  'UnsupportedError',
  'OsError',
  'ClosedError',
])
const odd = [
  NaN,
  -0,
  Infinity,
  -Infinity,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 53),
  1e300,
  0.5,
  -1,
  -COUNT - 1,
  COUNT,
  5n,
  '3',
  '',
  null,
  undefined,
  {},
  [],
  [1],
  true,
  Symbol('s'),
  () => 1,
]

const cases = {
  async numbers() {
    const path = makeFile('n.npy', COUNT)
    for (const options of [{}, { mmap: false }, { mode: 'r+' }, { mode: 'c' }]) {
      const a = open(path, options)
      const calls = [
        (v) => a.get(v),
        (v) => a.get(v, v),
        (v) => a.slice(v),
        (v) => a.slice({ start: v, stop: null, step: null }).toTypedArray(),
        (v) => a.slice({ start: null, stop: v, step: null }).toTypedArray(),
        (v) => a.slice({ start: null, stop: null, step: v }).toTypedArray(),
        (v) => a.slice({ start: v, stop: v, step: v }).toTypedArray(),
        (v) => a.reshape(v),
        (v) => a.reshape([v, v]),
        (v) => a.reshape([v, -1]),
        (v) => a.transpose(v),
        (v) => a.field(v),
        (v) => [...a.chunks({ byteLength: v })].length,
        (v) => a.advise(v),
        (v) => a.advise('normal', { start: v, stop: v }),
        (v) => a.residentByteLength({ start: v }),
        (v) => a.prefetch({ start: v, stop: v }),
        (v) => a.flush({ start: v, stop: v }),
        (v) => a.toTypedArray({ out: v }),
        (v) => a.read({ out: v }),
        (v) => Memmap.raw(path, { dtype: 'float64', byteOffset: v }).get(0),
        (v) => Memmap.raw(path, { dtype: 'float64', shape: v }).get(0),
        (v) => Memmap.raw(path, { dtype: 'float64', shape: [v, v, v] }).get(0, 0, 0),
        (v) => Memmap.raw(path, { dtype: v }).get(0),
        (v) => Memmap.raw(path, { dtype: `V${String(v)}` }).get(0),
        (v) => Memmap.raw(path, { dtype: 'float64', byteOffset: v, shape: v, mmap: false }).get(0),
        (v) => open(v),
        (v) => open(path, v),
        (v) => open(path, { mode: v }),
        (v) => open(path, { maxHeaderSize: v }),
      ]
      if (a.writable)
        calls.push(
          (v) => a.set(v, 1),
          (v) => a.set([v], valueAt(0)),
        )
      for (const call of calls) {
        for (const value of odd) {
          const outcome = await attemptAsync(() => call(value))
          if (outcome.thrown !== undefined) assert.fail(`${call} of ${String(value)}: threw ${outcome.thrown}`)
          if (outcome.error === undefined) continue
          assert.ok(expected.has(outcome.error), `${call} of ${String(value)}: ${outcome.error} ${outcome.message}`)
          assert.doesNotMatch(outcome.message, /addon refused|ERR_NAPI/, `${call} of ${String(value)}`)
        }
      }
      a.close()
    }
    const whole = open(path)
    assert.equal(whole.get(-0), valueAt(0))
  },

  async shapes() {
    const path = makeFile('s.npy', COUNT)
    const huge = 2 ** 52
    for (const mmap of [true, false]) {
      const raw = (shape, dtype = 'uint8') => Memmap.raw(path, { dtype, shape, mmap })
      for (const shape of [[huge], [huge, huge], [2 ** 26, 2 ** 26, 2 ** 26], new Array(64).fill(2)]) {
        assert.ok(expected.has(attempt(() => raw(shape)).error))
      }
      assert.ok(expected.has(attempt(() => raw(new Array(65).fill(1))).error))
      const deep = raw(new Array(64).fill(1))
      assert.equal(deep.get(...new Array(64).fill(0)), 0x93)
      assert.equal(deep.toTypedArray()[0], 0x93)
      for (const shape of [[0], [0, huge], [huge, 0], [7, 0, 7], [0, huge, huge], [huge, 0, huge]]) {
        const a = raw(shape, 'float64')
        assert.equal(a.toTypedArray().length, 0)
        assert.equal((await a.read()).length, 0)
        assert.equal(a.toBytes().length, 0)
        if (mmap) assert.equal(a.typedArray.length, 0)
        await a.prefetch()
        await a.flush()
        a.advise('random')
        assert.equal(a.residentByteLength(), 0)
      }
      const a = raw([COUNT], 'float64')
      const sparse = a.slice({ start: 5, stop: null, step: 2 ** 53 - 1 })
      assert.equal(sparse.size, 1)
      assert.equal(sparse.toTypedArray().length, 1)
      const back = a.slice({ start: -1, stop: null, step: -(2 ** 53 - 1) })
      assert.equal(back.toTypedArray().length, 1)
    }
  },

  async out() {
    const path = makeFile('o.npy', COUNT)
    for (const options of [{}, { mmap: false }]) {
      const a = open(path, options)
      const right = (values) => values.every((value, i) => value === valueAt(i))
      const shared = new Float64Array(new SharedArrayBuffer(COUNT * 8))
      assert.ok(right(a.toTypedArray({ out: shared })))
      assert.ok(right(await a.read({ out: new Float64Array(new SharedArrayBuffer(COUNT * 8)) })))
      const detached = new Float64Array(COUNT)
      structuredClone(detached.buffer, { transfer: [detached.buffer] })
      assert.equal(attempt(() => a.toTypedArray({ out: detached })).error, 'RangeError')
      assert.equal((await attemptAsync(() => a.read({ out: detached }))).error, 'RangeError')
      const pooled = new Float64Array(new ArrayBuffer(COUNT * 8 + 64), 40, COUNT)
      assert.ok(right(await a.read({ out: pooled })))
      const memory = new WebAssembly.Memory({ initial: 4, maximum: 8 })
      const inWasm = new Float64Array(memory.buffer, 8, COUNT)
      assert.ok(right(a.toTypedArray({ out: inWasm })))
      const resizable = new ArrayBuffer(COUNT * 8, { maxByteLength: COUNT * 16 })
      const resized = attempt(() => a.toTypedArray({ out: new Float64Array(resizable, 0, COUNT) }))
      assert.ok(resized.error === 'TypeError' || right(resized.value))
      for (let i = 0; i < 10; i++) {
        const growing = new ArrayBuffer(COUNT * 8, { maxByteLength: COUNT * 16 })
        const reading = attemptAsync(() => a.read({ out: new Float64Array(growing) }))
        growing.resize(0)
        const outcome = await reading
        assert.ok(outcome.error !== undefined || outcome.value.length === 0)
      }
      // Lies about its length, type and place.
      for (const lie of [
        { length: COUNT },
        { constructor: Float64Array },
        { byteLength: COUNT * 8, length: COUNT },
        { byteOffset: 1e6, length: COUNT },
      ]) {
        const liar = new Float64Array(10)
        for (const [key, value] of Object.entries(lie)) Object.defineProperty(liar, key, { value })
        attempt(() => a.toTypedArray({ out: liar }))
        await attemptAsync(() => a.read({ out: liar }))
      }
      const proxy = new Proxy(new Float64Array(COUNT), {})
      assert.ok(attempt(() => a.toTypedArray({ out: proxy })).error !== undefined)
      assert.ok((await attemptAsync(() => a.read({ out: proxy }))).error !== undefined)
      if (options.mmap === false) continue
      // Over itself, and over part of itself.
      const c = open(path, { mode: 'c' })
      assert.ok(right(await c.read({ out: c.typedArray })))
      await c.slice(':-1').read({ out: c.slice('1:').typedArray })
      assert.equal(c.get(1), valueAt(0))
      assert.equal(c.get(COUNT - 1), valueAt(COUNT - 2))
    }
    await collect()
  },

  async files() {
    const kinds = {}
    fs.mkdirSync(file('directory'))
    kinds.directory = file('directory')
    execFileSync('mkfifo', [file('pipe')])
    kinds.pipe = file('pipe')
    const server = createServer().listen(file('socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    kinds.socket = file('socket')
    fs.symlinkSync('loop-b', file('loop-a'))
    fs.symlinkSync('loop-a', file('loop-b'))
    kinds['symlink loop'] = file('loop-a')
    fs.symlinkSync('nowhere', file('dangling'))
    kinds.dangling = file('dangling')
    kinds.empty = makeBytes('empty', 0, 0)
    kinds['one byte'] = makeBytes('one', 1, 0x93)
    kinds.magic = makeBytes('magic', 8, 0x93)
    kinds['name too long'] = file('x'.repeat(300))
    kinds['path too long'] = file('x/'.repeat(5000))
    kinds['through a file'] = `${kinds.empty}/inside.npy`
    for (const path of [
      '/dev/zero',
      '/dev/null',
      '/dev/random',
      '/dev/tty',
      '/proc/self/mem',
      '/proc/self/maps',
      '/proc/self/cmdline',
      '/proc/kcore',
      '/proc/self/fd',
      '/proc/kmsg',
      '/sys/kernel/mm/transparent_hugepage/enabled',
      '/sys/kernel/notes',
      '/proc/self/pagemap',
      '/proc/self/exe',
    ]) {
      kinds[path] = path
    }
    for (const [kind, path] of Object.entries(kinds)) {
      for (const options of [{}, { mode: 'r+' }, { mode: 'c' }, { mmap: false }, { mode: 'r+', mmap: false }]) {
        const calls = [
          () => open(path, options).get(0),
          () => Memmap.raw(path, { dtype: 'uint8', shape: [16], ...options }).toTypedArray(),
          () => npymap.readHeader(path),
          () => npymap.load(path),
        ]
        if (!path.startsWith('/proc') && !path.startsWith('/dev') && kind !== 'empty') {
          calls.push(() => Memmap.raw(path, { dtype: 'uint8', ...options }).toTypedArray())
        }
        for (const call of calls) {
          const { error, message } = await attemptAsync(call)
          const cut = error === 'FaultError' && path.startsWith('/sys') // shorter than it says
          if (error !== undefined) assert.ok(cut || expected.has(error), `${kind}: ${error} ${message}`)
          const real = kind === '/proc/self/exe' || kind.startsWith('/sys') || kind === 'one byte' || kind === 'magic'
          if (!real) assert.ok(error !== undefined, `${kind} was opened by ${call}`)
        }
      }
    }
    server.close()
    assert.equal(mapped(kinds.empty).typedArray.length, 0)
    assert.equal(Memmap.raw(kinds.empty, { dtype: 'uint8' }).toTypedArray().length, 0)
  },

  async paths() {
    const path = makeFile('p.npy', 10)
    const { pathToFileURL } = await import('node:url')
    assert.equal(open(pathToFileURL(path)).get(3), valueAt(3))
    for (const bad of ['', 'a\0b', new URL('http://a/b.npy'), Buffer.from(path), { toString: () => path }, 3]) {
      assert.equal(attempt(() => open(bad)).error, 'TypeError', String(bad))
    }
    for (const name of ['é ü 漢字 🎉.npy', 'a\ud800.npy', '-rf', 'quote\'".npy', 'new\nline']) {
      fs.copyFileSync(path, file(name))
      assert.equal(open(file(name)).get(3), valueAt(3))
    }
    process.chdir(process.env.NPYMAP_TEST_DIR)
    const a = open('p.npy')
    process.chdir('/')
    for (let i = 0; i < 100; i++) a.get(0)
    fs.truncateSync(path, 100)
    assert.throws(() => a.get(9), { reason: 'truncated', path })
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
