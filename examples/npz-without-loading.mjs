// What is in an archive, and parts of its arrays, without loading any: node examples/npz-without-loading.mjs

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NpzWriter, openNpz, savezCompressed } from 'npymap'

const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
const path = join(folder, 'model.npz')
try {
  const weights = Float32Array.from({ length: 1_000_000 }, (_, i) => i % 1000)
  await savezCompressed(path, { weights: { data: weights, shape: [1000, 1000] }, bias: new Float64Array(1000) })
  // Stored members are mapped where they lie, so what is to be had in place goes in as it is.
  const more = await NpzWriter.append(path)
  await more.write(
    'labels',
    BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(i)),
    { compress: false },
  )
  await more.close()

  const archive = openNpz(path)
  for (const name of archive.keys()) {
    const { dtype, shape, compression, compressedByteLength } = archive.info(name)
    console.log(`${name}: ${dtype} [${shape}], ${compression}, ${compressedByteLength} bytes`)
  }
  assert.deepEqual([...archive.keys()], ['weights', 'bias', 'labels'])
  assert.equal(archive.info('weights').compression, 'deflated')

  // Inflates the blocks under these rows, none of the others.
  const rows = archive.get('weights').slice('500:502', '10:13')
  assert.deepEqual(rows.toArray(), [
    [10, 11, 12],
    [10, 11, 12],
  ])
  // The file's own pages: nothing is copied.
  assert.equal(archive.get('labels').typedArray[999], 999n)
  // The whole of one, checked against its CRC-32; it stays after close().
  const bias = await archive.load('bias')
  archive.close()
  assert.deepEqual(bias.shape, [1000])
} finally {
  rmSync(folder, { recursive: true })
}
