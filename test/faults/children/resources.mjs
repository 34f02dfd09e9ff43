// resources.mjs <how>: the system has nothing more to give. Each call does its work or says what is missing, and works again
// as soon as there is some. Prints the trials, and what went wrong.

import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { attemptAsync, collect, file, finish, makeFile, npymap, openFiles, valueAt } from './kit.mjs'

const { load, Memmap, NpyWriter, NpzWriter, open, openNpz, readHeader, save, savez, savezCompressed } = npymap
const COUNT = 30_000
const MIB = 1024 * 1024
const limit = (what, value) => execFileSync('prlimit', ['--pid', String(process.pid), `--${what}=${value}`])

let tried = 0
const seen = {}
const wrong = []
function note(what, outcome, isExpected) {
  tried++
  const key = outcome.error === undefined ? 'done' : (outcome.code ?? outcome.error)
  seen[key] = (seen[key] ?? 0) + 1
  if (outcome.error !== undefined && !isExpected(outcome)) wrong.push(`${what}: ${JSON.stringify(outcome)}`)
}

const x = Float64Array.from({ length: COUNT }, (_, i) => valueAt(i))
const right = (values) => values.length === COUNT && values.every((value, i) => value === valueAt(i))
const [npy, npz] = [makeFile('a.npy', COUNT), file('b.npz')]
await savezCompressed(npz, { x }, { blockByteLength: 65536 })
await savez(file('c.npz'), { x })
const [oldNpy, oldNpz] = [npy, npz].map((path) => fs.readFileSync(path))

