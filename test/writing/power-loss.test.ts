// The power fails after every system call of every writer, with what was not synced lost, torn or swapped: the old file or
// the new one, and every acknowledged checkpoint. `POWER_RUNS=40` tries more ways to lose at each instant.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { load, NpyWriter, NpzWriter, openNpz, readHeader, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { recoverWith } from '../../src/npy/recover.ts'
import { saveTo } from '../../src/npy/save.ts'
import { appendTo, createWriter } from '../../src/npy/writer.ts'
import { savezCompressedTo, savezTo } from '../../src/npz/savez.ts'
import { appendNpz, createNpz } from '../../src/npz/writer.ts'
import { writeNpy } from '../support/arrays.ts'
import { record, trials } from '../support/ledger.ts'
import { bytesOf, seededRandom, temporaryFolder } from '../support/sources.ts'
import { type Disk, RecordedOutput } from './disk-model.ts'

const inFolder = temporaryFolder()
const WAYS = trials('POWER_RUNS', 6)
const random = seededRandom(Number(process.env.NPYMAP_SEED ?? 5))
const numbers = (start: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => start + i)

interface Scenario {
  readonly name: string
  /** Puts the old file into the folder. */
  readonly before: (path: string) => Promise<unknown> | unknown
  /** Writes, and says what it was promised: rows, members, or a version. */
  readonly run: (system: RecordedOutput, path: string) => Promise<unknown>
  /** Fails unless what is at the path keeps the promise. */
  readonly check: (path: string, promised: number | null) => Promise<void> | void
}

/** Version 0 or 1 of 2000 numbers, whole. */
const versions = {
  old: numbers(0, 2000),
  new: numbers(1_000_000, 3000),
}
async function oldOrNew(values: Float64Array, promised: number | null): Promise<void> {
  const isNew = values.length === versions.new.length
  expect(bytesOf(values).equals(bytesOf(isNew ? versions.new : versions.old))).toBe(true)
  if (promised === 1) expect(isNew).toBe(true)
}
const oldOrNewNpy = async (path: string, promised: number | null): Promise<void> =>
  oldOrNew((await load<'float64'>(path)).toTypedArray() as Float64Array, promised)
const oldOrNewNpz = async (path: string, promised: number | null): Promise<void> => {
  using z = openNpz(path)
  await oldOrNew((await z.load<'float64'>('x')).toTypedArray() as Float64Array, promised)
}

/** Every promised row, and no row that is not there; a repair from the header gives back a whole file. */
async function grown(path: string, promised: number | null): Promise<void> {
  const rows = readHeader(path).shape[0] as number
  expect(rows).toBeGreaterThanOrEqual(promised ?? 0)
  expect(bytesOf((await load<'float64'>(path)).toTypedArray()).equals(bytesOf(numbers(0, rows)))).toBe(true)
  await NpyWriter.recover(path, { repair: 'header' })
  await using writer = await NpyWriter.append(path)
  expect(writer.rowCount).toBe(rows)
}

/** Every promised member, once what died is cut off. */
async function grownNpz(path: string, promised: number | null): Promise<void> {
  await NpzWriter.recover(path, { repair: true })
  using z = openNpz(path)
  expect(z.size).toBeGreaterThanOrEqual(promised ?? 1)
  for (const name of z.keys()) {
    const values = (await z.load<'float64'>(name)).toTypedArray()
    expect(bytesOf(values).equals(bytesOf(numbers(1000 * Number(name), values.length)))).toBe(true)
  }
}

async function appendSome(system: RecordedOutput, path: string): Promise<void> {
  await using writer = await appendTo(system, path, {})
  let rows = writer.rowCount
  for (const count of [3, 700, 40_000, 1, 90]) {
    await writer.write(numbers(rows, count))
    rows += count
    await writer.checkpoint()
    system.promise(rows)
  }
  await writer.write(numbers(rows, 500))
  await writer.close()
  system.promise(rows + 500)
}

function writeTight(path: string, rows: number): void {
  const text = `{'descr': '<f8', 'fortran_order': False, 'shape': (${rows},), }\n`
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0])
  writeFileSync(path, Buffer.concat([prefix, Buffer.from(text), bytesOf(numbers(0, rows))]))
}

const saveOld = (path: string): Promise<unknown> => save(path, versions.old, { sync: false })
const savezOld = (path: string): Promise<unknown> => savez(path, { x: versions.old }, { sync: false })

