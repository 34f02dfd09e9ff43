// Writers killed at random moments: nothing that was promised is lost, and no file is left half old, half new.
// `KILL_RUNS=500` kills each of them so often; `NPYMAP_SEED` picks other moments.

import { spawn } from 'node:child_process'
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { load, NpyWriter, openNpz, type Recovery, readHeader, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { expectAlive, runScript } from '../faults/child.ts'
import { record, trials } from '../support/ledger.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { expectBytes, seededRandom, temporaryFolder } from '../support/sources.ts'

const RUNS = trials('KILL_RUNS', 14)
const child = fileURLToPath(new URL('./children/kill.mjs', import.meta.url))
const inFolder = temporaryFolder()
const random = seededRandom(Number(process.env.NPYMAP_SEED ?? 3))
const ALIVE = 'the child was alive when it was killed'

/** Kills the child some time after its first words, and returns its lines; the last may be cut off and is left out. */
function killed(how: string, path: string, seed: number, delay: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [child, how, path, String(seed)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let armed = false
    process_.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (armed) return
      armed = true
      setTimeout(() => process_.kill('SIGKILL'), delay)
    })
    process_.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    process_.on('error', reject)
    process_.on('close', (code, signal) => {
      try {
        expect({ code, signal, stderr }, ALIVE).toEqual({ code: null, signal: 'SIGKILL', stderr: '' })
        resolve(stdout.split('\n').slice(1, -1))
      } catch (error) {
        reject(error)
      }
    })
  })
}

function rowsFrom(start: number, count: number): Float64Array {
  return Float64Array.from({ length: count * 4 }, (_, i) => (start + Math.floor(i / 4)) * 10 + (i % 4))
}

