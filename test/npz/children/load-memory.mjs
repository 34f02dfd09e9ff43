// load-memory.mjs <path> <member>: loads it, and prints by how many bytes the memory of this process grew at most.

import { readFileSync, writeFileSync } from 'node:fs'
import { openNpz } from '../../../dist/index.js'

const [path, member] = process.argv.slice(2)
const status = (field) =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'latin1'))[1]) * 1024

const z = openNpz(path)
await z.load('one') // what runs is compiled, and has started its threads
globalThis.gc()
await new Promise((resolve) => setTimeout(resolve, 200))
writeFileSync('/proc/self/clear_refs', '5')
const before = status('VmRSS')
const array = await z.load(member)
process.stdout.write(JSON.stringify({ size: array.size, grown: status('VmHWM') - before }))
