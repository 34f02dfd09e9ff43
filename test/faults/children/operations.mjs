// operations.mjs <name> <count>: what each of many operations leaves behind. Prints the growth over the second half of them, when
// whatever grows once has grown: mappings, descriptors, V8's heap, memory.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import {
  allMapLines,
  collect,
  file,
  finish,
  makeBytes,
  makeFile,
  mapLines,
  mapped,
  npymap,
  openFiles,
  valueAt,
} from './kit.mjs'

const { open, openNpz } = npymap
const [name, count] = [process.argv[2], Number(process.argv[3])]
const path = makeFile('leak.npy', 20_000)
const rows = { dtype: 'float64', shape: [200, 100] }

/** Each is refused, each at another place. */
function brokenFiles() {
  const whole = fs.readFileSync(path)
  const header = (text) =>
    Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(text.padEnd(118))])
  const changed = (at, bytes) => {
    const copy = Buffer.from(whole)
    copy.set(bytes, at)
    return copy
  }
  const broken = [
    Buffer.alloc(0),
    whole.subarray(0, 5),
    whole.subarray(0, 60),
    whole.subarray(0, 5000),
    changed(0, [1]),
    changed(6, [9]),
    changed(10, Buffer.from('nonsense')),
    header("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"),
    header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
    header("{'descr': [('a', '<f8'), ('a', '<f8')], 'fortran_order': False, 'shape': (3,), }"),
  ]
  return broken.map((bytes, i) => {
    const at = file(`broken-${i}.npy`)
    fs.writeFileSync(at, bytes)
    return at
  })
}

async function archives() {
  const small = Float64Array.from({ length: 3000 }, (_, i) => valueAt(i))
  await npymap.savez(file('stored.npz'), { a: small, b: small })
  await npymap.savezCompressed(file('deflated.npz'), { a: small, b: small })
  const whole = fs.readFileSync(file('deflated.npz'))
  fs.writeFileSync(file('broken-10.npz'), whole.subarray(0, whole.length - 30))
  fs.writeFileSync(file('broken-11.npz'), whole.subarray(40))
}

function readMember(archive, i) {
  const z = openNpz(file(archive))
  const a = z.get('b')
  assert.equal(a.get(i % 3000), valueAt(i % 3000))
  assert.equal(z.get('a').slice('5:9').toTypedArray()[0], valueAt(5))
  z.close()
}

const worker = `
  import { open } from ${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)}
  import { workerData } from 'node:worker_threads'
  const arrays = Array.from({ length: 4 }, () => open(workerData))
  for (const a of arrays) a.typedArray
  await arrays[0].read()
  arrays[1].close()
  arrays[2].typedArray[3] = 1
  try { arrays[2].get(0); process.exit(1) } catch {}`

