// A view in memory of 0, 1, 2, …

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, type NdView, save } from '../../src/index.ts'

export async function sampleView(shape: number[]): Promise<NdView> {
  const folder = mkdtempSync(join(tmpdir(), 'npymap-plot-'))
  try {
    const size = shape.reduce((product, extent) => product * extent, 1)
    await save(
      join(folder, 'a.npy'),
      Float64Array.from({ length: size }, (_, i) => i),
      { shape },
    )
    return await load(join(folder, 'a.npy'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
