// leaks.mjs <how>: what is left after thousands of arrays, in maps, descriptors and memory.

import assert from 'node:assert/strict'
import { allMapLines, collect, makeFile, mapLines, npymap, openFiles, valueAt } from './kit.mjs'

const MIB = 1024 * 1024
const path = makeFile('leak.npy', 20_000)
const rss = () => process.memoryUsage().rss

async function cycles(count, cycle) {
  for (let i = 0; i < 2000; i++) cycle(i)
  await collect()
  const before = { maps: mapLines(), all: allMapLines(), files: openFiles(), rss: rss() }
  for (let i = 0; i < count; i++) {
    cycle(i)
    if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await collect()
  const growth = {
    maps: mapLines() - before.maps,
    all: allMapLines() - before.all,
    files: openFiles() - before.files,
    rss: rss() - before.rss,
  }
  assert.equal(growth.maps, 0)
  // V8 maps what it likes, but not once a cycle.
  assert.ok(growth.all < 500, `maps grew by ${growth.all}`)
  assert.equal(growth.files, 0)
  assert.ok(growth.rss < 20 * MIB, `memory grew by ${growth.rss}`)
}

const open = (options) => npymap.open(path, options)
const cases = {
  'open, get, close': () =>
    cycles(10_000, (i) => {
      const a = open()
      assert.equal(a.get(i), valueAt(i))
      a.close()
    }),
  'open, typedArray, close': () =>
    cycles(10_000, () => {
      const a = open()
      assert.equal(a.typedArray[9], valueAt(9))
      a.close()
    }),
  'open, typedArray, close, writable': () =>
    cycles(5000, (i) => {
      const a = open({ mode: i % 2 ? 'r+' : 'c' })
      a.typedArray[9] = valueAt(9)
      a.close()
    }),
  pread: () =>
    cycles(10_000, (i) => {
      const a = open({ mmap: false })
      assert.equal(a.get(i), valueAt(i))
      a.close()
    }),
  'stray writes': () =>
    cycles(3000, () => {
      const a = open()
      a.typedArray.fill(1)
      assert.throws(() => a.get(0), { reason: 'write' })
      a.close()
    }),
  'errors in open': () =>
    cycles(5000, (i) => {
      if (i % 2) assert.throws(() => npymap.Memmap.raw(path, { dtype: 'float64', shape: [1e6] }))
      else assert.throws(() => npymap.Memmap.raw(path, { dtype: 'float64', shape: [1e6], mmap: false }))
    }),
  async reads() {
    for (const round of [0, 1]) {
      const before = { maps: mapLines(), files: openFiles(), rss: rss() }
      for (let i = 0; i < 1500; i++) {
        const a = open()
        const reading = a.slice(':100').read()
        if (i % 2) a.close()
        assert.equal((await reading)[7], valueAt(7))
        a.close()
      }
      await collect()
      if (round === 0) continue
      assert.equal(mapLines(), before.maps)
      assert.equal(openFiles(), before.files)
      assert.ok(rss() - before.rss < 20 * MIB)
    }
  },
  async 'a thousand open'() {
    const before = openFiles()
    const arrays = Array.from({ length: 1000 }, () => open())
    assert.equal(openFiles(), before)
    for (const [i, a] of arrays.entries()) assert.equal(a.typedArray[i], valueAt(i))
    assert.equal(openFiles(), before)
    const read = Array.from({ length: 1000 }, () => open({ mmap: false }))
    assert.equal(openFiles(), before + 1000)
    for (const [i, a] of read.entries()) assert.equal(a.get(i), valueAt(i))
    for (const a of [...arrays, ...read]) a.close()
    assert.equal(openFiles(), before)
  },
  async 'collected without close'() {
    // Functions, so that nothing is left on the stack.
    const spill = (options, use) => {
      for (let i = 0; i < 500; i++) use(open(options))
    }
    const before = { maps: mapLines(), files: openFiles() }
    spill({}, (a) => a.get(3))
    spill({}, (a) => a.typedArray[3])
    spill({ mode: 'c' }, (a) => a.set(3, 1))
    spill({ mmap: false }, (a) => a.get(3))
    for (let i = 0; i < 10 && (mapLines() > before.maps + 5 || openFiles() > before.files + 5); i++) await collect()
    assert.ok(mapLines() <= before.maps + 5, `${mapLines() - before.maps} maps left`)
    assert.ok(openFiles() <= before.files + 5, `${openFiles() - before.files} descriptors left`)
  },
  async 'typed array outlives its array'() {
    const take = () => Array.from({ length: 50 }, (_, i) => open().slice(`${i}:`).typedArray)
    const held = take()
    for (let i = 0; i < 5; i++) await collect()
    for (const [i, typed] of held.entries()) assert.equal(typed[100], valueAt(i + 100))
    // The guard outlives it, too.
    held[0][3] = 1
    assert.equal(held[0][3], 1)
    assert.equal(open().get(3), valueAt(3))
  },
}

await cases[process.argv[2]]()
process.stdout.write('done\n')
