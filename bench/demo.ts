// `npm run demo`: an array larger than most programs would load, opened and read on demand, with figures.

import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, platform, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildInfo, open } from 'npymap'
import { makeVectors, WIDTH, whyNoRoom } from './demo/make.ts'
import type { Message } from './demo/measure.ts'
import { bold, dim, printFacts, printSteps, printSummary } from './demo/report.ts'
import { formatBytes, formatCount, formatDuration } from './format.ts'
import { temporaryFolder } from './temporary-folder.ts'

const USAGE = `npm run demo                       makes a 5 GiB float32 array, reads it, removes it
npm run demo -- --size 1           the same with 1 GiB
npm run demo -- --dir /mnt/disk    makes it there
npm run demo -- --path FILE        reads your own .npy file, and leaves it as it is`

/** What ends the demo with one line and no stack. */
class Refusal extends Error {}

interface Options {
  readonly path: string | null
  readonly byteLength: number
  readonly folder: string
  readonly help: boolean
}

function readOptions(): Options {
  const options = {
    path: { type: 'string' },
    size: { type: 'string' },
    dir: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values']
  try {
    values = parseArgs({ options }).values
  } catch (error) {
    throw new Refusal(`${(error as Error).message.split('. ')[0]}; see npm run demo -- --help`)
  }
  if (values.path !== undefined && (values.size ?? values.dir) !== undefined) {
    throw new Refusal('--path reads a file of yours: --size and --dir are for the one the demo makes')
  }
  const gibibytes = Number(values.size ?? 5)
  if (!(gibibytes > 0 && gibibytes <= 1024)) {
    throw new Refusal(`--size: expected GiB from 0 to 1024, got ${values.size}`)
  }
  return {
    path: values.path ?? null,
    byteLength: gibibytes * 1024 ** 3,
    folder: resolve(values.dir ?? temporaryFolder()),
    help: values.help ?? false,
  }
}

/** Runs one way of reading in a process of its own. */
function measure(way: 'mapped' | 'whole', path: string, vectors: boolean): Promise<Message[]> {
  const script = fileURLToPath(new URL('./demo/measure.js', import.meta.url))
  return new Promise((done, failed) => {
    const child = fork(script, [way, path, vectors ? 'vectors' : 'any'], { execArgv: ['--expose-gc'] })
    const messages: Message[] = []
    child.on('message', (message: Message) => messages.push(message))
    child.on('error', failed)
    child.on('exit', (code, signal) => {
      if (signal !== null) messages.push({ refused: { what: way, reason: `the process was ended by ${signal}` } })
      if (code !== 0 && code !== null) process.exitCode = 1
      done(messages)
    })
    process.on('exit', () => child.kill())
  })
}

/** Says on a terminal what takes a while; the line goes when it is done. */
async function waiting<R>(text: string, work: Promise<R>): Promise<R> {
  if (!process.stderr.isTTY) return work
  process.stderr.write(dim(`  ${text} …`))
  try {
    return await work
  } finally {
    process.stderr.write('\r\x1b[K')
  }
}

async function show(path: string, vectors: boolean): Promise<void> {
  using array = open(path)
  const { size } = statSync(path)
  const cached = array.ndim === 0 ? 0 : array.residentByteLength()
  const layout = array.order === null ? '' : `, ${array.order} order`
  printFacts([
    ['path', path],
    ['shape', `(${array.shape.join(', ')}${array.ndim === 1 ? ',' : ''})  ${formatCount(array.size)} elements`],
    ['dtype', `${array.dtype.name}, ${array.dtype.str}${layout}`],
    ['on disk', formatBytes(size)],
    ...(array.source.kind === 'mapped' && array.ndim > 0
      ? [['cached', `${formatBytes(cached)} of ${formatBytes(array.nbytes)} are in the page cache`] as const]
      : []),
  ])
  array.close()

  const mapped = await waiting('reading parts', measure('mapped', path, vectors))
  printSteps('npymap: parts, on demand', mapped)
  const whole = await waiting('reading the whole file', measure('whole', path, vectors))
  printSteps('Without it: the whole file first', whole)
  printSummary(mapped, whole)
  const wrong = [...mapped, ...whole].some(
    (message) => 'refused' in message && message.refused.reason.startsWith('wrong'),
  )
  if (vectors && !wrong) console.log('\n  Every value read was compared with what was written: all are right.')
  console.log(
    dim(
      '\n  first time: once, in a new process; again: median of up to 9 more. memory: growth of the process, without\n' +
        '  file pages: those are the page cache seen through the mapping, shared, and dropped when memory is short.',
    ),
  )
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) {
    console.log(USAGE)
    return
  }
  const info = buildInfo()
  console.log(bold('npymap demo'))
  printFacts([
    ['machine', `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${formatBytes(totalmem())}`],
    ['runtime', `Node ${process.versions.node}, ${platform()}-${process.arch}`],
    ['addon', info.addon ? 'in use: files are mapped' : `not in use (${info.reason}): files are read with pread`],
  ])
  console.log()
  if (options.path !== null) return show(resolve(options.path), false)

  const rowCount = Math.max(1, Math.round(options.byteLength / (WIDTH * 4)))
  const noRoom = whyNoRoom(options.folder, rowCount * WIDTH * 4)
  if (noRoom !== null) throw new Refusal(noRoom)
  const folder = mkdtempSync(join(options.folder, 'npymap-demo-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      if (process.stderr.isTTY) process.stderr.write('\x1b[?25h\r\x1b[K')
      process.exit(code)
    })
  }
  const path = join(folder, 'vectors.npy')
  console.log(`Making ${formatCount(rowCount)} vectors of ${WIDTH} float32, ${formatBytes(rowCount * WIDTH * 4)}`)
  const milliseconds = await makeVectors(path, rowCount)
  console.log(`  made and synced to disk in ${formatDuration(milliseconds * 1e6)}\n`)
  await show(path, true)
  remove()
  console.log(dim(`  ${folder} is removed.`))
}

try {
  await main()
} catch (error) {
  const expected = error instanceof Refusal || (error instanceof Error && 'code' in error)
  console.error(`npymap demo: ${expected ? (error as Error).message : ((error as Error).stack ?? error)}`)
  process.exitCode = 1
}
