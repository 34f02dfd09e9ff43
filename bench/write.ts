// `npm run bench:write`: a large float32 array written in chunks of 8 MiB, by everything that can, each in a process of
// its own, in turns and several rounds, with a pause before each: pages just freed by the one before are quicker to have
// than others. And single rows of 512 bytes.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { NpyWriter } from 'npymap'
import { hasPeer, peer } from './engines/peer.ts'
import { formatBytes } from './format.ts'

const CHUNK_BYTE_LENGTH = 8 * 1024 * 1024
/** So many chunks in turn are far more than any cache holds. */
const DIFFERENT_CHUNKS = 16
const ROW_VALUES = 128

const PYTHON = `
import os, sys, time
import numpy as np
engine, path, count, sync = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == 'sync'
values = np.arange(2 * 1024 * 1024, dtype='u4')
chunks = [((values * np.uint32(2654435761) + np.uint32(k)) >> 9).astype('f4') for k in range(${DIFFERENT_CHUNKS})]
whole = np.concatenate([chunks[i % len(chunks)] for i in range(count)]) if engine == 'np.save' else None
start = time.perf_counter()
if engine == 'np.save':
    with open(path, 'wb') as f:
        np.save(f, whole)
        f.flush()
        if sync: os.fsync(f.fileno())
else:
    m = np.lib.format.open_memmap(path, 'w+', 'f4', (count * values.size,))
    for i in range(count):
        m[i * values.size:(i + 1) * values.size] = chunks[i % len(chunks)]
    if sync: m.flush()
    del m
print(time.perf_counter() - start)
`

function makeChunks(): Float32Array[] {
  return Array.from({ length: DIFFERENT_CHUNKS }, (_, k) => {
    const chunk = new Float32Array(CHUNK_BYTE_LENGTH / 4)
    for (let i = 0; i < chunk.length; i++) chunk[i] = Math.floor(((Math.imul(i, 2654435761) + k) >>> 0) / 512)
    return chunk
  })
}

interface MmapIo {
  map(size: number, protection: number, flags: number, fd: number): Buffer
  sync(buffer: Buffer, offset: number, length: number, blocking: boolean): void
  readonly PROT_READ: number
  readonly PROT_WRITE: number
  readonly MAP_SHARED: number
}

async function writeWithMmapIo(path: string, chunks: Float32Array[], count: number, sync: boolean): Promise<void> {
  const mmap = ((await peer('@riaskov/mmap-io')) as { default: MmapIo }).default
  const byteLength = count * CHUNK_BYTE_LENGTH
  const fd = fs.openSync(path, 'w+')
  fs.ftruncateSync(fd, byteLength)
  const buffer = mmap.map(byteLength, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd)
  if (buffer.length !== byteLength) throw new Error(`map() of ${byteLength} bytes returned ${buffer.length}`)
  for (let i = 0; i < count; i++) {
    const chunk = chunks[i % chunks.length]!
    buffer.set(new Uint8Array(chunk.buffer), i * CHUNK_BYTE_LENGTH)
  }
  if (sync) mmap.sync(buffer, 0, byteLength, true)
  fs.closeSync(fd)
}

/** Writes the chunks with one engine of this process; seconds. */
async function runHere(engine: string, path: string, count: number, sync: boolean): Promise<number> {
  const chunks = makeChunks()
  const start = performance.now()
  if (engine === 'npymap') {
    const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null], sync })
    for (let i = 0; i < count; i++) await writer.write(chunks[i % chunks.length])
    await writer.close()
  } else if (engine === 'npymap rows') {
    const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null, ROW_VALUES], sync })
    const rows = chunks.map((chunk) => chunk.subarray(0, ROW_VALUES))
    for (let i = 0; i < count; i++) await writer.write(rows[i % rows.length])
    await writer.close()
  } else if (engine === 'mmap-io') {
    await writeWithMmapIo(path, chunks, count, sync)
  } else {
    const piece = Number(engine.split(' ')[1]) * 1024
    const fd = fs.openSync(path, 'w')
    for (let i = 0; i < count; i++) {
      const chunk = chunks[i % chunks.length]!
      for (let at = 0; at < CHUNK_BYTE_LENGTH; at += piece)
        fs.writeSync(fd, chunk, at, Math.min(piece, CHUNK_BYTE_LENGTH))
    }
    if (sync) fs.fsyncSync(fd)
    fs.closeSync(fd)
  }
  return (performance.now() - start) / 1000
}

const ENGINES = [
  'npymap',
  'fs.writeSync 256 KiB',
  'fs.writeSync 8192 KiB',
  'np.save',
  'np.open_memmap',
  'dd 256K',
  'dd 8M',
  'dd 8M direct',
  ...(hasPeer('@riaskov/mmap-io') ? ['mmap-io'] : []),
]

/** What moves bytes and knows nothing of arrays. */
const RAW = /^(dd|fs)/

