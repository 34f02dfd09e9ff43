// append.mjs <how> <path>: another process beside the one under test.

import * as fs from 'node:fs'
import { NpyWriter, open } from '../../../dist/index.js'

const [how, path] = process.argv.slice(2)
const tell = (value) => fs.writeSync(1, `${JSON.stringify(value)}\n`)

const cases = {
  /** Tries once. */
  async try() {
    try {
      const writer = await NpyWriter.append(path)
      await writer.close()
      tell('free')
    } catch (error) {
      tell(error.code)
    }
  },
  /** Holds the lock until it is killed. */
  async hold() {
    const writer = await NpyWriter.append(path)
    await writer.write(new Float64Array(6))
    tell('held')
    setInterval(() => writer.rowCount, 1000)
  },
  /** Opens the file over and over, and checks every time that it is whole. */
  async read() {
    let seen = 0
    let last = 0
    tell('ready')
    process.stdin.on('data', () => {
      tell({ seen, last })
      process.exit(0)
    })
    for (;;) {
      for (let i = 0; i < 20; i++) {
        const a = open(path, { mmap: i % 2 === 0 })
        const [rows] = a.shape
        if (rows < last) throw new Error(`${rows} rows after ${last}`)
        if (a.get(rows - 1, 2) !== (rows - 1) * 3 + 2) throw new Error(`row ${rows - 1}: ${a.get(rows - 1, 2)}`)
        const values = a.slice([Math.max(0, rows - 100), null, null].map((x) => x ?? '').join(':')).toTypedArray()
        const start = Math.max(0, rows - 100) * 3
        if (!values.every((value, at) => value === start + at)) throw new Error(`rows before ${rows}`)
        last = rows
        seen++
        a.close()
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
}

await cases[how]()
