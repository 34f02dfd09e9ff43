// What several probes ask in the same way.

import { spawnSync } from 'node:child_process'
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Memmap } from 'npymap'
import { peerPath } from '../engines/peer.ts'
import { type Case, casesIn, expectElements } from './data.ts'
import type { Outcome, Place } from './probe.ts'

/** Names that a module exports, and those of the methods of these classes. */
export function namesOf(module: unknown, ...classes: { readonly prototype: object }[]): string[] {
  const methods = classes.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype))
  return [...Object.keys(module as object), ...methods]
}

/** How many of NumPy's files a library reads right; `read` gives the elements of one. */
export async function countCases(
  { data }: Place,
  read: (path: string, one: Case) => unknown[] | Promise<unknown[]>,
): Promise<Outcome> {
  const cases = casesIn(data)
  const failed: string[] = []
  for (const [at, one] of cases.entries()) {
    try {
      expectElements(one, await read(join(data, 'cases', `${at}.npy`), one))
    } catch {
      failed.push(one.name)
    }
  }
  const count = `${cases.length - failed.length} of ${cases.length}`
  return { ok: failed.length === 0, note: failed.length === 0 ? count : `${count}; not ${failed.join(', ')}` }
}

export function expectEqual(found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`gave ${a}, not ${b}`)
}

/** 16 MiB of float32 ones, the file that is cut short while it is open. */
export const ONES: { readonly rows: number; readonly columns: number } = { rows: 4096, columns: 1024 }

export function makeOnes(path: string): void {
  using ones = Memmap.create(path, { dtype: 'float32', shape: [ONES.rows, ONES.columns] })
  ones.fill(1)
}

/** What reading the last row of ones gave, after its file was cut: an error is fine, other values are not. */
export async function afterCut(read: () => ArrayLike<number> | Promise<ArrayLike<number>>): Promise<Outcome> {
  let row: ArrayLike<number>
  try {
    row = await read()
  } catch (error) {
    return { ok: true, note: error instanceof Error ? error.constructor.name : 'an error' }
  }
  const wrong = Array.from(row).findIndex((value) => value !== 1)
  if (wrong >= 0 || row.length === 0)
    return { ok: false, note: `gives ${row[wrong] ?? 'nothing'} for what was cut off` }
  return { ok: true, note: 'has a copy' }
}

/** Changes one byte of a file under an open array. */
export function pokeByte(path: string, position: number, value: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Uint8Array.of(value), 0, 1, position)
  closeSync(fd)
}

export function isMapped(path: string): boolean {
  return readFileSync('/proc/self/maps', 'utf8').includes(path)
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
}

/** Whether a package, or one that it needs, compiles when it is installed. */
export function compilesNothing(name: string, seen: Set<string> = new Set()): Outcome {
  const folder = peerPath(name)
  if (seen.has(name) || !existsSync(folder)) return { ok: true }
  seen.add(name)
  const { dependencies = {}, scripts = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const script = ['preinstall', 'install', 'postinstall'].find((step) => step in scripts)
  if (script !== undefined || existsSync(join(folder, 'binding.gyp'))) return { ok: false, note: `${name} compiles` }
  const wrong = Object.keys(dependencies).map((dependency) => compilesNothing(dependency, seen))
  return wrong.find(({ ok }) => ok !== true) ?? { ok: true }
}

/** Copies a package and runs its install script where there is nothing on PATH but node. */
export function installAlone(from: string, own: string, parts: readonly string[], script: readonly string[]): string {
  const [to, bin] = [join(own, 'package'), join(own, 'bin')]
  for (const part of parts) cpSync(join(from, part), join(to, part), { recursive: true })
  mkdirSync(bin)
  symlinkSync(process.execPath, join(bin, 'node'))
  const env = { PATH: bin, HOME: own }
  const { status, stderr } = spawnSync(process.execPath, [...script], { cwd: to, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(/^gyp ERR! stack (?:Error: )?(.*)$/m.exec(stderr)?.[1] ?? `exit code ${status}`)
  return to
}

/** Serves a folder, and tells which part of `total` bytes was sent while `use` ran. */
export async function overHttp(folder: string, total: number, use: (url: string) => Promise<void>): Promise<Outcome> {
  let sent = 0
  const server = createServer((request, response) => {
    const path = join(folder, request.url ?? '/')
    if (!existsSync(path)) {
      response.writeHead(404).end()
      return
    }
    const bytes = readFileSync(path)
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const part =
      range === null ? bytes : bytes.subarray(Number(range[1]), range[2] === '' ? undefined : Number(range[2]) + 1)
    sent += part.length
    response.writeHead(range === null ? 200 : 206, { 'content-length': part.length }).end(part)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const percent = Math.round((100 * sent) / total)
  return { ok: percent <= 25, note: `${percent} % fetched` }
}
