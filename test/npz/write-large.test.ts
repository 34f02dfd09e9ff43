// Members and archives past 4 GiB: zip64, and only there. `NPZ_GIB=5` runs it; it takes twice as much disk.

import { openSync, readSync, rmSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NpzWriter } from '../../src/npz/writer.ts'
import { runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { testWithTools } from './write-support.ts'

const GIB = Number(process.env.NPZ_GIB ?? 0)
const inFolder = temporaryFolder()

describe.skipIf(GIB < 4.1)(`members of ${GIB} GiB`, () => {
  test.each([
    { how: 'of unknown length', known: false },
    { how: 'of known length', known: true },
  ])(
    '$how, stored and deflated: NumPy, unzip and 7z read them',
    async ({ known }) => {
      const path = inFolder('large.npz')
      const chunk = Float64Array.from({ length: 1024 * 1024 }, (_, i) => i)
      const rows = Math.round(GIB * 128)
      const shape = [known ? rows : null, chunk.length]
      const writer = await NpzWriter.create(path, { sync: false })
      for (const compress of [false, { level: 1 }]) {
        const member = await writer.member(compress === false ? 'stored' : 'deflated', {
          dtype: 'float64',
          shape,
          compress,
        })
        for (let row = 0; row < rows; row++) {
          chunk[0] = row
          await member.write(chunk)
        }
        await member.close()
      }
      await writer.write('small', [1, 2, 3])
      await writer.close()
      const appending = await NpzWriter.append(path)
      await appending.write('appended', [4, 5])
      await appending.close()
      expect(process.resourceUsage().maxRSS).toBeLessThan(1024 * 1024)
      const seen = JSON.parse(runPython(SEE, JSON.stringify([path, rows])))
      expect(seen).toEqual({ stored: 45, deflated: 45, small: 45, appended: 45 })
      // The data of the stored member is on its boundary, and zip64 fields are in the local header's room.
      const head = Buffer.alloc(512)
      readSync(openSync(path, 'r'), head, 0, 512, 0)
      expect([head.readUInt32LE(18), head.readUInt32LE(22), head.readUInt16LE(4)]).toEqual([
        2 ** 32 - 1,
        2 ** 32 - 1,
        45,
      ])
      expect(head.readUInt16LE(30 + 'stored.npy'.length)).toBe(1)
      expect((30 + head.readUInt16LE(26) + head.readUInt16LE(28)) % 64).toBe(0)
      testWithTools([path])
      console.info(`${statSync(path).size} bytes`)
      rmSync(path)
    },
    3_600_000,
  )
})

const SEE = `
import json, sys, zipfile, numpy as np
path, rows = json.load(sys.stdin)
with np.load(path) as z:
    versions = {i.filename[:-4]: i.extract_version for i in z.zip.infolist()}
    for name in ('stored', 'deflated'):
        with z.zip.open(name + '.npy') as f:
            np.lib.format.read_magic(f)
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(f)
            assert shape == (rows, 1048576) and dtype == '<f8', shape
            want = np.arange(1048576.0)
            for row in range(rows):
                want[0] = row
                assert f.read(want.nbytes) == want.tobytes(), (name, row)
            assert f.read() == b''
    assert z['small'].tolist() == [1, 2, 3] and z['appended'].tolist() == [4, 5]
print(json.dumps(versions))
`
