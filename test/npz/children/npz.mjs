// npz.mjs <how> <path> <seed>: an archive's writer in a process of its own, which says on standard output what it was
// promised, a line each.

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { NpzWriter, savez, savezCompressed } from '../../../dist/index.js'

const [how, path, seedText] = process.argv.slice(2)
let seed = Number(seedText)
const random = (below) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}
const tell = (line) => fs.writeSync(1, `${line}\n`)
/** A member's values follow from its number. */
const values = (number, count) => Float64Array.from({ length: count }, (_, i) => number * 1000 + (i % 1000))
const isFull = { name: 'OsError', code: 'ENOSPC', path }

const cases = {
  /** Appends members `0`, `1`, … until it is killed, a few at a time. */
  async append() {
    for (let number = 1; ; ) {
      const writer = await NpzWriter.append(path, { compress: random(2) === 0 })
      const before = number
      for (let i = random(4); i >= 0; i--, number++) {
        const count = random(2) === 0 ? 200_000 + random(100_000) : random(2000)
        if (random(3) > 0) {
          await writer.write(String(number), values(number, count), { compress: random(2) === 0 })
          continue
        }
        const member = await writer.member(String(number), { dtype: 'float64', shape: [null] })
        const all = values(number, count)
        await member.write(all.subarray(0, count / 2))
        // Half of it rests in the file, now and then.
        if (count > 2000) await new Promise((resolve) => setTimeout(resolve, 5))
        await member.write(all.subarray(count / 2))
        await member.close()
      }
      if (random(5) === 0) {
        await writer.abort()
        number = before
        continue
      }
      // What was written rests in the file before its directory is, now and then.
      await new Promise((resolve) => setTimeout(resolve, random(40)))
      tell(`to ${number}`)
      await writer.close()
      tell(number)
    }
  },
  async savez() {
    for (let version = 2; ; version++) {
      const write = version % 2 === 0 ? savez : savezCompressed
      tell(`to ${version}`)
      await write(path, { 0: new Float64Array(1 + random(50_000)).fill(version) })
      tell(version)
    }
  },
  /** Holds the lock until it is killed. */
  async hold() {
    const writer = await NpzWriter.append(path)
    await writer.write('held', values(0, 10))
    tell('held')
    setInterval(() => writer.path, 1000)
  },
  /** The archive is on a disk with too little room. */
  async full() {
    const folder = path.slice(0, path.lastIndexOf('/'))
    await savez(path, { 0: values(0, 100_000) })
    const old = fs.readFileSync(path)
    const expectOld = () => {
      assert.ok(fs.readFileSync(path).equals(old))
      assert.equal(fs.readdirSync(folder).length, 1)
    }
    const big = new Float64Array(1024 * 1024).map(() => Math.random())
    for (const write of [savez, savezCompressed]) {
      await assert.rejects(write(path, { big }), isFull)
      expectOld()
    }
    for (const compress of [false, true]) {
      for (const make of [NpzWriter.create, NpzWriter.append]) {
        const writer = await make(path, { compress })
        await writer.write('small', values(1, 1000))
        const member = await writer.member('big', { dtype: 'float64', shape: [null] })
        const writing = (async () => {
          for (;;) await member.write(big.subarray(0, 20_000))
        })()
        await assert.rejects(writing, isFull)
        await assert.rejects(member.close(), isFull)
        await assert.rejects(writer.close(), isFull)
        await new Promise((resolve) => setTimeout(resolve, 5))
        expectOld()
      }
    }
    // There is room again, and it goes on.
    const again = await NpzWriter.append(path)
    await again.write('1', values(1, 1000))
    await again.close()
    assert.equal((await NpzWriter.recover(path)).memberCount, 2)
    tell('done')
  },
}

tell('ready')
await cases[how]()
