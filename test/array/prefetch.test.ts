// prefetch() loads, by range; it and read() leave the main thread alone, and end soon after a signal.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import { buildInfo, ClosedError, Memmap, type NdView, open, openNpz, savezCompressed } from '../../src/index.ts'
import { writeNpy } from '../support/arrays.ts'
import { evict } from '../support/evict.ts'
import { rejectionOf, temporaryFolder } from '../support/sources.ts'

const folder = temporaryFolder()
const MIB = 1024 * 1024
const ROW = 64 * 1024
const ROWS = 1024
const data = new Uint8Array(ROWS * ROW).map((_, i) => i)

/** 64 MiB that lie on the disk, no page of them in memory; null where that cannot be had. */
function coldFile(name: string): string | null {
  const path = folder(name)
  writeNpy(path, '|u1', [ROWS, ROW], data)
  if (!evict(path) || !buildInfo().addon) return null
  using array = open(path)
  // A file system in memory, or one that keeps pages all the same.
  return array.residentByteLength() < array.nbytes / 8 ? path : null
}

const isColdPossible = coldFile('probe.npy') !== null
if (!isColdPossible) console.info('skipped: no file can be put out of memory here (addon, python3, posix_fadvise)')

/** The system may take a page back at any moment. */
const MOST_OF_IT = 0.98

describe.runIf(isColdPossible)('prefetch', () => {
  it.each([
    { mmap: true, threads: undefined },
    { mmap: true, threads: 1 },
    { mmap: false, threads: undefined },
    { mmap: false, threads: 3 },
  ])('has the rows in memory when it resolves, and not all others, %j', async ({ mmap, threads }) => {
    const path = coldFile(`range-${mmap}-${threads}.npy`) as string
    using probe = open(path)
    using array = open(path, { mmap })
    const half = { start: ROWS / 2, stop: ROWS / 2 + 200 }
    await array.prefetch({ ...half, ...(threads === undefined ? {} : { threads }) })
    expect(probe.residentByteLength(half)).toBeGreaterThanOrEqual(MOST_OF_IT * 200 * ROW)
    // The system reads on as it likes, but not all of it.
    expect(probe.residentByteLength()).toBeLessThan(probe.nbytes)
    await array.prefetch()
    expect(probe.residentByteLength()).toBeGreaterThanOrEqual(MOST_OF_IT * probe.nbytes)
    await array.prefetch({ start: 5, stop: 5 })
  })

  it('ends soon after the signal', async () => {
    for (const mmap of [true, false]) {
      const path = coldFile(`signal-${mmap}.npy`) as string
      using array = open(path, { mmap })
      const reason = new Error('enough')
      const controller = new AbortController()
      const loading = array.prefetch({ threads: 1, signal: controller.signal })
      controller.abort(reason)
      expect(await rejectionOf(loading)).toBe(reason)
      expect(await rejectionOf(array.prefetch({ signal: controller.signal }))).toBe(reason)
    }
  })

  it('ends with ClosedError when the array is closed meanwhile', async () => {
    const array = open(coldFile('closed.npy') as string)
    const loading = array.prefetch({ threads: 1 })
    array.close()
    expect(await rejectionOf(loading)).toBeInstanceOf(ClosedError)
  })
})

describe.runIf(isColdPossible)('the event loop turns during cold', () => {
  const works: [string, (array: NdView) => Promise<unknown>][] = [
    ['read', (array) => array.read()],
    ['read of a turned view', (array) => array.transpose().read()],
    ['prefetch', (array) => array.prefetch()],
    [
      'chunks',
      async (array) => {
        for await (const { view } of array.chunks({ byteLength: 4 * MIB })) view.get(0, 0)
      },
    ],
  ]

  it.each(works.flatMap(([name, work]) => [true, false].map((mmap) => ({ name, work, mmap }))))(
    '$name, mmap $mmap',
    async ({ name, work, mmap }) => {
      using array = open(coldFile(`loop-${name}-${mmap}.npy`) as string, { mmap })
      const delay = monitorEventLoopDelay({ resolution: 1 })
      let turns = 0
      let isDone = false
      const count = (): void => {
        turns++
        if (!isDone) setTimeout(count, 0)
      }
      delay.enable()
      count()
      await work(array)
      isDone = true
      delay.disable()
      // How many depends on the disk; a blocked loop would have none of either.
      expect(turns).toBeGreaterThan(2)
      expect(delay.count).toBeGreaterThan(2)
    },
  )
})

describe('read', () => {
  it('is the same by any number of threads', async () => {
    const path = folder('threads.npy')
    const values = Uint32Array.from({ length: 4 * MIB }, (_, i) => i)
    const made = Memmap.create<'uint32'>(path, { dtype: 'uint32', shape: [2048, 2048] })
    made.assign(values)
    made.close()
    await savezCompressed(folder('threads.npz'), { a: open(path) }, { level: 1 })
    using z = openNpz(folder('threads.npz'))
    using mapped = open<'uint32'>(path)
    using file = open<'uint32'>(path, { mmap: false })
    for (const array of [mapped, file, z.get('a') as NdView<'uint32'>]) {
      for (const threads of [1, 2, 5, 64]) {
        const copy = await array.read({ threads })
        expect(Buffer.compare(Buffer.from(copy.buffer), Buffer.from(values.buffer))).toBe(0)
        const part = await array.slice('100:2000', '7:2000').transpose().read({ threads })
        expect([part[0], part[1900], part.at(-1)]).toEqual([204807, 204808, 1999 * 2048 + 1999])
      }
    }
  })

  it('refuses what is no number of threads', async () => {
    using array = open(folder('threads.npy'))
    expect(await rejectionOf(array.read({ threads: 0 }))).toBeInstanceOf(RangeError)
    expect(await rejectionOf(array.prefetch({ threads: 1000 }))).toBeInstanceOf(RangeError)
    expect(await rejectionOf(array.prefetch({ thread: 1 } as never))).toBeInstanceOf(TypeError)
  })
})
