// churn.mjs <seed> <trials>: files that other hands change, in ways and at moments that chance picks, while arrays over them
// are read and written. Prints how often each way was tried, what came of it, and every trial that broke the promise.

import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { alter, COUNTS, imageOf, seededRandom } from './churn-faults.mjs'
import { attemptAsync, collect, file, finish, mapLines, npymap, openFiles, valueAt } from './kit.mjs'

const [seed, trials] = process.argv.slice(2, 4).map(Number)
const { random, pick } = seededRandom(seed)
const { open, openNpz } = npymap

/** How an array over the file is got: [suffix, open, whether slices copy what is in the file now]. */
const sources = {
  'mapped r': ['npy', (path) => open(path)],
  'mapped r+': ['npy', (path) => open(path, { mode: 'r+' })],
  'mapped c': ['npy', (path) => open(path, { mode: 'c' })],
  'pread r': ['npy', (path) => open(path, { mmap: false })],
  'pread r+': ['npy', (path) => open(path, { mmap: false, mode: 'r+' })],
  'npz stored': ['stored.npz', (path) => openNpz(path)],
  'npz stored, pread': ['stored.npz', (path) => openNpz(path, { mmap: false })],
  'npz deflated': ['chunked.npz', (path) => openNpz(path, { cacheByteLength: pick([0, 65536, 64 * 1024 * 1024]) })],
  'npz deflated, pread': ['chunked.npz', (path) => openNpz(path, { mmap: false, cacheByteLength: 0 })],
  'npz of one stream': ['stream.npz', (path) => openNpz(path, { cacheByteLength: 0 })],
}

const all = (count) => Array.from({ length: count }, (_, i) => i)
/** Reads and writes: each resolves to [value, index] pairs, as two lists. */
const calls = {
  async get(a, count) {
    const at = all(40).map(() => Math.floor(random() * count))
    return [at.map((i) => a.get(i)), at]
  },
  toTypedArray: async (a, count) => [a.toTypedArray(), all(count)],
  async strided(a, count) {
    const step = 1 + Math.floor(random() * 700)
    return [a.slice(`::-${step}`).toTypedArray(), all(Math.ceil(count / step)).map((i) => count - 1 - i * step)]
  },
  async take(a, count) {
    const at = all(200).map(() => Math.floor(random() * count))
    return [a.take(at).typedArray, at]
  },
  read: async (a, count) => [await a.read(), all(count)],
  async 'read a part'(a, count) {
    const start = Math.floor(random() * count)
    return [await a.slice(`${start}:`).read(), all(count - start).map((i) => start + i)]
  },
  async gather(a, count) {
    const at = all(500).map(() => Math.floor(random() * count))
    return [(await a.gather(at, { threads: pick([1, 3]) })).typedArray, at]
  },
  async chunks(a, count) {
    const values = []
    for (const { view } of a.chunks({ byteLength: 65536 })) values.push(...view.toTypedArray())
    return [values, all(count)]
  },
  async 'for await chunks'(a, count) {
    const values = []
    for await (const { view } of a.chunks({ byteLength: 65536 })) values.push(...view.toTypedArray())
    return [values, all(count)]
  },
  async prefetch(a) {
    await a.prefetch()
    return [[], []]
  },
  async load(_, count, z) {
    return [(await z.load('x')).toTypedArray(), all(count)]
  },
  // What is written is what was there: readers see no difference.
  async set(a, count) {
    for (let i = 0; i < 20; i++) {
      const at = Math.floor(random() * count)
      a.set(at, valueAt(at))
    }
    return [[], []]
  },
  async assign(a, count) {
    const start = Math.floor(random() * count)
    a.slice(`${start}:`).assign(Float64Array.from({ length: count - start }, (_, i) => valueAt(start + i)))
    return [[], []]
  },
  async flush(a) {
    await a.flush()
    return [[], []]
  },
}
const writes = new Set(['set', 'assign', 'flush'])

