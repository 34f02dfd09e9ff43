// What other hands do to a file, and what may be seen of it then.

import * as fs from 'node:fs'
import { file, npymap, valueAt } from './kit.mjs'

export const COUNTS = [500, 40_000, 400_000]

export function seededRandom(seed) {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return { random, pick: (list) => list[Math.floor(random() * list.length)] }
}

const images = new Map()

/** The bytes of a file with the values, or with their negatives. */
export async function imageOf(suffix, count, sign) {
  const key = `${suffix} ${count} ${sign}`
  if (!images.has(key)) {
    const x = Float64Array.from({ length: count }, (_, i) => sign * valueAt(i))
    const path = file(`image.${suffix}`)
    if (suffix === 'npy') await npymap.save(path, x, { sync: false })
    else if (suffix === 'stored.npz') await npymap.savez(path, { x }, { sync: false })
    else {
      const blockByteLength = suffix === 'stream.npz' ? 2 ** 24 : 65536
      await npymap.savezCompressed(path, { x }, { sync: false, level: 1, blockByteLength })
    }
    images.set(key, fs.readFileSync(path))
    fs.rmSync(path)
  }
  return images.get(key)
}

const isOld = (value, index) => value === valueAt(index)
const none = () => []
/** Errors of members that were looked at too late. */
const broken = (how) => (how.startsWith('npz') ? ['FaultError', 'IntegrityError', 'FormatError'] : ['FaultError'])

/** By fault: the row of the table that it counts for, the errors that may tell of it, and the values that may be seen. */
export const alter = {
  'cut short': {
    promise: 'cut',
    errors: broken,
    mayBe: isOld,
    run: ({ path, random }) => fs.truncateSync(path, Math.floor(random() * 0.999 * fs.statSync(path).size)),
  },
  'cut to nothing': {
    promise: 'cut',
    errors: broken,
    mayBe: isOld,
    run: ({ path }) => fs.truncateSync(path, 0),
  },
  'made longer': {
    promise: 'replaced',
    errors: none,
    mayBe: isOld,
    run: ({ path, random }) => fs.appendFileSync(path, Buffer.alloc(1 + Math.floor(random() * 9000), 0x51)),
  },
  replaced: {
    promise: 'replaced',
    errors: none,
    mayBe: isOld,
    run({ path, other }) {
      fs.writeFileSync(`${path}.new`, other)
      fs.renameSync(`${path}.new`, path)
    },
  },
  unlinked: { promise: 'replaced', errors: none, mayBe: isOld, run: ({ path }) => fs.rmSync(path) },
  'made unreadable': { promise: 'replaced', errors: none, mayBe: isOld, run: ({ path }) => fs.chmodSync(path, 0) },
  'overwritten in place': {
    promise: 'overwritten',
    errors: (how, name) => (how.includes('deflated') || how.includes('stream') || name === 'load' ? broken(how) : []),
    mayBe: (value, index) => Math.abs(value) === valueAt(index),
    run({ path, other }) {
      const fd = fs.openSync(path, 'r+')
      fs.writeSync(fd, other)
      fs.closeSync(fd)
    },
  },
  'overwritten from nothing': {
    promise: 'overwritten',
    errors: broken,
    // Zeros are what is in a file that is emptied and written again, for a while.
    mayBe: (value, index, checked) => Math.abs(value) === valueAt(index) || (!checked && value === 0),
    run: ({ path, other }) => fs.writeFileSync(path, other),
  },
}
