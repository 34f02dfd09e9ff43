// Rows from a stream at the end of a file, durable every so often: node examples/append-from-stream.mjs
// Whoever opens the file meanwhile sees whole rows, up to the last checkpoint.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { NpyWriter, open, readHeader, save } from 'npymap'

const BATCHES = 50
const BATCH_ROWS = 20

/** As a sensor or a log would send them: time and value, a few rows at a time. */
async function* measurements() {
  for (let batch = 0; batch < BATCHES; batch++) {
    yield Float64Array.from({ length: 2 * BATCH_ROWS }, (_, i) => batch * BATCH_ROWS + (i >> 1))
  }
}

const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
const path = join(folder, 'log.npy')
try {
  await save(path, new Float64Array([-1, -1]), { shape: [1, 2] })

  const log = await NpyWriter.append(path)
  try {
    let batches = 0
    for await (const rows of Readable.from(measurements())) {
      await log.write(rows)
      if (++batches % 10 === 0) {
        await log.checkpoint()
        assert.deepEqual(readHeader(path).shape, [1 + batches * BATCH_ROWS, 2])
      }
    }
    await log.close()
  } catch (error) {
    await log.abort()
    throw error
  }

  const array = open(path)
  assert.deepEqual(array.shape, [1 + BATCHES * BATCH_ROWS, 2])
  assert.equal(array.get(0, 0), -1)
  assert.equal(array.get(-1, 1), BATCHES * BATCH_ROWS - 1)
  console.log(`${array.shape[0]} rows`)
  array.close()
  assert.equal((await NpyWriter.recover(path)).whole, true)
} finally {
  rmSync(folder, { recursive: true })
}
