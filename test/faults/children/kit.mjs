// What the children share. Files go to the folder that the parent made and removes.

import * as fs from 'node:fs'
import { join } from 'node:path'
import { Memmap } from '../../../dist/index.js'

export * as npymap from '../../../dist/index.js'

export const file = (name) => join(process.env.NPYMAP_TEST_DIR, name)

/** No byte of these values is zero for long: a page of zeros cannot pass for them. */
export const valueAt = (i) => Math.PI * (i + 1)

/** A float64 .npy file of `count` values, 128 bytes of header before them. */
export function makeFile(name, count) {
  const path = file(name)
  const header = Buffer.alloc(128, ' ')
  header.write('\x93NUMPY\x01\x00v\x00', 0, 'latin1')
  header.write(`{'descr': '<f8', 'fortran_order': False, 'shape': (${count},), }`, 10)
  header[127] = 10
  const values = Float64Array.from({ length: count }, (_, i) => valueAt(i))
  fs.writeFileSync(path, Buffer.concat([header, Buffer.from(values.buffer)]))
  return path
}

/** A raw file of one byte value, made fast. */
export function makeBytes(name, byteLength, byte) {
  const path = file(name)
  fs.writeFileSync(path, Buffer.alloc(byteLength, byte))
  return path
}

export const mapped = (path, options = {}) => Memmap.raw(path, { dtype: 'float64', ...options })

function told(error) {
  if (!(error instanceof Error)) return { thrown: String(error) }
  const { name, code, reason, path, byteOffset, errno, message } = error
  return { error: name, code, reason, path, byteOffset, errno, message }
}

/** What a call returns, or what the error says. */
export function attempt(call) {
  try {
    return { value: call() }
  } catch (error) {
    return told(error)
  }
}

export async function attemptAsync(call) {
  try {
    return { value: await call() }
  } catch (error) {
    return told(error)
  }
}

export const finish = (result) => fs.writeSync(1, `\n${JSON.stringify(result)}\n`)

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const maps = () => fs.readFileSync('/proc/self/maps', 'utf8').split('\n')
export const allMapLines = () => maps().length
/** Mappings of our own files. */
export const mapLines = () => maps().filter((line) => line.includes(process.env.NPYMAP_TEST_DIR)).length
export const openFiles = () => fs.readdirSync('/proc/self/fd').length

/** Collects garbage until finalizers have run, too. */
export async function collect() {
  for (let i = 0; i < 6; i++) {
    globalThis.gc()
    await sleep(5)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