function runElsewhere(engine: string, path: string, count: number, sync: boolean): number {
  if (engine.startsWith('np.')) {
    const python = process.env.PYTHON ?? 'python3'
    return Number(
      execFileSync(python, ['-c', PYTHON, engine, path, String(count), sync ? 'sync' : 'no'], { encoding: 'utf8' }),
    )
  }
  if (engine.startsWith('dd ')) {
    const [, block, direct] = engine.split(' ')
    const blocks = (count * CHUNK_BYTE_LENGTH) / (block === '8M' ? CHUNK_BYTE_LENGTH : 256 * 1024)
    const args = [
      'if=/dev/zero',
      `of=${path}`,
      `bs=${block}`,
      `count=${blocks}`,
      ...(direct === undefined ? [] : ['oflag=direct']),
      ...(sync ? ['conv=fsync'] : []),
    ]
    const start = performance.now()
    execFileSync('dd', args, { stdio: 'ignore' })
    return (performance.now() - start) / 1000
  }
  const self = fileURLToPath(import.meta.url)
  const child = spawnSync(
    process.execPath,
    [self, '--engine', engine, '--path', path, '--count', String(count), ...(sync ? ['--sync'] : [])],
    {
      encoding: 'utf8',
    },
  )
  if (child.status !== 0) throw new Error(/Error: (.*)/.exec(child.stderr)?.[1] ?? `died (${child.signal})`)
  return Number(child.stdout)
}

/** A digest of pages all over the data, which is the end of the file. */
function digest(path: string, byteLength: number): string {
  const fd = fs.openSync(path, 'r')
  const hash = createHash('sha256')
  const start = fs.fstatSync(fd).size - byteLength
  const page = new Uint8Array(4096)
  for (let i = 0; i < 256; i++) {
    fs.readSync(fd, page, 0, page.length, start + Math.floor(((byteLength - page.length) * (i / 255)) / 4) * 4)
    hash.update(page)
  }
  fs.closeSync(fd)
  return hash.digest('hex')
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

function compare(folder: string, gibibytes: number, rounds: number, pauseMs: number): string {
  const report: string[] = []
  const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
  const count = Math.round((gibibytes * 1024 ** 3) / CHUNK_BYTE_LENGTH)
  const byteLength = count * CHUNK_BYTE_LENGTH
  for (const sync of [false, true]) {
    const speeds = new Map<string, number[]>(ENGINES.map((engine) => [engine, []]))
    const digests = new Map<string, string>()
    const failures = new Map<string, string>()
    for (let round = 0; round < rounds; round++) {
      for (const engine of round % 2 === 0 ? ENGINES : ENGINES.toReversed()) {
        const path = join(folder, 'written.npy')
        pause()
        let seconds: number
        try {
          seconds = runElsewhere(engine, path, count, sync)
        } catch (error) {
          failures.set(engine, (error as Error).message)
          fs.rmSync(path, { force: true })
          continue
        }
        speeds.get(engine)!.push(byteLength / seconds / 1e9)
        if (!engine.startsWith('dd')) digests.set(engine, digest(path, byteLength))
        fs.rmSync(path)
        console.error(`${engine}${sync ? ' + fsync' : ''}: ${(byteLength / seconds / 1e9).toFixed(2)} GB/s`)
      }
    }
    if (new Set(digests.values()).size !== 1) throw new Error(`the files differ: ${JSON.stringify([...digests])}`)
    const best = Math.max(...ENGINES.filter((engine) => RAW.test(engine)).map((engine) => median(speeds.get(engine)!)))
    report.push(
      `${formatBytes(byteLength)} in chunks of 8 MiB, ${sync ? 'durable (fsync)' : 'without fsync'}, GB/s, ${rounds} rounds, ${pauseMs / 1000} s of rest before each:`,
      '',
      '| engine | median | min | max | of the best raw write |',
      '| --- | ---: | ---: | ---: | ---: |',
    )
    for (const [engine, all] of speeds) {
      const failure = failures.get(engine)
      if (failure !== undefined) {
        report.push(`| ${engine} | fails: ${failure} | | | |`)
        continue
      }
      const [middle, low, high] = [median(all), Math.min(...all), Math.max(...all)]
      report.push(
        `| ${engine} | ${middle.toFixed(2)} | ${low.toFixed(2)} | ${high.toFixed(2)} | ${(middle / best).toFixed(2)} |`,
      )
    }
    report.push('')
  }
  const rows = 2_000_000
  const all = Array.from({ length: rounds }, () => {
    const path = join(folder, 'rows.npy')
    const seconds = runElsewhere('npymap rows', path, rows, false)
    fs.rmSync(path)
    return rows / seconds / 1e6
  })
  report.push(
    `Rows of 512 bytes, one write() each, without fsync: ${median(all).toFixed(2)} M rows/s (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}).`,
  )
  return report.join('\n')
}

const [BEGIN, END] = ['<!-- bench-write:begin -->', '<!-- bench-write:end -->']

/** Puts the report between the marks of a page. */
function writeInto(page: string, report: string): void {
  const text = fs.readFileSync(page, 'utf8')
  const [start, stop] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (start < 0 || stop < start) throw new Error(`${page} has no ${BEGIN} … ${END}`)
  fs.writeFileSync(page, `${text.slice(0, start + BEGIN.length)}\n\n${report}\n\n${text.slice(stop)}`)
}

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    pause: { type: 'string', default: '3' },
    write: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    engine: { type: 'string' },
    path: { type: 'string' },
    count: { type: 'string' },
    sync: { type: 'boolean', default: false },
  },
})
if (values.engine !== undefined && values.path !== undefined) {
  console.log(
    await runHere(values.engine.replace('fs.writeSync', 'fs'), values.path, Number(values.count), values.sync),
  )
} else {
  const folder = fs.mkdtempSync(join(resolve(values.dir), 'npymap-write-'))
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  process.on('SIGINT', () => process.exit(130))
  const report = compare(folder, Number(values.size), Number(values.rounds), Number(values.pause) * 1000)
  console.log(`\n${report}`)
  if (values.write !== undefined) writeInto(values.write, report)
}
