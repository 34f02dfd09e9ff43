// neighbours.mjs <case> [argument…]: others that handle signals, or crash, in one process with the library.

import assert from 'node:assert/strict'
import { fork, spawnSync } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as vm from 'node:vm'
import { threadId, Worker } from 'node:worker_threads'
import { attempt, file, makeFile, npymap, sleep, valueAt } from './kit.mjs'
import { trap } from './traps.mjs'

const [, , name, ...words] = process.argv
const neighbour = process.env.NEIGHBOUR_ADDON
const handlers = (style) => process.dlopen({ exports: { handlers: style } }, neighbour)
const crash = (how) => process.dlopen({ exports: { crash: how } }, neighbour)
const say = (text) => fs.writeSync(1, `${text}\n`)

let made = 0
/** Both faults under new arrays, told and dealt with as if nobody else were there. */
function faulty(open = npymap.open) {
  const path = makeFile(`own-${process.pid}-${threadId}-${made++}.npy`, 20_000)
  const before = fs.readFileSync(path)
  const a = open(path)
  for (const i of [3, 9000]) {
    a.typedArray[i] = 1
    const { reason, byteOffset } = attempt(() => a.get(0))
    assert.deepEqual([reason, byteOffset], ['write', 128 + 8 * i])
    assert.equal(a.get(i), valueAt(i))
  }
  assert.ok(fs.readFileSync(path).equals(before))
  fs.truncateSync(path, 4096)
  assert.equal(attempt(() => a.toTypedArray()).reason, 'truncated')
  a.close()
  fs.rmSync(path)
}

/** Where the crash comes too late to be told by a value. */
const wait = async () => {
  await sleep(10_000)
  process.exit(99)
}

const ended = (child) => once(child, 'exit').then(([code, signal]) => ({ code, signal }))

/** The package once more, as a dependency that npm could not share: other modules, another addon. */
async function secondCopy(number) {
  const root = new URL('../../../', import.meta.url)
  const folder = file(`copy-${number}`)
  fs.cpSync(new URL('dist', root), `${folder}/dist`, { recursive: true })
  fs.cpSync(new URL('package.json', root), `${folder}/package.json`)
  fs.symlinkSync(new URL('node_modules', root), `${folder}/node_modules`)
  const addon = `${folder}/npymap.node`
  fs.copyFileSync(npymap.buildInfo().addonPath, addon)
  process.env.NPYMAP_ADDON = addon
  const copy = await import(`${folder}/dist/index.js`)
  assert.equal(copy.buildInfo().addonPath, addon)
  assert.notEqual(copy.open, npymap.open)
  return copy
}

