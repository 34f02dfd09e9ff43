// kill.mjs <how> <path> <seed>: writes until it is killed, and says on standard output what it was promised, a line each.

import * as fs from 'node:fs'
import { Memmap, NpyWriter, NpzWriter, open, readHeader, save } from '../../../dist/index.js'

const [how, path, seedText] = process.argv.slice(2)
let seed = Number(seedText)
const random = (below) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}
const tell = (line) => fs.writeSync(1, `${line}\n`)

/** Rows of four numbers that follow from the row's index. */
function rowsFrom(start, count) {
  return Float64Array.from({ length: count * 4 }, (_, i) => (start + Math.floor(i / 4)) * 10 + (i % 4))
}

const cases = {
  async append() {
    let rows = readHeader(path).shape[0]
    for (;;) {
      const writer = await NpyWriter.append(path)
      if (writer.rowCount !== rows) throw new Error(`${writer.rowCount} rows, expected ${rows}`)
      let written = rows
      for (let i = random(8); i >= 0; i--) {
        for (let j = random(4); j >= 0; j--) {
          const long = random(6) === 0
          const count = long ? 33_000 + random(3000) : random(3) === 0 ? random(3000) : random(20)
          // Not awaited: the order is kept all the same.
          const values = rowsFrom(written, count)
          const cut = random(values.length + 1)
          writer.write(values.subarray(0, cut))
          // Long ones rest in the file with half a row, now and then.
          if (long) await new Promise((resolve) => setTimeout(resolve, 5))
          writer.write(values.subarray(cut))
          written += count
        }
        await writer.checkpoint()
        rows = written
        tell(rows)
      }
      if (random(3) === 0) {
        await writer.write(rowsFrom(written, 100))
        await writer.abort()
      } else {
        await writer.write(rowsFrom(written, 5))
        await writer.close()
        rows = written + 5
        tell(rows)
      }
      if (rows > 2_000_000) return
    }
  },
  async save() {
    for (let version = 2; ; version++) {
      const size = 1 + random(30_000)
      tell(`to ${version}`)
      if (version % 3 === 0) {
        // Over the very file that it is mapped from.
        const a = open(path)
        await save(path, a.slice('::-1'))
        a.close()
      }
      await save(path, new Float64Array(size).fill(version))
      tell(version)
    }
  },
  async create() {
    for (let version = 2; ; version++) {
      const writer = await NpyWriter.create(path, { dtype: 'float64', shape: [null] })
      for (let i = random(6); i >= 0; i--) {
        await writer.write(new Float64Array(random(4000)).fill(version))
        if (random(2) === 0) await writer.checkpoint()
      }
      await writer.write(new Float64Array(1).fill(version))
      tell(`to ${version}`)
      await writer.close()
      tell(version)
    }
  },
  async 'NpzWriter.create'() {
    for (let version = 2; ; version++) {
      const writer = await NpzWriter.create(path, { compress: version % 2 === 0 })
      const member = await writer.member('x', { dtype: 'float64', shape: [null] })
      for (let i = random(6); i >= 0; i--) await member.write(new Float64Array(1 + random(9000)).fill(version))
      await member.close()
      tell(`to ${version}`)
      await writer.close()
      tell(version)
    }
  },
  /** Zeros until they are filled. */
  async 'Memmap.create'() {
    for (let version = 2; ; version++) {
      tell(`to ${version}`)
      const a = Memmap.create(path, { dtype: 'float64', shape: [1 + random(50_000)] })
      a.fill(version)
      await a.flush()
      a.close()
      tell(version)
    }
  },
  /** Files with rows that the header does not speak of, mended in either way. */
  async recover() {
    for (let turn = 0; ; turn++) {
      const [rows, more] = [random(3000), random(2000)]
      await save(path, rowsFrom(0, rows), { shape: [rows, 4], sync: false })
      tell(`to ${rows} ${rows + more}`)
      fs.appendFileSync(path, new Uint8Array(rowsFrom(rows, more).buffer))
      if (turn % 3 > 0) fs.appendFileSync(path, 'torn')
      const { shape } = await NpyWriter.recover(path, { repair: turn % 2 === 0 ? 'rows' : 'header' })
      tell(`${shape[0]} ${shape[0]}`)
    }
  },
}

tell('ready')
await cases[how]()
