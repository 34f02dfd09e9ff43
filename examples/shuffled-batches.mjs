// Batches of rows in a random order, for training: node examples/shuffled-batches.mjs
// One buffer takes every batch, so an epoch over a file of any size allocates nothing.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Memmap, open } from 'npymap'

const ROWS = 10_000
const COLUMNS = 64
const BATCH = 256

const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
const path = join(folder, 'features.npy')
try {
  // Every element of row i is i.
  const made = Memmap.create(path, { dtype: 'float32', shape: [ROWS, COLUMNS] })
  for (const { start, stop, view } of made.chunks()) {
    for (let row = start; row < stop; row++) view.slice(row - start).fill(row)
  }
  made.close()

  const features = open(path)
  const order = Uint32Array.from({ length: ROWS }, (_, i) => i)
  for (let i = ROWS - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[order[i], order[j]] = [order[j], order[i]]
  }

  const buffer = new Float32Array(BATCH * COLUMNS)
  let rows = 0
  let total = 0
  for (let start = 0; start < ROWS; start += BATCH) {
    const indices = order.subarray(start, start + BATCH)
    const out = buffer.subarray(0, indices.length * COLUMNS)
    // Off the main thread; rows that are on the disk are read in the order of the file.
    const batch = await features.gather(indices, { out })
    assert.deepEqual(batch.shape, [indices.length, COLUMNS])
    assert.equal(out[COLUMNS], indices[1])
    rows += batch.shape[0]
    for (let i = 0; i < out.length; i += COLUMNS) total += out[i]
  }
  assert.equal(rows, ROWS)
  assert.equal(total, (ROWS * (ROWS - 1)) / 2)
  features.close()
  console.log(`${rows} rows in ${Math.ceil(ROWS / BATCH)} batches, each row once`)
} finally {
  rmSync(folder, { recursive: true })
}
