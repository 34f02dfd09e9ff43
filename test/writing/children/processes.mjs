// processes.mjs <role> <path> <number>: one of several processes at one file. Ends when its standard input does, or when its
// work is done, and prints what it did.

import assert from 'node:assert/strict'
import { load, NpyWriter, NpzWriter, open, openNpz, readHeader, save, savez } from '../../../dist/index.js'

const [role, path, number] = [process.argv[2], process.argv[3], Number(process.argv[4])]
let stopped = false
process.stdin.resume().on('end', () => {
  stopped = true
})
const turn = () => new Promise((resolve) => setImmediate(resolve))
const done = { turns: 0, refused: 0 }

/** A row tells who wrote it, and which one of theirs it is; its other numbers follow from these. */
const row = (who, which) => [who, which, who * 1000 + which, which - who]

function checkRows(values, rows) {
  const next = new Map()
  for (let i = 0; i < rows; i++) {
    const [who, which, ...rest] = values.subarray(4 * i, 4 * i + 4)
    assert.deepEqual([who, which, ...rest], row(who, which), `row ${i} is torn`)
    assert.equal(which, next.get(who) ?? 0, `row ${i} of ${who} is lost`)
    next.set(who, which + 1)
  }
  return next
}

/** Versions of a file: all numbers alike. */
const versionOf = () => new Float64Array(1 + Math.floor(Math.random() * 60_000)).fill(number * 1e6 + done.turns)
const isOneVersion = (values) => values.length > 0 && values.every((value) => value === values[0])

async function locked(use) {
  try {
    await use()
    done.turns++
  } catch (error) {
    if (error.code !== 'EWOULDBLOCK') throw error
    done.refused++
  }
  await turn()
}

const roles = {
  async saver() {
    for (; !stopped; done.turns++) await save(path, versionOf(), { sync: false })
  },
  async 'reader of versions'() {
    for (; !stopped; done.turns++) {
      const a = open(path, { mmap: done.turns % 3 !== 0 })
      const values = done.turns % 2 === 0 ? a.toTypedArray() : await a.read()
      a.close()
      assert.ok(isOneVersion(values), `torn: ${values[0]} and others in ${values.length}`)
      await turn()
    }
  },
  async 'archive saver'() {
    for (; !stopped; done.turns++) await savez(path, { x: versionOf() }, { sync: false })
  },
  async 'archive reader'() {
    for (; !stopped; done.turns++) {
      const z = openNpz(path)
      const values = done.turns % 2 === 0 ? z.get('x').toTypedArray() : (await z.load('x')).toTypedArray()
      z.close()
      assert.ok(isOneVersion(values), `torn: ${values[0]} and others in ${values.length}`)
      await turn()
    }
  },
  async appender() {
    let mine = 0
    while (!stopped) {
      await locked(async () => {
        const writer = await NpyWriter.append(path)
        const before = mine
        const rows = []
        for (let i = 1 + (done.turns % 90); i > 0; i--) rows.push(...row(number, mine++))
        await writer.write(Float64Array.from(rows))
        if (done.turns % 5 === 4) {
          mine = before
          await writer.abort()
        } else await writer.close()
      })
    }
    done.rows = mine
  },
  async 'reader of rows'() {
    let rows = 0
    for (; !stopped; done.turns++) {
      const a = open(path)
      const [count] = a.shape
      assert.ok(count >= rows, `${count} rows after ${rows}`)
      rows = count
      checkRows(a.toTypedArray(), count)
      a.close()
      await turn()
    }
  },
  async 'archive appender'() {
    let mine = 0
    while (!stopped) {
      await locked(async () => {
        const writer = await NpzWriter.append(path, { compress: done.turns % 2 === 0, sync: false })
        await writer.write(`${number}-${mine}`, new Float64Array(1 + done.turns * 10).fill(number * 1e6 + mine))
        await writer.close()
        mine++
      })
    }
    done.rows = mine
  },
  /** An archive that is being appended to ends in what is being written: a reader is told so. */
  async 'reader of members'() {
    let most = 0
    while (!stopped) {
      await turn()
      let z
      try {
        z = openNpz(path)
      } catch (error) {
        assert.equal(error.name, 'FormatError', error.stack)
        done.refused++
        continue
      }
      assert.ok(z.size >= most, `${z.size} members after ${most}`)
      most = z.size
      for (const name of [...z.keys()].slice(-3)) {
        const values = (await z.load(name)).toTypedArray()
        const [who, which] = name.split('-').map(Number)
        assert.ok(
          values.every((value) => value === who * 1e6 + which),
          name,
        )
      }
      z.close()
      done.turns++
    }
  },
  /** Half of the elements belong to each of two. */
  async 'editor in place'() {
    const a = open(path, { mode: 'r+' })
    const half = a.slice(number === 0 ? ':50000' : '50000:')
    for (; !stopped; done.turns++) {
      half.fill(number * 1e6 + done.turns)
      if (done.turns % 10 === 0) await a.flush()
      await turn()
    }
    a.close()
    done.last = number * 1e6 + done.turns - 1
  },
  async 'check rows'() {
    const a = await load(path)
    done.rows = Object.fromEntries(checkRows(a.toTypedArray(), a.shape[0]))
    assert.equal(readHeader(path).fileByteLength, 128 + 32 * a.shape[0])
  },
}

process.stdout.write('ready\n')
await roles[role]()
process.stdout.write(`${JSON.stringify(done)}\n`)
process.exit()
