// Every call of the file layer fails once, in every kind of writing: a typed error, what was there is there, no file and
// no descriptor is left behind.

import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { load, NpyWriter, open, readHeader } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { recover, recoverWith } from '../../src/npy/recover.ts'
import { saveTo } from '../../src/npy/save.ts'
import { appendTo, createWriter } from '../../src/npy/writer.ts'
import type { OutputSystem } from '../../src/storage/output.ts'
import { writeNpy, writeNumbers } from '../support/arrays.ts'
import { record } from '../support/ledger.ts'
import { bytesOf, expectBytes, temporaryFolder } from '../support/sources.ts'
import { type Errno, FailingOutput, type Plan } from './failing-output.ts'

const inFolder = temporaryFolder()
const path = inFolder('a.npy')
const ERRNOS: readonly Errno[] = ['EIO', 'ENOSPC', 'EINTR', 'EDQUOT']
/** Two buffers and a bit: some writes are on their way while others are made. */
const LONG = 300_000
const numbers = (start: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => start + i)

/** Rows that were promised to be there. */
let acknowledged = 0

interface Scenario {
  readonly name: string
  /** Puts the old file there, or none. */
  readonly before: () => void
  readonly run: (system: OutputSystem) => Promise<unknown>
  /** Checks what is there after a failure, or after none. */
  readonly check: (old: Buffer | null, failed: FailingOutput) => Promise<void> | void
}

function oldBytes(): Buffer | null {
  return readdirSync(inFolder('')).includes('a.npy') ? readFileSync(path) : null
}

/** The old file or the new one, whole. */
function oldOrNew(values: Float32Array) {
  return async (old: Buffer | null, system: FailingOutput): Promise<void> => {
    const now = oldBytes()
    const isOld = now === old || (now !== null && old !== null && now.equals(old))
    if (system.failed.length === 0 || !isOld) expectBytes((await load(path)).toBytes(), values)
  }
}

/** All rows that were there, those acknowledged, and no row that is not there. */
async function grown(_: Buffer | null, system: FailingOutput): Promise<void> {
  const header = readHeader(path)
  const rows = header.shape[0] as number
  expect(rows).toBeGreaterThanOrEqual(acknowledged)
  const whole = (header.fileByteLength - header.byteOffset) / 4
  // Aborting mends the file by itself, unless it is that which failed.
  if (system.failed.length > 1 || system.failed[0] === 'truncate') expect(whole).toBeGreaterThanOrEqual(rows)
  else expect(whole).toBe(rows)
  expectBytes((await load(path)).toBytes(), numbers(0, rows))
  if (system.plan.errno !== 'EIO') return
  await recover(path, { repair: 'rows' })
  await using writer = await NpyWriter.append(path)
  await writer.write(numbers(writer.rowCount, 1))
  await writer.close()
  expectBytes((await load(path)).toBytes(), numbers(0, writer.rowCount))
}

async function appendSome(system: OutputSystem): Promise<void> {
  await using writer = await appendTo(system, path, {})
  acknowledged = writer.rowCount
  await writer.write(numbers(acknowledged, 10))
  await writer.checkpoint()
  acknowledged += 10
  await writer.write(numbers(acknowledged, LONG))
  await writer.write(numbers(acknowledged + LONG, 1000))
  await writer.checkpoint()
  acknowledged += LONG + 1000
  await writer.write(numbers(acknowledged, 5))
  await writer.close()
  acknowledged += 5
}

