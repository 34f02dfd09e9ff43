// pass.mjs <how> <path> <archive> <archive by NumPy> <bytes of cache>: walks all of an array with `for await`, or reads at random places of it,
// and prints what memory it took.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { open, openNpz } from '../../../dist/index.js'

const [how, path, archive, foreign, cache] = process.argv.slice(2)
const options = { cacheByteLength: Number(cache) }
const arrays = {
  mapped: () => open(path),
  'mapped r+': () => open(path, { mode: 'r+' }),
  pread: () => open(path, { mmap: false }),
  scattered: () => open(path).slice(null, '::8'),
  'stored member': () => openNpz(archive, options).get('stored'),
  'deflated member': () => openNpz(archive, options).get('deflated'),
  'stored member, anywhere': () => openNpz(archive, options).get('stored'),
  'deflated member, anywhere': () => openNpz(archive, options).get('deflated'),
  'member of NumPy’s archive, anywhere': () => openNpz(foreign, options).get('deflated'),
}
// Pages of files, node's own among them, are the system's: what is this process's alone is counted apart.
let maxRss = 0
let maxAnonymous = 0
const measure = () => {
  const status = readFileSync('/proc/self/status', 'latin1')
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1])
  maxRss = Math.max(maxRss, kib('VmRSS') * 1024)
  maxAnonymous = Math.max(maxAnonymous, kib('RssAnon') * 1024)
}
const tell = () => process.stdout.write(`${JSON.stringify({ maxRss, maxAnonymous })}\n`)

const array = arrays[how]()
if (how.endsWith('anywhere')) {
  let state = 1
  for (let i = 0; i < 400; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const start = Math.floor((state / 2 ** 32) * (array.shape[0] - 40))
    const view = array.slice(`${start}:${start + (i % 10 === 0 ? 40 : 4)}`)
    const elements = i % 2 === 0 ? view.toTypedArray() : await view.read()
    for (let row = 0; row < view.shape[0]; row++) {
      assert.equal(elements[row * view.shape[1]], start + row)
      assert.equal(elements[row * view.shape[1] + 1], 1)
    }
    measure()
  }
  tell()
  process.exit()
}
const step = how === 'scattered' ? 8 : 1
// The file is of rows that begin with their number.
let next = 0
for await (const { start, stop, view } of array.chunks({ rows: 512 })) {
  assert.equal(start, next)
  const elements = view.typedArray
  const columns = view.shape[1]
  for (let row = start; row < stop; row++) {
    assert.equal(elements[(row - start) * columns], row)
    assert.equal(elements[(row - start) * columns + 1], step)
  }
  measure()
  next = stop
}
assert.equal(next, array.shape[0])
tell()
