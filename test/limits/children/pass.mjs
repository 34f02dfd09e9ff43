// pass.mjs <how> <path> <archive>: walks all of an array with `for await`, and prints what it found and what memory it took.

import assert from 'node:assert/strict'
import { open, openNpz } from '../../../dist/index.js'

const [how, path, archive] = process.argv.slice(2)
const arrays = {
  mapped: () => open(path),
  'mapped r+': () => open(path, { mode: 'r+' }),
  pread: () => open(path, { mmap: false }),
  scattered: () => open(path).slice(null, '::8'),
  'stored member': () => openNpz(archive).get('stored'),
  'deflated member': () => openNpz(archive).get('deflated'),
}
const array = arrays[how]()
const step = how === 'scattered' ? 8 : 1
// The file is of rows that begin with their number.
let maxRss = 0
let next = 0
for await (const { start, stop, view } of array.chunks({ rows: 512 })) {
  assert.equal(start, next)
  const elements = view.typedArray
  const columns = view.shape[1]
  for (let row = start; row < stop; row++) {
    assert.equal(elements[(row - start) * columns], row)
    assert.equal(elements[(row - start) * columns + 1], step)
  }
  maxRss = Math.max(maxRss, process.memoryUsage.rss())
  next = stop
}
assert.equal(next, array.shape[0])
process.stdout.write(`${JSON.stringify({ maxRss })}\n`)