/** A file with a header that has no room to grow, as old NumPy and other programs write it. */
function writeTight(path: string, rows: number): void {
  const text = `{'descr': '<f8', 'fortran_order': False, 'shape': (${rows}, 4), }`
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 16) * 16 - 11)}\n`
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length, 0])
  writeFileSync(path, Buffer.concat([prefix, Buffer.from(padded), Buffer.from(rowsFrom(0, rows).buffer)]))
}

/** The only array of a file, checked against its length or its checksum. */
async function valuesOf(path: string): Promise<Float64Array> {
  if (path.endsWith('.npz')) {
    using z = openNpz(path)
    return (await z.load<'float64'>('x')).toTypedArray() as Float64Array
  }
  const values = (await load<'float64'>(path)).toTypedArray() as Float64Array
  expect(readHeader(path).fileByteLength).toBe(128 + values.byteLength)
  return values
}

function debris(prefix: string): string[] {
  return readdirSync(inFolder('')).filter((name) => !name.startsWith(prefix) && !/^\..*\.[0-9a-f]{12}\.tmp$/.test(name))
}

describe(`${RUNS} times killed`, () => {
  beforeAll(async () => {
    // Builds dist/ when it is old.
    await expectAlive(runScript(''))
  }, 120_000)

  test.skipIf(loadAddon() === null)(
    'append and checkpoint: every acknowledged row is there, the rest is mended',
    async () => {
      const files: { raw: string; mended: string; rows: number; mendedRows: number }[] = []
      const seen = { acknowledged: 0, whole: 0, leftover: 0, moreRows: 0, moved: 0 }
      for (let run = 0; run < RUNS; run++) {
        const path = inFolder(`append-${run}.npy`)
        const raw = inFolder(`append-${run}-raw.npy`)
        const tight = run % 4 === 3
        const first = tight ? 30_000 : Math.floor(random() * 50)
        if (tight) writeTight(path, first)
        else await save(path, rowsFrom(0, first), { shape: [first, 4] })
        const tightOffset = readHeader(path).byteOffset
        const lines = await killed('append', path, run + 1, random() ** 2 * 120)
        const acknowledged = Number(lines.at(-1) ?? first)
        copyFileSync(path, raw)

        const header = readHeader(path)
        const rows = header.shape[0] as number
        expect(header.shape).toEqual([rows, 4])
        expect(rows).toBeGreaterThanOrEqual(acknowledged)
        const whole = Math.floor((header.fileByteLength - header.byteOffset) / 32)
        expect(whole).toBeGreaterThanOrEqual(rows)
        expectBytes((await load(path)).toBytes(), rowsFrom(0, rows), path)

        const told = await NpyWriter.recover(path)
        const leftoverByteLength = (header.fileByteLength - header.byteOffset) % 32
        const expected: Partial<Recovery> = { headerRows: rows, wholeRows: whole, leftoverByteLength, repaired: false }
        expect(told).toMatchObject(expected)
        const repair = run % 2 === 0 ? 'rows' : 'header'
        const mended = await NpyWriter.recover(path, { repair })
        const mendedRows = repair === 'rows' ? whole : rows
        expect(mended).toMatchObject({ shape: [mendedRows, 4], repaired: !told.whole })
        const after = readHeader(path)
        expect(after.fileByteLength).toBe(after.byteOffset + mendedRows * 32)
        expectBytes((await load(path)).toBytes(), rowsFrom(0, mendedRows), path)
        // And it goes on from there.
        await using writer = await NpyWriter.append(path)
        await writer.write(rowsFrom(mendedRows, 1))
        await writer.close()
        files.push({ raw, mended: path, rows, mendedRows: mendedRows + 1 })

        seen.acknowledged += lines.length
        if (told.whole) seen.whole++
        if (leftoverByteLength > 0) seen.leftover++
        if (whole > rows) seen.moreRows++
        if (tight && header.byteOffset !== tightOffset) seen.moved++
      }
      expect(debris('append-')).toEqual([])
      if (hasNumpy) expect(runPython(PYTHON, JSON.stringify(files)).trim()).toBe(`${2 * RUNS} files`)
      record('kill-append', { tried: RUNS, failed: 0, seen })
    },
    3_600_000,
  )

  test.each(['save', 'create', ...(loadAddon() === null ? [] : ['Memmap.create']), 'NpzWriter.create'])(
    '%s: the old file or the new one, whole',
    async (how) => {
      const seen = { versions: 0, old: 0, new: 0 }
      const zipped = how.startsWith('Npz')
      const path = inFolder(`${how}.${zipped ? 'npz' : 'npy'}`)
      for (let run = 0; run < RUNS; run++) {
        const first = new Float64Array(1000).fill(1)
        await (zipped ? savez(path, { x: first }, { sync: false }) : save(path, first, { sync: false }))
        const lines = await killed(how, path, run + 1, random() ** 2 * 80)
        const acknowledged = Number(lines.filter((line) => !line.startsWith('to ')).at(-1) ?? 1)
        const pending = lines.at(-1)?.startsWith('to ') ?? false
        // Opened for reading, its header agrees with its size; all values are of one version.
        const values = await valuesOf(path)
        const version = values.find((value) => value !== 0) ?? acknowledged + 1
        const isFilled = (value: number): boolean =>
          value === version || (how === 'Memmap.create' && pending && value === 0)
        expect(values.every(isFilled)).toBe(true)
        if (pending) expect([acknowledged, acknowledged + 1]).toContain(version)
        else expect(version).toBe(acknowledged)
        seen.versions += lines.length
        seen[version === acknowledged ? 'old' : 'new']++
      }
      expect(debris('append-').filter((name) => name.startsWith('.'))).toEqual([])
      record('kill-new', { tried: RUNS, failed: 0, seen })
    },
    3_600_000,
  )

  test.skipIf(loadAddon() === null)(
    'recover: no row is lost that was there',
    async () => {
      const seen = { repaired: 0, under: 0 }
      const path = inFolder('recover.npy')
      for (let run = 0; run < RUNS; run++) {
        await save(path, rowsFrom(0, 5), { shape: [5, 4], sync: false })
        const lines = await killed('recover', path, run + 1, random() ** 2 * 60)
        const said = lines.at(-1) ?? '5 5'
        const [least, most] = said.replace('to ', '').split(' ').map(Number)
        const rows = readHeader(path).shape[0] as number
        // Between two turns the next file may be there already: its rows are told right after.
        if (said.startsWith('to ')) {
          expect(rows).toBeGreaterThanOrEqual(least as number)
          expect(rows).toBeLessThanOrEqual(most as number)
        }
        expectBytes((await load(path)).toBytes(), rowsFrom(0, rows), path)
        await NpyWriter.recover(path, { repair: 'rows' })
        const { shape } = await load(path)
        expectBytes((await load(path)).toBytes(), rowsFrom(0, shape[0] as number), path)
        seen[said.startsWith('to ') ? 'under' : 'repaired']++
      }
      record('kill-append', { tried: RUNS, failed: 0, seen })
    },
    3_600_000,
  )
})

const PYTHON = `
import json, sys, numpy as np
count = 0
for f in json.load(sys.stdin):
    for path, rows in ((f['raw'], f['rows']), (f['mended'], f['mendedRows'])):
        for mode in (None, 'r'):
            a = np.load(path, mmap_mode=mode)
            assert a.shape == (rows, 4), (path, a.shape, rows)
            assert np.array_equal(a, np.arange(rows)[:, None] * 10.0 + np.arange(4)), path
        count += 1
print(count, 'files')
`