const cases = {
  /** before | after | again: when the neighbour comes; its style; how it crashes at the end. */
  async handlers() {
    const [when, style, how] = words
    if (when === 'before') handlers(style)
    for (let i = 0; i < 3; i++) faulty()
    if (when !== 'before') handlers(style)
    if (when === 'again') {
      for (let i = 0; i < 3; i++) {
        faulty()
        handlers(style)
      }
    }
    for (let i = 0; i < 3; i++) faulty()
    // Who takes Node's place without passing on takes its traps away, with us or without.
    if (style === 'passes on') (await trap())(200)
    faulty()
    say('faults told')
    crash(how)
    await wait()
  },
  /** Faults while the neighbour is in our place, before any other open. */
  async displaced() {
    const path = makeFile('open.npy', 20_000)
    const a = npymap.open(path)
    handlers(words[0])
    a.typedArray[3] = 1
    const { reason } = attempt(() => a.get(0))
    assert.equal(reason, 'write')
    say('told')
  },
  async crash() {
    faulty()
    npymap.open(makeFile('held.npy', 20_000)).typedArray
    say('faults told')
    if (words[1] !== 'worker') crash(words[0])
    else {
      const script = `process.dlopen({ exports: { crash: ${JSON.stringify(words[0])} } }, ${JSON.stringify(neighbour)})`
      new Worker(script, { eval: true })
    }
    await wait()
  },
  async 'wasm in workers'() {
    const early = await trap()
    const url = new URL('./neighbours.mjs', import.meta.url)
    const argv = (...args) => ({ argv: args })
    const workers = Array.from({ length: 6 }, (_, i) =>
      i % 2 ? new Worker(url, argv('only faults')) : new Worker(new URL('./traps.mjs', import.meta.url)),
    )
    const ends = workers.map(async (worker) => {
      const [code] = await once(worker, 'exit')
      assert.equal(code, 0)
    })
    let running = true
    const all = Promise.all(ends).then(() => {
      running = false
    })
    for (let i = 0; running || i < 20; i++) {
      early(50)
      faulty()
      await sleep(1)
    }
    await all
    const late = await trap()
    late(2000)
    early(2000)
  },
  async 'only faults'() {
    for (let i = 0; i < 40; i++) faulty()
    const traps = await trap()
    traps(500)
  },
  async throws() {
    const path = makeFile('t.npy', 20_000)
    const a = npymap.open(path)
    fs.truncateSync(path, 4096)
    assert.equal(attempt(() => a.get(19_999)).error, 'FaultError')
    await assert.rejects(async () => await a.read(), { name: 'FaultError' })
    say('caught')
    if (words[0] === 'fault') a.get(19_999)
    if (words[0] === 'error') throw new Error('on purpose')
    if (words[0] === 'rejection') await a.read()
  },
  async inspector() {
    const { Session } = await import('node:inspector/promises')
    const session = new Session()
    session.connect()
    await session.post('Debugger.enable')
    await session.post('Debugger.setPauseOnExceptions', { state: 'none' })
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 100 })
    await session.post('Profiler.start')
    await session.post('HeapProfiler.enable')
    await session.post('HeapProfiler.startSampling')
    const traps = await trap()
    for (let i = 0; i < 60; i++) {
      faulty()
      traps(50)
    }
    const { profile } = await session.post('Profiler.stop')
    assert.ok(profile.samples.length > 20)
    await session.post('HeapProfiler.stopSampling')
    let bytes = 0
    session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => {
      bytes += params.chunk.length
    })
    await session.post('HeapProfiler.takeHeapSnapshot')
    assert.ok(bytes > 10_000)
    faulty()
  },
  async flags() {
    // --jitless takes WebAssembly away.
    const traps = typeof WebAssembly === 'undefined' ? () => {} : await trap()
    for (let i = 0; i < 20; i++) {
      faulty()
      traps(20)
    }
  },
  async 'kill and report'() {
    faulty()
    process.kill(process.pid, 'SIGUSR2')
    await sleep(200)
    faulty()
    const reports = fs.readdirSync(process.env.NPYMAP_TEST_DIR).filter((entry) => entry.endsWith('.json'))
    assert.equal(reports.length, 1)
  },
  async 'listeners of faults'() {
    faulty()
    let heard = 0
    const listener = () => {
      heard++
    }
    for (const signal of ['SIGSEGV', 'SIGBUS']) process.on(signal, listener)
    faulty()
    for (const signal of ['SIGSEGV', 'SIGBUS']) process.kill(process.pid, signal)
    await sleep(50)
    assert.equal(heard, 2)
    for (const signal of ['SIGSEGV', 'SIGBUS']) process.off(signal, listener)
    for (let i = 0; i < 3; i++) faulty()
    say('faults told')
    crash('null')
    await wait()
  },
  async 'child processes'() {
    faulty()
    const status = spawnSync('cat', ['/proc/self/status'], { encoding: 'utf8' }).stdout
    // No fault is ignored, blocked or caught by a program that knows nothing of us.
    for (const set of ['SigBlk', 'SigIgn', 'SigCgt']) {
      const bits = BigInt(`0x${new RegExp(`${set}:\\s+(\\w+)`).exec(status)[1]}`)
      assert.equal(bits & ((1n << 10n) | (1n << 6n)), 0n, set)
    }
    const held = npymap.open(makeFile('held.npy', 20_000))
    const own = fork(process.argv[1], ['only faults'])
    for (let i = 0; i < 10; i++) faulty()
    assert.deepEqual(await ended(own), { code: 0, signal: null })
    const dying = fork(process.argv[1], ['crash', 'null'], { silent: true })
    assert.deepEqual(await ended(dying), { code: null, signal: 'SIGSEGV' })
    cluster.setupPrimary({ exec: process.argv[1], args: ['only faults and leave'] })
    const workers = await Promise.all([ended(cluster.fork()), ended(cluster.fork())])
    for (const worker of workers) assert.deepEqual(worker, { code: 0, signal: null })
    assert.equal(held.get(7), valueAt(7))
  },
  async 'only faults and leave'() {
    for (let i = 0; i < 5; i++) faulty()
    process.exit(0)
  },
  contexts() {
    const context = vm.createContext({ open: npymap.open, FaultError: npymap.FaultError })
    const open = vm.runInContext('(path) => open(path)', context)
    faulty(open)
    const path = makeFile('vm.npy', 20_000)
    context.path = path
    context.cut = () => fs.truncateSync(path, 4096)
    const told = vm.runInContext(
      'const a = open(path), t = a.typedArray; cut(); t[19999]; try { a.get(0) } catch (e) { e instanceof FaultError }',
      context,
    )
    assert.equal(told, true)
  },
  async copies() {
    const copies = [npymap, await secondCopy(1), await secondCopy(2)]
    const held = copies.map((copy, i) => copy.open(makeFile(`held-${i}.npy`, 20_000)))
    for (let i = 0; i < 30; i++) faulty(copies[i % 3].open)
    for (const a of held) {
      a.typedArray[5] = 1
      assert.equal(attempt(() => a.get(0)).reason, 'write')
      a.close()
    }
    const traps = await trap()
    traps(500)
    for (const copy of copies) faulty(copy.open)
    say('faults told')
    crash(words[0])
    await wait()
  },
}

await cases[name]()
say('done')