async function using(opened, use) {
  try {
    return await use(opened)
  } finally {
    opened.close()
  }
}
const mustBeRight = (values) => {
  if (!right(values)) throw new Error('wrong values')
}
const written = async (writer, write) => {
  try {
    await write()
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Every way to open, read and write. */
const calls = {
  readHeader: () => readHeader(npy),
  'open, toTypedArray': () => using(open(npy), (a) => mustBeRight(a.toTypedArray())),
  'open r+, set': () => using(open(npy, { mode: 'r+' }), (a) => a.set(3, valueAt(3))),
  'open c, typedArray': () => using(open(npy, { mode: 'c' }), (a) => mustBeRight(a.typedArray)),
  'pread, read': () => using(open(npy, { mmap: false }), async (a) => mustBeRight(await a.read())),
  gather: () => using(open(npy), async (a) => mustBeRight((await a.gather(Int32Array.from(x.keys()))).typedArray)),
  load: async () => mustBeRight((await load(npy)).toTypedArray()),
  'npz deflated': () => using(openNpz(npz), (z) => mustBeRight(z.get('x').toTypedArray())),
  'npz load': () => using(openNpz(npz), async (z) => mustBeRight((await z.load('x')).toTypedArray())),
  'npz stored': () => using(openNpz(file('c.npz')), (z) => mustBeRight(z.get('x').toTypedArray())),
  save: () => save(npy, x),
  savez: () => savez(file('c.npz'), { x }),
  savezCompressed: () => savezCompressed(npz, { x }, { blockByteLength: 65536 }),
  'Memmap.create': () => using(Memmap.create(file('d.npy'), { dtype: 'float64', shape: COUNT }), (a) => a.fill(1)),
  async 'NpyWriter.create'() {
    const writer = await NpyWriter.create(npy, { dtype: 'float64', shape: [null] })
    await written(writer, () => writer.write(x))
  },
  async 'NpyWriter.append'() {
    const writer = await NpyWriter.append(npy)
    await written(writer, () => writer.write(new Float64Array(0)))
  },
  async 'NpzWriter.append'() {
    const writer = await NpzWriter.append(npz)
    await written(writer, async () => {})
  },
  'recover npy': () => NpyWriter.recover(npy, { repair: 'rows' }),
  'recover npz': () => NpzWriter.recover(npz, { repair: true }),
}

/** What was there is there, and everything works. */
async function afterwards(what) {
  for (const [path, old] of [
    [npy, oldNpy],
    [npz, oldNpz],
  ]) {
    if (!fs.readFileSync(path).equals(old)) wrong.push(`${what}: ${path} is not what it was`)
  }
  const debris = fs.readdirSync(process.env.NPYMAP_TEST_DIR).filter((name) => name.endsWith('.tmp'))
  if (debris.length > 0) wrong.push(`${what}: ${debris}`)
  for (const [name, call] of Object.entries(calls)) {
    const { error, message } = await attemptAsync(call)
    if (error !== undefined) wrong.push(`${name}, after ${what}: ${error} ${message}`)
  }
}

const cases = {
  async descriptors() {
    limit('nofile', '120:120')
    await afterwards('nothing')
    await collect()
    const before = openFiles()
    for (const [name, call] of Object.entries(calls)) {
      for (let left = 0; left < 5; left++) {
        const taken = []
        try {
          for (;;) taken.push(fs.openSync('/dev/null'))
        } catch {
          // None are left.
        }
        for (let i = 0; i < left; i++) fs.closeSync(taken.pop())
        const outcome = await attemptAsync(call)
        for (const fd of taken) fs.closeSync(fd)
        note(`${name} with ${left} descriptors`, outcome, ({ error, code }) => error === 'OsError' && code === 'EMFILE')
      }
    }
    await afterwards('no descriptors')
    await collect()
    if (openFiles() > before) wrong.push(`${openFiles()} descriptors, ${before} before`)
    if (!seen.EMFILE) wrong.push('nothing was missing')
  },

  async 'address space'() {
    const huge = file('huge.npy')
    Memmap.create(huge, { dtype: 'uint8', shape: 2 ** 35, reserve: false }).close()
    await afterwards('nothing')
    const { size } = /VmSize:\s+(?<size>\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8')).groups
    const old = /Max address space\s+(\S+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1]
    limit('as', `${Number(size) * 1024 + 300 * MIB}:${old}`)
    const isMissing = ({ error, code, reason }) =>
      (error === 'OsError' && code === 'ENOMEM') || (error === 'LayoutError' && reason === 'size')
    for (let i = 0; i < 5; i++) {
      note('map 32 GiB', await attemptAsync(() => open(huge)), isMissing)
      note('load 32 GiB', await attemptAsync(() => load(huge)), isMissing)
      const pread = open(huge, { mmap: false })
      note('copy 32 GiB', await attemptAsync(() => pread.toTypedArray()), isMissing)
      note('read 1 GiB', await attemptAsync(() => pread.slice(`:${2 ** 30}`).read()), isMissing)
      const indices = new Int32Array(2 ** 19)
      const rows = pread.reshape([2 ** 24, 2 ** 11])
      note('take 1 GiB', await attemptAsync(() => rows.take(indices)), isMissing)
      note('gather 1 GiB', await attemptAsync(() => rows.gather(indices)), isMissing)
      const sparse = await attemptAsync(async () => (await pread.slice(`::${2 ** 25}`).read()).length === 1024)
      note('read 1024 of them', sparse, isMissing)
      if (sparse.value !== true) wrong.push('what needs no memory fails, too')
      pread.close()
    }
    if (!seen.ENOMEM || !seen.ERR_LAYOUT) wrong.push(`nothing was missing: ${JSON.stringify(seen)}`)
    for (const [name, call] of Object.entries(calls)) note(name, await attemptAsync(call), isMissing)
    limit('as', `${old}:${old}`)
    await afterwards('no address space')
  },

  async mappings() {
    const most = Number(fs.readFileSync('/proc/sys/vm/max_map_count', 'utf8'))
    if (most > 300_000) throw new Error(`too many mappings to try: ${most}`)
    // V8 collects garbage by what windows are long.
    const small = makeFile('small.npy', 10)
    const held = []
    let failure
    try {
      for (let i = 0; i < most; i++) {
        const a = open(small)
        held.push(a)
        if (a.typedArray[7] !== valueAt(7)) wrong.push('wrong values')
      }
    } catch (error) {
      failure = error
    }
    // Room for V8, whose own failures end the process.
    const last = held.length
    for (const a of held.splice(0, 2000)) a.close()
    note(
      'one mapping more',
      { error: failure?.name, code: failure?.code },
      ({ error, code }) => error === 'OsError' && code === 'ENOMEM',
    )
    if (failure === undefined) wrong.push(`${last} arrays are mapped`)
    for (const a of held) a.close()
    await afterwards('no mappings')
  },

  async 'file size'() {
    const big = new Float64Array(MIB).fill(1)
    const hard = /Max file size\s+\S+\s+(\S+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1]
    const isTooBig = ({ error, code }) => error === 'OsError' && code === 'EFBIG'
    limit('fsize', `${MIB}:${hard}`)
    const large = {
      save: () => save(npy, big),
      savez: () => savez(npz, { x: big }),
      'Memmap.create': () => Memmap.create(npy, { dtype: 'float64', shape: MIB }),
      'Memmap.create without reserve': () => Memmap.create(npy, { dtype: 'float64', shape: MIB, reserve: false }),
      async 'NpyWriter.create'() {
        const writer = await NpyWriter.create(npy, { dtype: 'float64', shape: [null] })
        await written(writer, () => writer.write(big))
      },
      async 'NpyWriter.append'() {
        const writer = await NpyWriter.append(npy)
        await written(writer, () => writer.write(big))
      },
      async 'NpzWriter.append'() {
        const writer = await NpzWriter.append(npz)
        await written(writer, () => writer.write('y', big))
      },
    }
    for (const [name, call] of Object.entries(large)) {
      const outcome = await attemptAsync(call)
      note(name, outcome, isTooBig)
      if (outcome.error === undefined) wrong.push(`${name}: wrote past the limit`)
    }
    limit('fsize', `${hard}:${hard}`)
    await afterwards('a limit on file size')
  },

  async threads() {
    // Root has no such limit.
    fs.chmodSync(process.env.NPYMAP_TEST_DIR, 0o755)
    process.setgroups([])
    process.setgid(65534)
    process.setuid(65534)
    limit('nproc', '1:1')
    for (let i = 0; i < 20; i++) {
      for (const threads of [1, 2, 8]) {
        const a = open(npy)
        const at = Int32Array.from(x.keys())
        note(
          'gather',
          await attemptAsync(async () => mustBeRight((await a.gather(at, { threads })).typedArray)),
          () => false,
        )
        note('read', await attemptAsync(async () => mustBeRight(await a.read({ threads }))), () => false)
        note('prefetch', await attemptAsync(() => a.prefetch({ threads })), () => false)
        a.close()
      }
    }
  },
}

await cases[process.argv[2]]()
finish({ tried, seen, wrong })
