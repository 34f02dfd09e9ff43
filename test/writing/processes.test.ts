// Several processes at one file: writers take turns or replace each other's files as a whole, readers see whole arrays.
// `RACE_RUNS=60` lets each mix run for so many half seconds.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { load, openNpz, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { record, trials } from '../support/ledger.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { buildOnce, runOwnChild, startOwnChild } from './own-child.ts'

const inFolder = temporaryFolder()
const RUN_MS = 500 * trials('RACE_RUNS', 4)

interface Done {
  readonly turns: number
  readonly refused: number
  readonly rows?: number
  readonly last?: number
}

/** Runs a process a role, all at once, and returns what each did; one that fails fails the test. */
async function together(path: string, roles: readonly string[]): Promise<Done[]> {
  await buildOnce()
  const running = roles.map((role, number) => {
    const child = startOwnChild('processes', [role, path, String(number)])
    let [stdout, stderr] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const ended = new Promise<Done>((resolve, reject) => {
      child.once('close', (code, signal) => {
        if (code === 0) resolve(JSON.parse(stdout.trim().split('\n').at(-1)!) as Done)
        else reject(new Error(`${role} ${number} ended with ${code ?? signal}: ${stderr}`))
      })
    })
    ended.catch(() => {})
    return { child, ended }
  })
  // Long enough for all of them to have begun.
  await Promise.race([sleep(RUN_MS + 400 * roles.length), ...running.map(({ ended }) => ended)])
  for (const { child } of running) child.stdin?.end()
  return Promise.all(running.map(({ ended }) => ended))
}

function count(done: readonly Done[]): void {
  const turns = done.map((each) => each.turns)
  for (const each of turns) expect(each).toBeGreaterThan(2)
  const refused = done.reduce((sum, each) => sum + each.refused, 0)
  record('processes', { tried: turns.reduce((sum, each) => sum + each), failed: 0, seen: { refused } })
}

describe('several processes', () => {
  test('save over one file: whoever reads it reads one version', async () => {
    const path = inFolder('versions.npy')
    await save(path, new Float64Array(10))
    count(await together(path, ['saver', 'saver', 'reader of versions', 'reader of versions']))
  }, 3_600_000)

  test('savez over one archive: the same', async () => {
    const path = inFolder('versions.npz')
    await savez(path, { x: new Float64Array(10) })
    count(await together(path, ['archive saver', 'archive saver', 'archive reader', 'archive reader']))
  }, 3_600_000)

  test.skipIf(loadAddon() === null)(
    'append to one file: one at a time, and no row is lost or torn',
    async () => {
      const path = inFolder('rows.npy')
      await save(path, new Float64Array(0), { shape: [0, 4] })
      const done = await together(path, ['appender', 'appender', 'appender', 'reader of rows'])
      count(done)
      const checked = await runOwnChild('processes', ['check rows', path, '0'])
      const { rows } = JSON.parse(checked.trim().split('\n').at(-1)!) as { rows: Record<string, number> }
      expect(rows).toEqual(Object.fromEntries(done.slice(0, 3).map((each, number) => [number, each.rows])))
    },
    3_600_000,
  )

  test.skipIf(loadAddon() === null)(
    'append to one archive: the same',
    async () => {
      const path = inFolder('members.npz')
      await savez(path, { '9-0': new Float64Array(3).fill(9e6) })
      const done = await together(path, ['archive appender', 'archive appender', 'reader of members'])
      count(done)
      using z = openNpz(path)
      expect(z.size).toBe(1 + done[0]!.rows! + done[1]!.rows!)
      for (const name of z.keys()) await z.load(name)
    },
    3_600_000,
  )

  test.skipIf(loadAddon() === null)(
    'edit halves of one array in place: each finds its own',
    async () => {
      const path = inFolder('halves.npy')
      await save(path, new Float64Array(100_000))
      const done = await together(path, ['editor in place', 'editor in place'])
      count(done)
      const values = (await load<'float64'>(path)).toTypedArray()
      expect(new Set(values.subarray(0, 50_000))).toEqual(new Set([done[0]!.last]))
      expect(new Set(values.subarray(50_000))).toEqual(new Set([done[1]!.last]))
    },
    3_600_000,
  )

  test.skipIf(!hasNumpy)("readers of NumPy's np.save see torn files", () => {
    const { torn, reads } = JSON.parse(runPython(NUMPY, inFolder('numpy.npy'))) as { torn: number; reads: number }
    expect(reads).toBeGreaterThan(10)
    expect(torn).toBeGreaterThan(0)
  })
})

const NUMPY = `
import json, multiprocessing, numpy as np, time
path = input()
def write(stop):
    for version in range(10**9):
        if stop.is_set(): break
        np.save(path, np.full(400_000, float(version)))
if __name__ == '__main__':
    np.save(path, np.zeros(10))
    context = multiprocessing.get_context('fork')
    stop = context.Event()
    writer = context.Process(target=write, args=(stop,))
    writer.start()
    reads = torn = 0
    until = time.monotonic() + 2
    while time.monotonic() < until:
        reads += 1
        try:
            a = np.load(path)
            torn += not (a == a[0]).all()
        except (ValueError, EOFError):
            torn += 1
    stop.set()
    writer.join()
    print(json.dumps({'torn': int(torn), 'reads': reads}))
`
