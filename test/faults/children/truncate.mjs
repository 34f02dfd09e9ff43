// truncate.mjs <mode|pread|pread+> <length left>: cuts a file under an open array, then calls every method. Prints for
// each whether it told, gave right data, or lied.

import * as fs from 'node:fs'
import { inspect } from 'node:util'
import { attemptAsync, finish, makeFile, npymap, valueAt } from './kit.mjs'

const [how, left] = [process.argv[2], Number(process.argv[3])]
const COUNT = 20_000
const options = {
  r: {},
  'r+': { mode: 'r+' },
  c: { mode: 'c' },
  pread: { mmap: false },
  'pread+': { mmap: false, mode: 'r+' },
}[how]
/** Elements that are whole after the cut. */
const whole = Math.max(0, Math.floor((left - 128) / 8))
const writable = how === 'r+' || how === 'c' || how === 'pread+'

const rightFrom = (start) => (values) => values.every((value, i) => value === valueAt(start + i))
const right = rightFrom(0)
const everywhere = Array.from({ length: COUNT }, (_, i) => COUNT - 1 - i)
const indices = [0, whole - 1, whole, whole + 1, COUNT - 1].filter((i) => i >= 0)

/** Name to [call, says whether a value is right, needs lost bytes]. */
const methods = {
  toTypedArray: [(a) => a.toTypedArray(), right, true],
  'toTypedArray strided': [(a) => a.slice('::-1').toTypedArray().toReversed(), right, true],
  'toTypedArray of what is left': [(a) => a.slice(`:${whole}`).toTypedArray(), right, false],
  toBytes: [(a) => new Float64Array(a.toBytes().buffer), right, true],
  toArray: [(a) => a.toArray(), right, true],
  read: [(a) => a.read(), right, true],
  'read of the end': [(a) => a.slice(`${whole}:`).read(), rightFrom(whole), true],
  chunks: [(a) => [...a.chunks({ byteLength: 16_384 })].flatMap(({ view }) => view.toArray()), right, true],
  take: [(a) => a.take(everywhere).typedArray.toReversed(), right, true],
  'take of what is left': [(a) => a.take(everywhere.slice(COUNT - whole)).typedArray.toReversed(), right, false],
  'take by a mask': [(a) => a.take(everywhere.map(() => true)).typedArray, right, true],
  gather: [async (a) => (await a.gather(everywhere)).typedArray.toReversed(), right, true],
  'gather of the end': [
    async (a) => (await a.gather(everywhere.slice(0, 9))).typedArray,
    (values) => values.every((value, i) => value === valueAt(COUNT - 1 - i)),
    true,
  ],
  prefetch: [(a) => a.prefetch(), () => true, false],
  flush: [(a) => a.flush(), () => true, false],
  inspect: [(a) => inspect(a), (text) => text.includes('cut short'), false],
  advise: [(a) => a.advise('willneed'), () => true, false],
  resident: [(a) => a.residentByteLength(), () => true, false],
}
for (const i of indices) methods[`get ${i}`] = [(a) => a.get(i), (value) => value === valueAt(i), i >= whole]
if (!how.startsWith('pread')) {
  methods.typedArray = [(a) => a.typedArray, right, true]
  methods.toNdarray = [(a) => a.toNdarray().data, right, true]
}
if (writable) {
  const source = Float64Array.from({ length: COUNT }, (_, i) => valueAt(i))
  const done = how !== 'pread+'
  methods.assign = [(a) => a.assign(source), () => true, done]
  methods.fill = [(a) => a.fill(1.5), () => true, done]
  methods.set = [(a) => a.set(COUNT - 1, 1.5), () => true, done]
  methods['assign itself'] = [(a) => a.slice('1:').assign(a.slice(':-1')), () => true, true]
}

const results = {}
for (const warm of [0, 1, 100]) {
  for (const [name, [call, isRight, lost]] of Object.entries(methods)) {
    const path = makeFile(`a-${warm}-${name.replace(/\W/g, '-')}.npy`, COUNT)
    const a = npymap.open(path, options)
    for (let i = 0; i < warm; i++) if (a.get(i * 100) !== valueAt(i * 100)) throw new Error('wrong before')
    const held = how.startsWith('pread') ? null : a.typedArray
    fs.truncateSync(path, left)
    fs.writeSync(1, `${name} after ${warm} gets\n`)
    const first = await attemptAsync(() => call(a))
    let verdict
    if (first.error === 'FaultError') {
      const ok = first.reason === 'truncated' && first.path === path && first.byteOffset >= 0
      verdict = ok && first.byteOffset < COUNT * 8 + 128 ? 'told' : `told wrongly ${JSON.stringify(first)}`
    } else if (first.error !== undefined) verdict = `threw ${first.error}: ${first.message}`
    else verdict = isRight(first.value) ? 'right' : 'LIED'
    if (lost && verdict === 'right') verdict = 'right, where it cannot be'
    results[`${name} after ${warm} gets`] = verdict
    if (held !== null) {
      // A typed array made before gives zeros, and the next call that needs those bytes tells.
      let sum = 0
      for (const value of held) sum += value
      const then = await attemptAsync(() => a.toTypedArray())
      if (then.error !== 'FaultError' || !Number.isFinite(sum)) results[`${name}: after it, ${warm}`] = 'LIED'
    }
    a.close()
    fs.rmSync(path)
  }
}
finish(results)
