// Reads one file after the other in every way there is, in a process of its own: run.ts sends numbers, this answers with what
// came of them. What should not happen at all ends the process, or is answered as `wrong`.

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { isNpymapError, load, type NdView, NpyWriter, NpzWriter, open, openNpz, readHeader } from 'npymap'
import { fileOf, seedsIn } from './mutate.ts'

/** What one array, or the file as a whole, came to: a digest of its elements, or an error. */
export type Outcome = { readonly digest: string } | { readonly error: string; readonly message: string }

/** The answer for one file. */
export interface Answer {
  readonly number: number
  readonly seed: string
  readonly isArchive: boolean
  /** By the member's name; `''` is a file that is no archive, or one that does not open. */
  readonly outcomes: { readonly [name: string]: Outcome }
  /** Ways of reading that do not agree, and errors of no kind of ours. */
  readonly wrong: readonly string[]
}

const [path, ...folders] = process.argv.slice(2) as [string, ...string[]]
const seeds = seedsIn(folders)
/** What a few bytes may say they are: more is not read here. */
const MOST_BYTE_LENGTH = 64 * 1024 * 1024

class TooLong extends Error {}

function failure(error: unknown): Outcome {
  const { name, message } = error as Error
  if (error instanceof TooLong) return { error: 'skipped', message }
  if (isNpymapError(error)) return { error: name, message }
  return { error: `${name} (not ours)`, message }
}

/** Bytes of the fields: what is between them NumPy leaves as it finds it. */
function leaves(array: NdView): Uint8Array[] {
  const { fields } = array.dtype
  return fields === null ? [array.toBytes()] : [...fields.keys()].flatMap((name) => leaves(array.field(name)))
}

function digestOf(array: NdView): string {
  const hash = createHash('sha1').update(`${array.dtype.itemSize} [${array.shape}] `)
  return hash.update(Buffer.concat(leaves(array))).digest('hex')
}

async function attempt(read: () => string | Promise<string>): Promise<Outcome> {
  try {
    return { digest: await read() }
  } catch (error) {
    return failure(error)
  }
}

const sum = (outcome: Outcome): string => ('digest' in outcome ? outcome.digest : outcome.error)

/** Several ways to the same bytes. Where one fails with another error than the others that is no harm. */
async function inEveryWay(
  ways: { readonly [name: string]: () => string | Promise<string> },
  wrong: string[],
): Promise<Outcome> {
  const outcomes: [string, Outcome][] = []
  for (const [name, read] of Object.entries(ways)) outcomes.push([name, await attempt(read)])
  const [first] = outcomes as [[string, Outcome]]
  for (const [name, outcome] of outcomes) {
    if ('error' in outcome && outcome.error.endsWith('(not ours)'))
      wrong.push(`${name}: ${outcome.error}: ${outcome.message}`)
    const agrees =
      'digest' in outcome === 'digest' in first[1] && ('error' in outcome || sum(outcome) === sum(first[1]))
    if (!agrees) wrong.push(`${first[0]}: ${sum(first[1])}, but ${name}: ${sum(outcome)}`)
  }
  return first[1]
}

function bounded(array: NdView): NdView {
  if (array.nbytes <= MOST_BYTE_LENGTH) return array
  throw new TooLong('too long to be read here')
}

function inSlices(array: NdView): string {
  const { fields } = array.dtype
  if (fields !== null || array.ndim === 0 || array.shape[0]! > 100) return digestOf(array)
  const bytes = Buffer.concat(Array.from({ length: array.shape[0]! }, (_, i) => array.slice(`${i}:${i + 1}`).toBytes()))
  return createHash('sha1').update(`${array.dtype.itemSize} [${array.shape}] `).update(bytes).digest('hex')
}

function opened(options: { mmap: boolean }, read: (array: NdView) => string): string {
  const array = open(path, options)
  try {
    return read(bounded(array))
  } finally {
    array.close()
  }
}

async function readFile(wrong: string[]): Promise<Answer['outcomes']> {
  const ways = {
    mapped: () => opened({ mmap: true }, digestOf),
    pread: () => opened({ mmap: false }, digestOf),
    load: async () => digestOf(bounded(await load(path))),
    sliced: () => opened({ mmap: true }, inSlices),
  }
  const outcome = await inEveryWay(ways, wrong)
  for (const look of [() => readHeader(path), () => NpyWriter.recover(path)]) {
    await attempt(async () => String(await look()))
  }
  return { '': outcome }
}

async function readArchive(wrong: string[]): Promise<Answer['outcomes']> {
  const outcomes: Record<string, Outcome> = Object.create(null) as Record<string, Outcome>
  const first = await attempt(() => {
    openNpz(path).close()
    return ''
  })
  await attempt(async () => String(await NpzWriter.recover(path)))
  if ('error' in first) return { '': first }
  const z = openNpz(path, { cacheByteLength: 65536, indexSpacing: 65536, maxLoadByteLength: MOST_BYTE_LENGTH })
  for (const name of [...z.keys()].slice(0, 20)) {
    const header = await attempt(() => `${z.info(name).nbytes}`)
    if ('digest' in header && Number(header.digest) > MOST_BYTE_LENGTH) continue
    // load() alone checks all there is: what it gives, the others give, too.
    const loaded = await attempt(async () => digestOf(await z.load(name)))
    if ('error' in loaded && loaded.error.endsWith('(not ours)')) wrong.push(`load: ${loaded.error}: ${loaded.message}`)
    outcomes[name] = loaded
    const others = {
      get: () => digestOf(z.get(name)),
      read: () => inSlices(z.get(name)),
      index: async () => {
        await z.buildIndex(name)
        return digestOf(z.get(name))
      },
    }
    for (const [way, read] of Object.entries(others)) {
      const outcome = await attempt(read)
      if ('error' in outcome && outcome.error.endsWith('(not ours)'))
        wrong.push(`${way}: ${outcome.error}: ${outcome.message}`)
      if ('digest' in loaded && sum(outcome) !== loaded.digest) wrong.push(`load, but ${way}: ${sum(outcome)}`)
    }
  }
  z.close()
  return outcomes
}

process.on('message', async (number: number) => {
  const { name, bytes, isArchive } = fileOf(number, seeds)
  writeFileSync(path, bytes)
  const wrong: string[] = []
  const outcomes = isArchive ? await readArchive(wrong) : await readFile(wrong)
  process.send?.({ number, seed: name, isArchive, outcomes, wrong } satisfies Answer)
})
process.on('disconnect', () => process.exit())