/** Each gives what is done with the number of the turn. */
const operations = {
  'open, get, close': async () => (i) => {
    const a = open(path)
    assert.equal(a.get(i % 20_000), valueAt(i % 20_000))
    a.close()
  },
  'open, close, writable': async () => (i) => {
    const a = open(path, { mode: i % 2 ? 'r+' : 'c' })
    a.set(5, valueAt(5))
    a.close()
  },
  pread: async () => (i) => {
    const a = open(path, { mmap: false })
    assert.equal(a.get(i % 20_000), valueAt(i % 20_000))
    a.close()
  },
  'left to the collector': async () => (i) => {
    const a = open(path, i % 8 === 0 ? { mmap: false } : {})
    if (i % 3 === 0 && i % 8 !== 0) assert.equal(a.typedArray[9], valueAt(9))
    else assert.equal(a.get(9), valueAt(9))
    // Only a full collection has finalizers run, and V8 does not know what a mapping costs.
    if (i % 1000 === 999) return collect()
  },
  'slices and typed arrays': async () => {
    const held = open(path)
    return (i) => {
      const from = (i * 7) % 19_000
      assert.equal(held.slice(`${from}:${from + 100}`).typedArray[5], valueAt(from + 5))
      const a = open(path)
      assert.equal(a.slice('::2').toTypedArray()[1], valueAt(2))
      assert.equal(a.slice('10:').typedArray[0], valueAt(10))
      a.close()
    }
  },
  'stray writes': async () => {
    const held = open(path)
    return (i) => {
      held.typedArray[i % 20_000] = 0
      assert.throws(() => held.get(0), { reason: 'write' })
    }
  },
  read: async () => {
    const held = open(path)
    return async (i) => {
      const a = i % 2 ? held : open(path)
      const reading = a.slice(':1000').read()
      if (a !== held) a.close()
      assert.equal((await reading)[7], valueAt(7))
    }
  },
  gather: async () => {
    const held = mapped(makeBytes('rows.bin', 160_000, 0x3f), rows)
    return async (i) => {
      const gathered = await held.gather([i % 200, 3, 199])
      assert.deepEqual(gathered.shape, [3, 100])
      assert.deepEqual(held.take([i % 200, 7]).shape, [2, 100])
    }
  },
  'stored members': async () => {
    await archives()
    return (i) => readMember('stored.npz', i)
  },
  'deflated members': async () => {
    await archives()
    return (i) => readMember('deflated.npz', i)
  },
  'loaded members': async () => {
    await archives()
    return async (i) => {
      const z = openNpz(file(i % 2 ? 'stored.npz' : 'deflated.npz'))
      const a = await z.load('b', { verify: true })
      assert.equal(a.get(9), valueAt(9))
      z.close()
    }
  },
  'refused files': async () => {
    await archives()
    const broken = [...brokenFiles(), file('none.npy'), process.env.NPYMAP_TEST_DIR]
    const bad = [file('broken-10.npz'), file('broken-11.npz'), path]
    return (i) => {
      if (i % 4 === 0) assert.throws(() => openNpz(bad[(i / 4) % bad.length]).get('b'))
      else assert.throws(() => open(broken[i % broken.length], { mmap: i % 5 !== 0 }))
    }
  },
  'aborted reads': async () => {
    const held = mapped(makeBytes('rows.bin', 160_000, 0x3f), rows)
    const pread = mapped(file('rows.bin'), { ...rows, mmap: false })
    return async (i) => {
      const a = i % 2 ? held : pread
      const controller = new AbortController()
      const { signal } = controller
      const calls = [() => a.read({ signal }), () => a.gather([1, 5, 9], { signal }), () => a.prefetch({ signal })]
      const call = calls[i % 3]()
      controller.abort()
      await call.catch((error) => assert.equal(error.name, 'AbortError'))
    }
  },
  writers: async () => async (i) => {
    const to = file('written.npy')
    const w = await npymap.NpyWriter.create(to, { dtype: 'float64', shape: [null, 8], sync: false })
    await w.write(new Float64Array(64))
    await (i % 4 === 3 ? w.abort() : w.close())
    await npymap.save(file('saved.npy'), new Float32Array(100), { sync: false })
    await npymap.savez(file('written.npz'), { a: new Float32Array(100) }, { sync: false })
    await npymap.savezCompressed(file('written.npz'), { a: new Float32Array(1000) }, { sync: false })
  },
  workers: async () => async () => {
    const started = new Worker(new URL(`data:text/javascript,${encodeURIComponent(worker)}`), { workerData: path })
    assert.deepEqual(await once(started, 'exit'), [0])
  },
}

const snapshot = () => {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { maps: mapLines(), files: openFiles(), allMaps: allMapLines(), heapUsed, external, rss }
}

const operation = await operations[name]()
async function half(from) {
  for (let i = from; i < from + count / 2; i++) {
    await operation(i)
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await collect()
  return snapshot()
}

await half(0)
const before = await half(0)
const after = await half(Math.floor(count / 2))
const growth = Object.fromEntries(Object.entries(after).map(([key, value]) => [key, value - before[key]]))
finish({ ...growth, rssBefore: before.rss })