/** A header that ends right after its dict. */
function writeTight(rows: number): void {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows},), }\n`
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0])
  writeFileSync(path, Buffer.concat([prefix, Buffer.from(text), bytesOf(numbers(0, rows))]))
}

function writeWithLeftover(headerRows: number, rows: number): void {
  writeNpy(path, '<f4', [headerRows], Buffer.concat([bytesOf(numbers(0, rows)), Buffer.from([1, 2, 3])]))
}

const saved = numbers(5, LONG)
const scenarios: Scenario[] = [
  { name: 'save', before: () => {}, run: (system) => saveTo(system, path, saved, {}), check: oldOrNew(saved) },
  {
    name: 'save over a file',
    before: () => writeNumbers(path, [100]),
    run: (system) => saveTo(system, path, saved, {}),
    check: oldOrNew(saved),
  },
  {
    name: 'save a strided view over its own file',
    before: () => writeNumbers(path, [2 * LONG]),
    async run(system) {
      using a = open(path)
      await saveTo(system, path, a.slice('::2'), {})
    },
    check: oldOrNew(numbers(0, LONG).map((value) => 2 * value)),
  },
  {
    name: 'save in place',
    before: () => {},
    run: (system) => saveTo(system, path, saved, { atomic: false }),
    check: async (_, system) => {
      if (system.failed.length === 0) expectBytes((await load(path)).toBytes(), saved)
    },
  },
  {
    name: 'create',
    before: () => writeNumbers(path, [100]),
    async run(system) {
      await using writer = await createWriter(system, path, { dtype: 'float32', shape: [null] })
      await writer.write(numbers(5, 10))
      await writer.checkpoint()
      await writer.write([...numbers(15, 90)])
      await writer.write(numbers(105, LONG - 100))
      await writer.close()
    },
    check: oldOrNew(saved),
  },
  {
    name: 'create without waiting for writes',
    before: () => writeNumbers(path, [100]),
    async run(system) {
      await using writer = await createWriter(system, path, { dtype: 'float32', shape: [null] })
      for (let start = 0; start < LONG; start += 100_000) void writer.write(numbers(5 + start, 100_000))
      await writer.close()
    },
    check: oldOrNew(saved),
  },
]
if (loadAddon() !== null) {
  scenarios.push(
    { name: 'append', before: () => writeNumbers(path, [100]), run: appendSome, check: grown },
    { name: 'append with a header that is moved', before: () => writeTight(99), run: appendSome, check: grown },
    {
      name: 'append, abort',
      before: () => writeNumbers(path, [100]),
      async run(system) {
        acknowledged = 100
        const writer = await appendTo(system, path, {})
        try {
          await writer.write(numbers(100, LONG))
          await writer.checkpoint()
          acknowledged += LONG
          await writer.write(numbers(acknowledged, LONG))
        } finally {
          await writer.abort()
        }
      },
      check: grown,
    },
    ...(['rows', 'header'] as const).map((repair) => ({
      name: `recover ${repair}`,
      before: () => writeWithLeftover(50, 80),
      async run(system: OutputSystem) {
        acknowledged = 50
        await recoverWith(system, path, { repair })
        acknowledged = repair === 'rows' ? 80 : 50
      },
      check: mended,
    })),
    {
      name: 'recover rows with a header that is moved',
      before() {
        writeTight(9)
        writeFileSync(path, bytesOf(numbers(9, 91)), { flag: 'a' })
      },
      async run(system) {
        acknowledged = 9
        await recoverWith(system, path, { repair: 'rows' })
        acknowledged = 100
      },
      check: mended,
    },
  )
}

async function mended(): Promise<void> {
  const rows = readHeader(path).shape[0] as number
  expect(rows).toBeGreaterThanOrEqual(acknowledged)
  expectBytes((await load(path)).toBytes(), numbers(0, rows))
  const again = await recover(path, { repair: 'rows' })
  expectBytes((await load(path)).toBytes(), numbers(0, again.shape[0] as number))
}

/** Descriptors of this process that are open in the folder. */
function openInFolder(): string[] {
  if (platform() !== 'linux') return []
  const links: string[] = []
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`)
      if (link.startsWith(inFolder(''))) links.push(link)
    } catch {
      // The one that readdir used.
    }
  }
  return links
}

/** The error that a disposal hid behind its own. */
function firstOf(error: unknown): unknown {
  return error instanceof Error && 'suppressed' in error ? firstOf(error.suppressed) : error
}

async function failAt(scenario: Scenario, plan: Plan): Promise<FailingOutput> {
  for (const name of readdirSync(inFolder(''))) rmSync(join(inFolder(''), name))
  scenario.before()
  acknowledged = 0
  const old = oldBytes()
  const system = new FailingOutput(plan)
  const outcome = await scenario.run(system).then(
    () => null,
    (error: unknown) => ({ error: firstOf(error) }),
  )
  // Time for a rejection that nobody handles to be noticed.
  await new Promise((resolve) => setImmediate(resolve))
  const [first] = system.failed
  // A failing close of a file that is done with need not be told.
  const syscall = plan.forEver ? expect.toBeOneOf(system.failed) : first
  if (outcome !== null) expect(outcome.error).toMatchObject({ name: 'OsError', code: plan.errno, syscall })
  else expect(first ?? 'close').toBe('close')
  expect(system.misuses).toEqual([])
  expect([...system.open_]).toEqual([])
  expect(openInFolder()).toEqual([])
  const stayed = readdirSync(inFolder('')).filter((name) => name !== 'a.npy')
  if (!system.failed.includes('remove')) expect(stayed).toEqual([])
  await scenario.check(old, system)
  return system
}

describe.each(scenarios)('$name', (scenario) => {
  let calls = 0
  afterEach(() => expect(calls).toBeGreaterThan(2))

  test.each(ERRNOS)('%s at every call', async (errno) => {
    for (let at = 1; ; at++) {
      const system = await failAt(scenario, { at, errno })
      if (system.failed.length === 0) break
      calls = at
    }
    record('calls', { tried: calls, failed: 0 })
  })

  test('from one call on, every one', async () => {
    for (let at = 1; ; at++) {
      const system = await failAt(scenario, { at, errno: 'EIO', forEver: true })
      if (system.failed.length === 0) break
      calls = at
    }
    record('calls', { tried: calls, failed: 0 })
  })
})
