// Every call of the file layer fails once, in every way of writing an archive: a typed error, what was there is there, no
// file and no descriptor is left behind.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { recoverNpzWith } from '../../src/npz/npz-recover.ts'
import { savezCompressedTo, savezTo } from '../../src/npz/savez.ts'
import { appendNpz, createNpz, NpzWriter } from '../../src/npz/writer.ts'
import type { OutputSystem } from '../../src/storage/output.ts'
import { record } from '../support/ledger.ts'
import { seededRandom, temporaryFolder } from '../support/sources.ts'
import { FailingOutput, type Plan } from '../writing/failing-output.ts'
import { npyOf, readZip } from './write-support.ts'

const inFolder = temporaryFolder()
const path = inFolder('a.npz')
const random = seededRandom(11)
/** Longer than the buffers: some writes are on their way while others are made. */
const long = Float32Array.from({ length: 400_000 }, random)
const short = Float32Array.of(1, 2, 3)
/** Deflated, as quickly as can be, and no shorter for it. */
const plain = { level: 0, blockByteLength: 65_536 }

interface Scenario {
  readonly name: string
  /** Makes what is there before, or nothing. */
  readonly before: () => unknown
  readonly run: (system: OutputSystem) => Promise<unknown>
  /** Members of the archive when nothing failed. */
  readonly members: readonly string[]
}

async function writeMembers(writer: NpzWriter): Promise<void> {
  await writer.write('b', long)
  const member = await writer.member('c', { dtype: 'float32', shape: [null], compress: plain })
  await member.write(long)
  await member.close()
  const dropped = await writer.member('d', { dtype: 'float32', shape: [null] })
  await dropped.write(long)
  await dropped.abort()
  const stored = await writer.member('e', { dtype: 'float32', shape: [null] })
  await stored.write(long)
  await stored.close()
  await writer.write('f', short, { compress: true })
  await writer.close()
}

const old = (): Promise<string> => savezTo(systemItself, path, { a: short, z: long }, { sync: false })
const systemItself = new FailingOutput({ at: Number.POSITIVE_INFINITY, errno: 'EIO' })
const scenarios: Scenario[] = [
  {
    name: 'savez',
    before: () => {},
    run: (system) => savezTo(system, path, { a: short, b: long, c: short }, {}),
    members: ['a', 'b', 'c'],
  },
  {
    name: 'savezCompressed over a file',
    before: old,
    run: (system) => savezCompressedTo(system, path, { a: short, b: long }, { level: 0 }),
    members: ['a', 'b'],
  },
  {
    name: 'create',
    before: old,
    async run(system) {
      await using writer = await createNpz(system, path, {})
      await writeMembers(writer)
    },
    members: ['b', 'c', 'e', 'f'],
  },
  {
    name: 'create without waiting',
    before: old,
    async run(system) {
      await using writer = await createNpz(system, path, { compress: plain })
      void writer.write('a', long)
      void writer.write('b', long)
      void writer.write('c', long, { compress: false })
      await writer.close()
    },
    members: ['a', 'b', 'c'],
  },
]
if (loadAddon() !== null) {
  scenarios.push(
    {
      name: 'append',
      before: old,
      async run(system) {
        await using writer = await appendNpz(system, path, {})
        await writeMembers(writer)
      },
      members: ['a', 'z', 'b', 'c', 'e', 'f'],
    },
    {
      name: 'append, abort',
      before: old,
      async run(system) {
        const writer = await appendNpz(system, path, {})
        try {
          await writer.write('b', long)
        } finally {
          await writer.abort()
        }
      },
      members: ['a', 'z'],
    },
    {
      name: 'recover',
      async before() {
        await old()
        writeFileSync(path, Buffer.from(long.buffer), { flag: 'a' })
      },
      run: (system) => recoverNpzWith(system, path, { repair: true }),
      members: ['a', 'z'],
    },
  )
}

const bytesThere = (): Buffer | null => (readdirSync(inFolder('')).includes('a.npz') ? readFileSync(path) : null)

/** The old archive, or the new one, whole. */
async function check(scenario: Scenario, before: Buffer | null, system: FailingOutput): Promise<void> {
  const now = bytesThere()
  if (before === null ? now === null : now?.equals(before)) {
    expect(system.failed.length > 0 || scenario.members.length === 2).toBe(true)
    return
  }
  const appends = scenario.name.startsWith('append') || scenario.name === 'recover'
  if (appends && system.failed.includes('truncate')) {
    // What could not be taken back is told apart and taken back later, unless all of it is there.
    const { memberCount } = await NpzWriter.recover(path, { repair: true })
    if (bytesThere()!.equals(before!)) return
    expect(memberCount).toBe(scenario.members.length)
  }
  const { members } = readZip(path)
  expect(members.map((member) => member.name)).toEqual(scenario.members.map((name) => `${name}.npy`))
  for (const member of members) {
    const { data } = npyOf(member)
    const values = data.length === short.byteLength ? short : long
    expect(data.equals(Buffer.from(values.buffer)), member.name).toBe(true)
  }
}

/** The error that a disposal hid behind its own. */
function firstOf(error: unknown): unknown {
  return error instanceof Error && 'suppressed' in error ? firstOf(error.suppressed) : error
}

async function failAt(scenario: Scenario, plan: Plan): Promise<FailingOutput> {
  for (const name of readdirSync(inFolder(''))) rmSync(join(inFolder(''), name))
  await scenario.before()
  const before = bytesThere()
  const system = new FailingOutput(plan)
  const outcome = await scenario.run(system).then(
    () => null,
    (error: unknown) => ({ error: firstOf(error) }),
  )
  // Time for a rejection that nobody handles to be noticed.
  await new Promise((resolve) => setImmediate(resolve))
  const [first] = system.failed
  const syscall = plan.forEver ? expect.toBeOneOf(system.failed) : first
  if (outcome !== null) expect(outcome.error).toMatchObject({ name: 'OsError', code: plan.errno, syscall })
  // A failing close of a file that is done with need not be told.
  else expect(first ?? 'close').toBe('close')
  expect(system.misuses).toEqual([])
  expect([...system.open_]).toEqual([])
  const stayed = readdirSync(inFolder('')).filter((name) => name !== 'a.npz')
  if (!system.failed.includes('remove')) expect(stayed).toEqual([])
  await check(scenario, before, system)
  return system
}

describe.each(scenarios)('$name', (scenario) => {
  let calls = 0
  afterEach(() => expect(calls).toBeGreaterThan(2))

  test('at every call', async () => {
    for (let at = 1; ; at++) {
      const system = await failAt(scenario, { at, errno: at % 2 === 0 ? 'EIO' : 'ENOSPC' })
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
