// NumPy reads what Node wrote: node examples/read-in-numpy.mjs

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, save, savezCompressed } from 'npymap'

const PYTHON = `
import numpy as np
table = np.load('table.npy', mmap_mode='r')
people = np.load('people.npy')
archive = np.load('model.npz')
assert table.shape == (1000, 3) and table.dtype == np.float32 and table[10, 2] == 32
assert people['name'].tolist() == ['Ada', 'Żółw'] and people['born'][0] == np.datetime64('1815-12-10')
assert archive['w'].sum() == 4950 and archive['z'][1] == 3 - 4j
np.save('back.npy', table[::100] * 2)
`

if (spawnSync('python3', ['-c', 'import numpy']).status !== 0) {
  console.log('skipped: no python3 with NumPy here')
  process.exit()
}
const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
try {
  await save(
    join(folder, 'table.npy'),
    Float32Array.from({ length: 3000 }, (_, i) => i),
    { shape: [1000, 3] },
  )
  const days = BigInt(Date.UTC(1815, 11, 10) / 86_400_000)
  const people = [
    { name: 'Ada', born: days },
    { name: 'Żółw', born: 0n },
  ]
  await save(join(folder, 'people.npy'), people, {
    dtype: [
      ['name', '<U8'],
      ['born', '<M8[D]'],
    ],
  })
  const z = {
    data: [
      { re: 0, im: 1 },
      { re: 3, im: -4 },
    ],
    dtype: 'complex128',
  }
  await savezCompressed(join(folder, 'model.npz'), { w: Int32Array.from({ length: 100 }, (_, i) => i), z })

  const python = spawnSync('python3', ['-c', PYTHON], { cwd: folder, encoding: 'utf8' })
  assert.equal(python.status, 0, python.stderr)
  const back = await load(join(folder, 'back.npy'))
  assert.deepEqual(back.shape, [10, 3])
  assert.equal(back.get(9, 0), 5400)
  console.log('read, and its answer read back')
} finally {
  rmSync(folder, { recursive: true })
}