/** Shared with the thread that does the damage: 0 begin, 1 done. */
const state = new Int32Array(new SharedArrayBuffer(8))
const saboteur = new Worker(new URL('./churn-saboteur.mjs', import.meta.url), { workerData: state })
await new Promise((resolve) => saboteur.once('online', resolve))

const tallies = {}
const broken = []

async function trial(number) {
  const how = pick(Object.keys(sources))
  const count = pick(COUNTS)
  const [suffix, openSource] = sources[how]
  const path = file(`churn-${number}.${suffix}`)
  fs.writeFileSync(path, await imageOf(suffix, count, 1))
  const source = openSource(path)
  const z = suffix.endsWith('npz') ? source : null
  const a = z === null ? source : z.get('x')
  const fault = pick(Object.keys(alter))
  const during = random() < 0.7
  const names = Object.keys(calls).filter((name) => (writes.has(name) ? a.writable : name !== 'load' || z !== null))
  const what = { number, how, count, fault, during }
  const { promise, errors, mayBe } = alter[fault]
  const outcomes = new Set()
  let lost = null

  const check = async (name) => {
    const outcome = await attemptAsync(() => calls[name](a, count, z))
    if (outcome.error !== undefined) {
      const { error, reason, message, path: told } = outcome
      outcomes.add('told')
      const known =
        errors(how, name).includes(error) && (error !== 'FaultError' || (reason === 'truncated' && told === path))
      if (!known) broken.push({ ...what, name, error, reason, message })
      return error
    }
    outcomes.add('right')
    const [values, indices] = outcome.value
    // Slices of deflated members are not checked against the CRC-32; whole loads are.
    if (fault.startsWith('overwritten') && /deflated|stream/.test(how) && name !== 'load') return null
    const wrong = indices.findIndex((index, i) => !mayBe(values[i], index, name === 'load' && z !== null))
    if (wrong >= 0 || values.length !== indices.length) {
      broken.push({ ...what, name, wrong, value: values[wrong], index: indices[wrong], length: values.length })
    }
    return null
  }

  const message = { fault, path, count, seed: Math.floor(random() * 2 ** 31), spin: random() ** 3 * 3e6 }
  message.other = await imageOf(suffix, count, -1)
  if (during) {
    saboteur.postMessage(message)
    do await check(pick(names))
    while (Atomics.load(state, 1) === 0)
  } else {
    for (let i = Math.floor(random() * 3); i > 0; i--) await check(pick(names))
    saboteur.postMessage({ ...message, spin: 0 })
    Atomics.wait(state, 1, 0)
  }
  Atomics.store(state, 1, 0)
  for (let i = 0; i < 3; i++) await check(pick(names))
  const { size } = fs.statSync(path, { throwIfNoEntry: false }) ?? { size: 0 }
  // What is missing cannot be right any more, but where it was inflated before.
  // Of an archive it may be the directory alone, which was read.
  if (fault === 'cut short' && !/deflated|stream/.test(how) && size < count * 8) {
    lost = await check('read')
    if (lost === null) broken.push({ ...what, name: 'read at the end', size, wrong: 'read what is not there' })
  }
  z?.close()
  a.close?.()
  fs.rmSync(path, { force: true })
  fs.rmSync(`${path}.new`, { force: true })
  tallies[promise] ??= { tried: 0, told: 0, right: 0 }
  tallies[promise].tried++
  for (const outcome of outcomes) tallies[promise][outcome]++
}

await trial(0)
await collect()
const before = { files: openFiles(), maps: mapLines() }
for (let number = 1; number < trials; number++) await trial(number)
await saboteur.terminate()
await collect()
if (openFiles() > before.files) broken.push({ files: openFiles(), before })
if (mapLines() > before.maps) broken.push({ maps: mapLines(), before })
finish({ tallies, broken: broken.slice(0, 20), failed: broken.length })
