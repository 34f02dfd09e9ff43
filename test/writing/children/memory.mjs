// memory.mjs <how> <GiB>: writes or saves so much in NPYMAP_TEST_DIR, and prints what memory it took.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { NpyWriter, open, save } from '../../../dist/index.js'

const [how, gibText] = process.argv.slice(2)
const file = (name) => join(process.env.NPYMAP_TEST_DIR, name)
const COLUMNS = 1024
const rowCount = Math.round(Number(gibText) * 256 * 1024)
/** Every float32 of the file follows from its index, and is exact. */
const valueAt = (index) => index % 16_777_213
let seed = 1
const random = (below) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}

const cases = {
  async stream() {
    const writer = await NpyWriter.create(file('big.npy'), { dtype: 'float32', shape: [null, COLUMNS] })
    const chunk = new Float32Array(2 * 1024 * 1024)
    for (let start = 0; start < rowCount * COLUMNS; start += chunk.length) {
      for (let i = 0, value = valueAt(start); i < chunk.length; i++, value++) {
        if (value === 16_777_213) value = 0
        chunk[i] = value
      }
      await writer.write(chunk)
    }
    await writer.close()
    check(open(file('big.npy')), [rowCount, COLUMNS], (row, column) => row * COLUMNS + column)
  },
  async strided() {
    const big = open(file('big.npy'))
    await save(file('small.npy'), big.slice('::-2', '1::3'))
    const last = rowCount - 1
    check(open(file('small.npy')), [rowCount / 2, 341], (row, column) => (last - 2 * row) * COLUMNS + 1 + 3 * column)
  },
  async transposed() {
    const big = open(file('big.npy'))
    const view = big.reshape([-1, 4]).transpose()
    await save(file('small.npy'), view, { order: 'C' })
    check(open(file('small.npy')), [4, rowCount * 256], (row, column) => column * 4 + row)
  },
}

function check(array, shape, indexOf) {
  assert.deepEqual([...array.shape], shape)
  const ends = [0, 1, 2, 3].map((k) => [k & 1 ? shape[0] - 1 : 0, k & 2 ? shape[1] - 1 : 0])
  for (let i = 0; i < 2000; i++) {
    const [row, column] = ends[i] ?? [random(shape[0]), random(shape[1])]
    assert.equal(array.get(row, column), valueAt(indexOf(row, column)), `[${row}, ${column}]`)
  }
  array.close()
}

await cases[how]()
process.stdout.write(`${JSON.stringify({ maxRss: process.resourceUsage().maxRSS * 1024 })}\n`)
