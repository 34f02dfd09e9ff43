// device.mjs <how> <device>: NPYMAP_TEST_DIR is a file system on a device whose blocks are the file <device>; cutting that
// file has the device fail. Prints the trials, and what went wrong.

import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { attemptAsync, file, finish, npymap, valueAt } from './kit.mjs'

const [how, device] = process.argv.slice(2)
const { load, Memmap, NpyWriter, NpzWriter, open, openNpz, save, savez, savezCompressed } = npymap
const COUNT = 200_000
const x = Float64Array.from({ length: COUNT }, (_, i) => valueAt(i))
const everywhere = Array.from({ length: 3000 }, (_, i) => (i * 7919) % COUNT)
const right = (values, at = (i) => i) => values.every((value, i) => value === valueAt(at(i)))

let tried = 0
const seen = { right: 0, told: 0 }
const wrong = []
async function trial(what, call, isRight, errors) {
  tried++
  const outcome = await attemptAsync(call)
  if (outcome.error === undefined) {
    if (isRight(outcome.value)) seen.right++
    else wrong.push(`${what}: wrong values`)
  } else if (errors(outcome)) seen.told++
  else wrong.push(`${what}: ${JSON.stringify(outcome)}`)
  return outcome
}

const forget = () => {
  execFileSync('sync')
  fs.writeFileSync('/proc/sys/vm/drop_caches', '3')
}

const cases = {
  /** Reads from blocks that are gone. */
  async reads() {
    const paths = []
    for (let i = 0; i < 12; i++) {
      const [npy, stored, deflated] = ['a.npy', 'b.npz', 'c.npz'].map((name) => file(`${i}-${name}`))
      await save(npy, x)
      await savez(stored, { x })
      await savezCompressed(deflated, { x }, { level: 1 })
      paths.push(npy, stored, deflated)
    }
    forget()
    // Headers and directories are in memory, most of them: what is left to fail is the data.
    for (const path of paths.filter((_, i) => i % 5 !== 4)) {
      const fd = fs.openSync(path)
      for (const at of [0, fs.fstatSync(fd).size - 4096]) fs.readSync(fd, Buffer.alloc(4096), 0, 4096, at)
      fs.closeSync(fd)
    }
    fs.truncateSync(device, Math.floor(fs.statSync(device).size * 0.35))
    const isIo = ({ error, reason, errno, code, path }, expected) =>
      (error === 'FaultError' &&
        reason === 'io' &&
        (errno === undefined || errno === null || errno === 'EIO') &&
        path === expected) ||
      (error === 'OsError' && code === 'EIO')
    for (const path of paths) {
      for (const options of [{}, { mmap: false }]) {
        const isNpz = path.endsWith('npz')
        const told = (outcome) => isIo(outcome, path)
        const opened = await attemptAsync(() => (isNpz ? openNpz(path, options) : open(path, options)))
        if (opened.error !== undefined) {
          await trial(
            `open ${path}`,
            () => (isNpz ? openNpz(path, options) : open(path, options)),
            () => true,
            told,
          )
          continue
        }
        const got = await attemptAsync(() => (isNpz ? opened.value.get('x') : opened.value))
        if (got.error !== undefined) {
          if (!told(got)) wrong.push(`get ${path}: ${JSON.stringify(got)}`)
        } else {
          const a = got.value
          const name = (call) => `${call} ${path} ${JSON.stringify(options)}`
          await trial(
            name('get'),
            () => a.get(COUNT - 1),
            (value) => value === valueAt(COUNT - 1),
            told,
          )
          await trial(name('toTypedArray'), () => a.toTypedArray(), right, told)
          await trial(name('read'), () => a.read(), right, told)
          await trial(
            name('gather'),
            async () => (await a.gather(everywhere)).typedArray,
            (v) => right(v, (i) => everywhere[i]),
            told,
          )
          await trial(
            name('take'),
            () => a.take(everywhere).typedArray,
            (v) => right(v, (i) => everywhere[i]),
            told,
          )
          await trial(
            name('prefetch'),
            () => a.prefetch(),
            () => true,
            told,
          )
          const chunks = async () => {
            const values = []
            for await (const { view } of a.chunks({ byteLength: 300_000 })) values.push(...view.toTypedArray())
            return values
          }
          await trial(name('chunks'), chunks, right, told)
          if (isNpz) await trial(name('load'), async () => (await opened.value.load('x')).toTypedArray(), right, told)
        }
        opened.value.close()
      }
    }
    if (seen.told < 20 || seen.right < 20) wrong.push(`too few: ${JSON.stringify(seen)}`)
  },

  /** The device takes no more blocks: its file is on a disk that is full. */
  async writes() {
    const old = x.subarray(0, 1000)
    const files = { 'old.npy': (path) => save(path, old), 'old.npz': (path) => savez(path, { x: old }) }
    for (const [name, write] of Object.entries(files)) await write(file(name))
    execFileSync('sync')
    const { bavail, bsize } = fs.statfsSync(dirname(device))
    fs.writeFileSync(join(dirname(device), 'ballast'), Buffer.alloc(bavail * bsize))
    const [npy, npz] = Object.keys(files).map(file)
    const isRefused = ({ error, code, errno, reason }) =>
      (error === 'OsError' && ['EIO', 'EROFS', 'ENOSPC'].includes(code)) ||
      (error === 'FaultError' && reason === 'io' && ['EIO', 'EROFS', undefined, null].includes(errno))
    const failing = (what, call) =>
      trial(
        what,
        async () => {
          await call()
          throw new Error('nothing failed')
        },
        () => false,
        isRefused,
      )
    const stream = async (writer) => {
      try {
        await writer.write(x)
        await writer.checkpoint?.()
        await writer.close()
      } catch (error) {
        await writer.abort().catch(() => {})
        throw error
      }
    }
    const bytes = [npy, npz].map((path) => fs.readFileSync(path))
    await failing('save', () => save(npy, x))
    await failing('savez', () => savez(npz, { x }))
    await failing('savezCompressed', () => savezCompressed(npz, { x }))
    await failing('NpyWriter.create', async () =>
      stream(await NpyWriter.create(npy, { dtype: 'float64', shape: [null] })),
    )
    await failing('NpzWriter.create', async () => {
      const writer = await NpzWriter.create(npz)
      await stream({ write: () => writer.write('y', x), close: () => writer.close(), abort: () => writer.abort() })
    })
    await failing('Memmap.create', async () => {
      const a = Memmap.create(file('new.npy'), { dtype: 'float64', shape: [COUNT] })
      try {
        a.assign(x)
        await a.flush()
      } finally {
        a.close()
      }
    })
    for (const [i, path] of [npy, npz].entries()) {
      if (!fs.readFileSync(path).equals(bytes[i])) wrong.push(`${path} is not what it was`)
    }
    await failing('NpyWriter.append', async () => stream(await NpyWriter.append(npy)))
    await failing('NpzWriter.append', async () => {
      const writer = await NpzWriter.append(npz)
      await stream({ write: () => writer.write('y', x), close: () => writer.close(), abort: () => writer.abort() })
    })
    const [values] = [(await load(npy)).toTypedArray()]
    if (!right(values.subarray(0, 1000))) wrong.push('rows that were there are not')
  },
}

await cases[how]()
finish({ tried, seen, wrong })
