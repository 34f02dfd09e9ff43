// npymap verify: is a file what it says it is?

import { Command } from 'commander'
import { isNpymapError, NpyWriter, openNpz, readHeader } from '../index.ts'
import { EXIT } from './failure.ts'
import { progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import { isArchive, parseTarget } from './target.ts'
import { bytesText, nameText } from './text.ts'

interface Verdict {
  readonly file: string
  readonly ok: boolean
  readonly message: string
}

/** The command. */
export function verifyCommand(context: Context): Command {
  return new Command('verify')
    .description('header and size of .npy files, CRC-32 and length of every member of archives, in bounded memory')
    .argument('<files...>', 'FILE.npy, FILE.npz or FILE.npz:MEMBER')
    .option('--json', 'one line of JSON a file or member')
    .addHelpText(
      'after',
      `
Exits with 1 when anything is broken.

Examples:
  npymap verify *.npy model.npz
  npymap verify model.npz:w`,
    )
    .action(async (files: string[], options: { json?: boolean }, command: Command) => {
      for (const file of files) {
        for await (const verdict of verdicts(file, context.signal, isQuiet(command))) {
          if (!verdict.ok) context.exitCode = EXIT.negative
          const line = `${verdict.ok ? 'ok    ' : 'BROKEN'}  ${nameText(verdict.file)}: ${nameText(verdict.message)}`
          await print(`${options.json === true ? JSON.stringify(verdict) : line}\n`)
        }
      }
    })
}

async function* verdicts(file: string, signal: AbortSignal, quiet: boolean): AsyncGenerator<Verdict> {
  const target = parseTarget(file)
  if (!isArchive(target)) {
    yield await verdict(file, () => checkNpy(target.path))
    return
  }
  const opened = await verdict(target.path, () => {
    openNpz(target.path).close()
    return ''
  })
  if (!opened.ok) {
    yield opened
    return
  }
  const archive = openNpz(target.path)
  const names = target.member === null ? [...archive.keys()] : [target.member]
  try {
    for (const name of names) {
      yield await verdict(`${target.path}:${name}`, async () => {
        const { byteLength, isArray, shape, dtype } = archive.info(name)
        const progress = progressOf(name, byteLength, quiet)
        try {
          await archive.verify(name, { signal, onProgress: (more) => progress.add(more) })
        } finally {
          progress.end()
        }
        return isArray
          ? `${dtype} [${shape.join(', ')}], ${bytesText(byteLength)}`
          : `no array, ${bytesText(byteLength)}`
      })
    }
  } finally {
    archive.close()
  }
}

/** The header, and that the file ends where it says. */
async function checkNpy(path: string): Promise<string> {
  const { dtype, shape, nbytes, byteOffset, fileByteLength } = readHeader(path)
  const extra = fileByteLength - byteOffset - nbytes
  if (extra !== 0) {
    const what = extra < 0 ? `${-extra} bytes are missing` : `${extra} bytes are behind the data`
    const rows = await NpyWriter.recover(path).then(
      ({ headerRows, wholeRows }) => `; the header speaks of ${headerRows} rows, the file has ${wholeRows}`,
      () => '',
    )
    throw new Broken(`${what}${rows}: see npymap recover, unless it is being appended to`)
  }
  return `${dtype} [${shape.join(', ')}], ${bytesText(nbytes)}`
}

class Broken extends Error {}

/** What a check says. What is wrong with the system, and not with the file, is thrown on. */
async function verdict(file: string, check: () => string | Promise<string>): Promise<Verdict> {
  try {
    return { file, ok: true, message: await check() }
  } catch (error) {
    const codes = ['ERR_FORMAT', 'ERR_INTEGRITY', 'ERR_FAULT', 'ERR_UNSUPPORTED']
    if (error instanceof Broken || codes.some((code) => isNpymapError(error, code))) {
      return { file, ok: false, message: (error as Error).message }
    }
    throw error
  }
}