const scenarios: readonly Scenario[] = [
  {
    name: 'save.npy',
    before: saveOld,
    async run(system, path) {
      await saveTo(system, path, versions.new, {})
      system.promise(1)
    },
    check: oldOrNewNpy,
  },
  {
    name: 'create.npy',
    before: saveOld,
    async run(system, path) {
      await using writer = await createWriter(system, path, { dtype: 'float64', shape: [null] })
      await writer.write(versions.new.subarray(0, 1000))
      await writer.checkpoint()
      await writer.write(versions.new.subarray(1000))
      await writer.close()
      system.promise(1)
    },
    check: oldOrNewNpy,
  },
  ...[savezTo, savezCompressedTo].map((write) => ({
    name: `${write.name}.npz`,
    before: savezOld,
    async run(system: RecordedOutput, path: string) {
      await write(system, path, { x: versions.new }, {})
      system.promise(1)
    },
    check: oldOrNewNpz,
  })),
  {
    name: 'NpzWriter.create.npz',
    before: savezOld,
    async run(system, path) {
      await using writer = await createNpz(system, path, {})
      const member = await writer.member('x', { dtype: 'float64', shape: [null] })
      await member.write(versions.new.subarray(0, 1000))
      await member.write(versions.new.subarray(1000))
      await member.close()
      await writer.close()
      system.promise(1)
    },
    check: oldOrNewNpz,
  },
  {
    name: 'append.npy',
    before: (path) => save(path, numbers(0, 95), { sync: false }),
    run: appendSome,
    check: grown,
  },
  {
    name: 'append with a header that is moved.npy',
    before: (path) => writeTight(path, 95),
    run: appendSome,
    check: grown,
  },
  {
    name: 'append, abort.npy',
    before: (path) => save(path, numbers(0, 95), { sync: false }),
    async run(system, path) {
      const writer = await appendTo(system, path, {})
      await writer.write(numbers(95, 30_000))
      await writer.checkpoint()
      system.promise(30_095)
      await writer.write(numbers(30_095, 50_000))
      await writer.abort()
    },
    check: grown,
  },
  ...(['rows', 'header'] as const).map((repair) => ({
    name: `recover ${repair}.npy`,
    before: (path: string) =>
      writeNpy(path, '<f8', [50], Buffer.concat([bytesOf(numbers(0, 80)), Buffer.from([1, 2])])),
    async run(system: RecordedOutput, path: string) {
      await recoverWith(system, path, { repair })
      system.promise(repair === 'rows' ? 80 : 50)
    },
    async check(path: string, promised: number | null) {
      if (promised !== null) expect((await NpyWriter.recover(path)).whole).toBe(true)
      await grown(path, promised ?? 50)
    },
  })),
  {
    name: 'NpzWriter.append.npz',
    before: (path) => savez(path, { 0: numbers(0, 10) }, { sync: false }),
    async run(system, path) {
      for (let number = 1; number < 6; number += 2) {
        await using writer = await appendNpz(system, path, { compress: number === 3 })
        await writer.write(String(number), numbers(1000 * number, 5000 * number))
        await writer.write(String(number + 1), numbers(1000 * (number + 1), 20))
        await writer.close()
        system.promise(number + 2)
      }
    },
    check: grownNpz,
  },
]

async function recorded(scenario: Scenario, System: typeof RecordedOutput): Promise<RecordedOutput> {
  const folder = inFolder(scenario.name)
  mkdirSync(folder)
  await scenario.before(join(folder, scenario.name))
  const system = new System(folder)
  await scenario.run(system, join(folder, scenario.name))
  rmSync(folder, { recursive: true })
  return system
}

/** How many failures of the power broke a promise. */
async function failures(scenario: Scenario, system: RecordedOutput): Promise<{ tried: number; broken: string[] }> {
  const folder = inFolder(`after ${scenario.name}`)
  const broken: string[] = []
  let tried = 0
  for (let entries = 0; entries <= system.log.length; entries++) {
    for (let way = 0; way < WAYS + 2; way++) {
      const { disk, promised } = system.failAfter(entries, way === 0 ? 'all' : way === 1 ? 'none' : random)
      await putBack(disk, folder)
      tried++
      try {
        await scenario.check(join(folder, scenario.name), promised)
      } catch (error) {
        broken.push(`after ${entries} of ${system.log.length}, way ${way}: ${(error as Error).message}`)
      }
    }
  }
  return { tried, broken }
}

async function putBack(disk: Disk, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const [name, bytes] of disk) writeFileSync(join(folder, name), bytes)
  // Beside the file only what its writer was making.
  for (const name of readdirSync(folder)) expect(name).toMatch(/\.np[yz]$|^\..*\.[0-9a-f]{12}\.tmp$/)
}

/** A writer that forgets to wait for the disk, or for the names on it. */
class Unsynced extends RecordedOutput {
  override async sync(): Promise<void> {}
}

describe.skipIf(loadAddon() === null).each(scenarios)('the power fails under $name', (scenario) => {
  test('and nothing that was promised is lost', async () => {
    const { tried, broken } = await failures(scenario, await recorded(scenario, RecordedOutput))
    expect(broken.slice(0, 5)).toEqual([])
    record('power', { tried, failed: broken.length })
  }, 3_600_000)

  test('which it would be if nobody synced', async () => {
    const { broken } = await failures(scenario, await recorded(scenario, Unsynced))
    expect(broken.length).toBeGreaterThan(0)
  }, 3_600_000)
})
