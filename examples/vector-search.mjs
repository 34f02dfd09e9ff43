// The nearest of many vectors by cosine, over a file larger than memory: node examples/vector-search.mjs
// While one chunk is searched, the next is being read.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Memmap, open } from 'npymap'

const COUNT = 20_000
const WIDTH = 96

/** The `k` rows most like the query, the best first. */
async function nearest(vectors, query, k) {
  const width = query.length
  const norm = Math.hypot(...query)
  const best = []
  for await (const { start, view } of vectors.chunks({ byteLength: 1024 * 1024 })) {
    const block = view.typedArray
    for (let row = 0, at = 0; at < block.length; row++) {
      let dot = 0
      let squares = 0
      for (let i = 0; i < width; i++, at++) {
        dot += block[at] * query[i]
        squares += block[at] * block[at]
      }
      const score = dot / (Math.sqrt(squares) * norm)
      if (best.length === k && score <= best[k - 1].score) continue
      best.push({ row: start + row, score })
      best.sort((a, b) => b.score - a.score)
      best.length = Math.min(best.length, k)
    }
  }
  return best
}

const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
try {
  const made = Memmap.create(join(folder, 'vectors.npy'), { dtype: 'float32', shape: [COUNT, WIDTH] })
  for (const { view } of made.chunks()) view.assign(Float32Array.from({ length: view.size }, () => Math.random() - 0.5))
  made.close()

  const vectors = open(join(folder, 'vectors.npy'))
  const query = vectors
    .slice(12_345)
    .toTypedArray()
    .map((x) => 2 * x + 0.01)
  const found = await nearest(vectors, query, 5)
  assert.equal(found[0].row, 12_345)
  assert.ok(found[0].score > 0.99 && found[1].score < 0.7)
  assert.equal(new Set(found.map(({ row }) => row)).size, 5)
  vectors.close()
  console.log(found.map(({ row, score }) => `${row} ${score.toFixed(3)}`).join('\n'))
} finally {
  rmSync(folder, { recursive: true })
}
