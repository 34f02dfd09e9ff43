// How work is shared out: never more jobs at once than there may be, all of them done, failures told when all is quiet.

import { afterEach, describe, expect, it, vi } from 'vitest'
import { checkThreads, defaultThreads, eachInFlight, PoolShare, partsOf, poolSize } from '../../src/storage/threads.ts'
import { rejectionOf, thrownBy } from '../support/sources.ts'

afterEach(() => vi.unstubAllEnvs())

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('PoolShare', () => {
  it('runs so many jobs at once, in order, whatever becomes of them', async () => {
    const share = new PoolShare(3)
    const [begun, ended]: [number[], number[]] = [[], []]
    let running = 0
    let most = 0
    const jobs = Array.from({ length: 20 }, (_, i) =>
      share.run(async () => {
        begun.push(i)
        most = Math.max(most, ++running)
        for (let turns = 0; turns < (i * 7) % 5; turns++) await turn()
        running--
        ended.push(i)
        if (i % 4 === 3) throw new Error(`job ${i}`)
        return i
      }),
    )
    const results = await Promise.allSettled(jobs)
    expect(begun).toEqual(results.map((_, i) => i))
    expect([most, ended.length]).toEqual([3, 20])
    for (const [i, result] of results.entries()) {
      expect(result).toMatchObject(i % 4 === 3 ? { reason: { message: `job ${i}` } } : { value: i })
    }
    expect(await share.run(() => 'a number at once')).toBe('a number at once')
  })

  it('goes on after a job that throws before it begins', async () => {
    const share = new PoolShare(1)
    const failing = share.run(() => {
      throw new Error('refused')
    })
    const next = share.run(() => 1)
    expect((await rejectionOf(failing)).message).toBe('refused')
    expect(await next).toBe(1)
  })
})

describe('the pool', () => {
  it.each([
    [undefined, 4],
    ['16', 16],
    ['1', 1],
    ['0', 1],
    ['none', 1],
    ['99999', 1024],
  ])('has with UV_THREADPOOL_SIZE=%s %i threads', (value, size) => {
    vi.stubEnv('UV_THREADPOOL_SIZE', value)
    expect(poolSize()).toBe(size)
  })
})

describe('threads', () => {
  it('are a few when nothing is said', () => {
    expect(checkThreads(undefined, 'read')).toBe(defaultThreads())
    expect(defaultThreads()).toBeGreaterThanOrEqual(1)
    expect(defaultThreads()).toBeLessThanOrEqual(4)
  })

  it.each([0, -1, 1.5, Number.NaN, 65])('%d is an error', (threads) => {
    expect(thrownBy(() => checkThreads(threads, 'read'))).toBeInstanceOf(RangeError)
  })
})

describe('eachInFlight', () => {
  it('does each once, so many at a time', async () => {
    const done: number[] = []
    let running = 0
    let most = 0
    await eachInFlight(
      Array.from({ length: 17 }, (_, i) => i),
      4,
      async (i) => {
        most = Math.max(most, ++running)
        await turn()
        running--
        done.push(i)
      },
    )
    expect([done.sort((a, b) => a - b), most]).toEqual([Array.from({ length: 17 }, (_, i) => i), 4])
    await eachInFlight([], 4, () => Promise.reject(new Error('never')))
  })

  it('begins nothing after a failure, and tells of it when all is quiet', async () => {
    const begun: number[] = []
    let running = 0
    const failing = eachInFlight([0, 1, 2, 3, 4, 5, 6], 3, async (i) => {
      begun.push(i)
      running++
      await turn()
      if (i === 0) {
        running--
        throw new Error('first')
      }
      await turn()
      await turn()
      running--
    })
    expect((await rejectionOf(failing)).message).toBe('first')
    expect([begun, running]).toEqual([[0, 1, 2], 0])
  })

  it('tells of items that fail', async () => {
    function* items(): Generator<number> {
      yield 1
      throw new Error('no more')
    }
    expect((await rejectionOf(eachInFlight(items(), 2, turn))).message).toBe('no more')
  })
})

describe('partsOf', () => {
  const MIB = 1024 * 1024

  it.each([
    [0, 10 * MIB, 4, 8 * MIB],
    [123, 100 * MIB + 1, 3, 8 * MIB],
    [5, 1, 4, MIB],
    [5, 0, 4, MIB],
    [7, 3 * MIB - 1, 64, 8 * MIB],
  ])('of %i + %i for %i cover it once', (byteOffset, byteLength, parts, most) => {
    let next = byteOffset
    for (const part of partsOf(byteOffset, byteLength, { parts, most })) {
      expect(part.byteOffset).toBe(next)
      expect(part.byteLength).toBeGreaterThan(0)
      expect(part.byteLength).toBeLessThanOrEqual(most)
      next += part.byteLength
    }
    expect(next).toBe(byteOffset + byteLength)
  })

  it('are one for each thread where they are long enough', () => {
    expect([...partsOf(0, 8 * MIB, { parts: 4, most: 8 * MIB })].length).toBe(4)
    expect([...partsOf(0, MIB, { parts: 4, most: 8 * MIB })].length).toBe(1)
  })
})
