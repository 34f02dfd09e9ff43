// places.mjs <folder that nobody may write to>: paths that are no place for a file, for every way to open and to write. Each is
// refused, in time, and stays what it is. Runs as nobody, since root may write everywhere.

import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { attemptAsync, file, finish, npymap } from './kit.mjs'

const { load, Memmap, NpyWriter, NpzWriter, open, openNpz, readHeader, save, savez, savezCompressed } = npymap
const x = Float64Array.from({ length: 1000 }, (_, i) => i)

const readers = {
  readHeader: (path) => readHeader(path),
  open: (path) => open(path),
  'open r+': (path) => open(path, { mode: 'r+' }),
  'open c': (path) => open(path, { mode: 'c' }),
  pread: (path) => open(path, { mmap: false }),
  load: (path) => load(path),
  openNpz: (path) => openNpz(path),
  'NpyWriter.append': (path) => NpyWriter.append(path),
  'NpzWriter.append': (path) => NpzWriter.append(path),
  'NpyWriter.recover': (path) => NpyWriter.recover(path),
  'NpyWriter.recover rows': (path) => NpyWriter.recover(path, { repair: 'rows' }),
  'NpzWriter.recover': (path) => NpzWriter.recover(path),
  'NpzWriter.recover repair': (path) => NpzWriter.recover(path, { repair: true }),
}
const closed = async (writer, write) => {
  await write(await writer)
  await (await writer).close()
}
const writers = {
  save: (path) => save(path, x),
  'save in place': (path) => save(path, x, { atomic: false }),
  savez: (path) => savez(path, { x }),
  savezCompressed: (path) => savezCompressed(path, { x }),
  'Memmap.create': (path) => Memmap.create(path, { dtype: 'float64', shape: 1000 }),
  'NpyWriter.create': (path) =>
    closed(NpyWriter.create(path, { dtype: 'float64', shape: [null] }), (writer) => writer.write(x)),
  'NpzWriter.create': (path) => closed(NpzWriter.create(path), (writer) => writer.write('x', x)),
}

/** Each `[path ending in .npy or .npz, may be written to]`. */
const places = {}
const add = (name, make, isWritable = false) => {
  for (const suffix of ['npy', 'npz']) {
    const path = file(`${name.replaceAll(' ', '-')}.${suffix}`)
    make(path)
    places[`${name}.${suffix}`] = [path, isWritable]
  }
}
const server = (path) => new Promise((resolve) => createServer().listen(path, resolve).unref())
const sockets = []
add('folder', (path) => fs.mkdirSync(path))
add('pipe', (path) => execFileSync('mkfifo', [path]))
add('socket', (path) => sockets.push(server(path)))
add('link to null', (path) => fs.symlinkSync('/dev/null', path))
add('link to zero', (path) => fs.symlinkSync('/dev/zero', path))
add('link to full', (path) => fs.symlinkSync('/dev/full', path))
add('link to mem', (path) => fs.symlinkSync('/proc/self/mem', path))
add('link to maps', (path) => fs.symlinkSync('/proc/self/maps', path))
add('link to itself', (path) => fs.symlinkSync(path, path))
add('link to a folder', (path) => fs.symlinkSync('.', path))
add('no rights', (path) => fs.writeFileSync(path, 'x', { mode: 0 }), true)
add('empty', (path) => fs.writeFileSync(path, ''), true)
add('nothing', () => {}, true)
const byName = (name, path) => {
  places[`${name}.npy`] = [`${path}.npy`, false]
  places[`${name}.npz`] = [`${path}.npz`, false]
}
byName('in no folder', file('none/a'))
byName('in a file', file('empty.npy/a'))
byName('a long name', file('x'.repeat(300)))
byName('a long path', file('x/'.repeat(3000)))
byName('in a folder without rights', `${process.argv[2]}/a`)
byName('in /proc', '/proc/a')
await Promise.all(sockets)

const inode = (path) => {
  try {
    const { ino, mode, size } = fs.lstatSync(path)
    return `${ino} ${mode} ${size}`
  } catch (error) {
    return error.code
  }
}

if (process.getuid() === 0) {
  fs.chownSync(process.env.NPYMAP_TEST_DIR, 65534, 65534)
  for (const [path] of Object.values(places)) {
    if (inode(path).includes(' ')) fs.lchownSync(path, 65534, 65534)
  }
  process.setgroups([])
  process.setgid(65534)
  process.setuid(65534)
}

const known = new Set(['OsError', 'UnsupportedError', 'FormatError', 'FaultError'])
let tried = 0
const seen = {}
const wrong = []
async function trial(what, path, call, mayWork) {
  tried++
  const before = inode(path)
  const begun = performance.now()
  const outcome = await attemptAsync(call)
  const key = outcome.code ?? 'done'
  seen[key] = (seen[key] ?? 0) + 1
  if (performance.now() - begun > 5000) wrong.push(`${what}: hung`)
  if (outcome.error === undefined ? !mayWork : !known.has(outcome.error))
    wrong.push(`${what}: ${JSON.stringify(outcome)}`)
  else if (outcome.error !== undefined && !outcome.message.includes(path))
    wrong.push(`${what}: does not name the path: ${outcome.message}`)
  if (outcome.error !== undefined && inode(path) !== before) wrong.push(`${what}: was changed`)
  outcome.value?.close?.()
}

for (const [name, [path, isWritable]] of Object.entries(places)) {
  for (const [how, call] of Object.entries(readers)) await trial(`${how} ${name}`, path, () => call(path), false)
  for (const [how, call] of Object.entries(writers)) {
    // These add the suffix that is missing, and write to another place.
    if (how.startsWith('save') && how.startsWith('savez') !== path.endsWith('npz')) continue
    await trial(`${how} ${name}`, path, () => call(path), isWritable)
    if (name.startsWith('nothing')) fs.rmSync(path, { force: true })
  }
}
const debris = fs.readdirSync(process.env.NPYMAP_TEST_DIR).filter((name) => name.endsWith('.tmp'))
if (debris.length > 0) wrong.push(`left behind: ${debris}`)
finish({ tried, seen, wrong })
process.exit()
