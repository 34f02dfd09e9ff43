import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { resultOf } from './child.ts'

const MIB = 1024 * 1024
/** 100 000 shows leaks of some bytes each, and takes minutes. */
const COUNT = Number(process.env.LEAK_OPERATIONS ?? 2000)
const isLong = COUNT > 10_000
// V8's young generation grows by steps as the operations go by, by more than a leak would.
const flags = ['--expose-gc', '--min-semi-space-size=1', '--max-semi-space-size=1']
const timeoutMs = isLong ? 20 * 60_000 : 50_000

interface Growth {
  readonly maps: number
  readonly files: number
  readonly allMaps: number
  readonly heapUsed: number
  readonly external: number
  readonly rss: number
  readonly rssBefore: number
}

/** Name to how many of COUNT there are: some take long. */
const operations: readonly (readonly [name: string, part: number])[] = [
  ['open, get, close', 1],
  ['open, close, writable', 1],
  ['pread', 1],
  ['left to the collector', 1],
  ['slices and typed arrays', 1],
  ['stray writes', 1],
  ['read', 1],
  ['gather', 1],
  ['stored members', 1],
  ['deflated members', 1],
  ['loaded members', 1],
  ['refused files', 1],
  ['aborted reads', 1],
  ['writers', isLong ? 0.02 : 0.1],
  ['workers', isLong ? 0.005 : 0.01],
]

/** Large buffers, threads and compressors: their allocators keep and give back MiBs at a time. */
const ROUGH = new Set(['deflated members', 'loaded members', 'writers', 'workers'])

/** Bytes of memory that may come and go. A sanitizer keeps what is freed in quarantine. */
function roomOf(name: string): number {
  if (process.env.NPYMAP_SANITIZED === '1') return 24 * MIB
  if (ROUGH.has(name)) return 20 * MIB
  // Few operations weigh less than what compiling them leaves.
  return (isLong ? 2 : 8) * MIB
}

// Counts lines of /proc/self/maps.
describe.runIf(platform() === 'linux')('many operations leave nothing behind', () => {
  test.each(operations)('%s', { timeout: timeoutMs * 5 }, async (name, part) => {
    const count = Math.round(COUNT * part)
    // One arena: each thread of the pool would keep its own.
    const options = { args: [name, String(count)], flags, timeoutMs, env: { MALLOC_ARENA_MAX: '1' } }
    let growth = await resultOf<Growth>('operations', options)
    // A leak comes again; an allocator that took another page from the system does not.
    if (growth.rss >= roomOf(name)) growth = await resultOf<Growth>('operations', options)
    const kib = (bytes: number): number => Math.round(bytes / 1024)
    const { maps, files, allMaps, heapUsed, external, rss, rssBefore } = growth
    if (isLong) {
      const memory = `heap ${kib(heapUsed)} KiB, external ${kib(external)} KiB, RSS ${kib(rss)} KiB of ${kib(rssBefore)}`
      console.info(`${name}: ${count} operations, then maps ${maps} (all ${allMaps}), files ${files}, ${memory}`)
    }
    expect({ maps, files }).toEqual({ maps: 0, files: 0 })
    // V8 maps and keeps what it likes, but not once an operation.
    expect(allMaps).toBeLessThan(100)
    expect(heapUsed).toBeLessThan(1 * MIB)
    expect(external).toBeLessThan(1 * MIB)
    expect(rss).toBeLessThan(roomOf(name))
  })
})
