// npymap verify: is a file what it says it is?

import { statSync } from 'node:fs'
import { Command } from 'commander'
import {
  isNpymapError,
  NpyWriter,
  type NpzFile,
  type NpzRecovery,
  NpzWriter,
  openNpz,
  readHeader,
  type UnsupportedError,
} from '../index.ts'
import { EXIT } from './failure.ts'
import { progressOf } from './progress.ts'
import { type Context, isQuiet, passOver, print } from './run.ts'
import {
  isArchive,
  layoutFor,
  openTarget,
  parseTarget,
  type RawLayout,
  shapeText,
  type Target,
  withRawOptions,
} from './target.ts'
import { behindText, bytesText, countText, nameText } from './text.ts'

interface VerifyOptions extends RawLayout {
  readonly json?: boolean
}

interface Verdict {
  readonly file: string
  readonly ok: boolean
  readonly message: string
}

/** A check of one file or member, and what to call it. */
interface Check {
  readonly file: string
  readonly run: () => string | Promise<string>
}

/** The command. */
export function verifyCommand(context: Context): Command {
  const command = new Command('verify')
    .description('header and size of .npy files, CRC-32 and length of every member of archives, in bounded memory')
    .argument('<files...>', 'FILE.npy, FILE.npz, FILE.npz:MEMBER, or raw with --dtype and --shape')
    .option('--json', 'one line of JSON a file or member')
    .addHelpText(
      'after',
      `
Exits with 1 when anything is BROKEN: data are missing, or are not what their checksum says. What cannot be read at all is
told on standard error (with --json: a line {file, error, code}), and the exit code is the worst of all.

Beside a process that appends:
  .npy   rows that the header does not count yet are behind the data: ok, with a note
  .npz   no reader can open it until its writer is done: ok, with a note, while a writer holds its lock; BROKEN when none does
Python objects (pickle) are never read: of their members the CRC-32 is checked, of their .npy files the header alone.

Examples:
  npymap verify *.npy model.npz
  npymap verify model.npz:w
  npymap verify samples.raw --dtype '<i2' --shape 48000,2`,
    )
    .action(async (files: string[], options: VerifyOptions, self: Command) => {
      const json = options.json === true
      const going = { context, command: self, json }
      const judge = async ({ file, run }: Check): Promise<void> => {
        try {
          const { ok, message } = await verdictOf({ file, run })
          if (!ok) context.exitCode = Math.max(context.exitCode, EXIT.negative)
          const line = `${ok ? 'ok    ' : 'BROKEN'}  ${nameText(file)}: ${nameText(message)}`
          await print(`${json ? JSON.stringify({ file, ok, message }) : line}\n`)
        } catch (error) {
          await passOver(error, file, going)
        }
      }
      for (const text of files) {
        const target = parseTarget(text)
        if (isArchive(target)) await judgeArchive(target, { signal: context.signal, quiet: isQuiet(self), judge })
        else if (layoutFor(text, options).dtype !== undefined)
          await judge({ file: text, run: () => checkRaw(text, options) })
        else await judge({ file: text, run: () => checkNpy(target.path) })
      }
    })
  return withRawOptions(command)
}

/** What a check says. What is wrong with the system, and not with the file, is thrown on. */
async function verdictOf({ file, run }: Check): Promise<Verdict> {
  try {
    return { file, ok: true, message: await run() }
  } catch (error) {
    const codes = ['ERR_FORMAT', 'ERR_INTEGRITY', 'ERR_FAULT']
    if (error instanceof Broken || codes.some((code) => isNpymapError(error, code))) {
      return { file, ok: false, message: (error as Error).message }
    }
    throw error
  }
}

class Broken extends Error {}

/** That the file is as long as its layout; there is nothing else to hold it against. */
function checkRaw(path: string, layout: RawLayout): string {
  const { view, close } = openTarget(path, layout)
  try {
    const { dtype, shape, nbytes } = view
    const behind = statSync(path).size - (layout.offset ?? 0) - nbytes
    const text = `${dtype} ${shapeText(shape)}, ${bytesText(nbytes)}`
    return behind === 0 ? text : `${text}; ${countText(behind)} bytes behind it`
  } finally {
    close()
  }
}

/** The header, and that the file has what it speaks of. */
async function checkNpy(path: string): Promise<string> {
  try {
    const { dtype, shape, nbytes, byteOffset, fileByteLength } = readHeader(path)
    const behind = fileByteLength - byteOffset - nbytes
    if (behind < 0) throw new Broken(`${-behind} bytes are missing${await rowsText(path)}: see npymap recover`)
    const text = `${dtype} ${shapeText(shape)}, ${bytesText(nbytes)}`
    return behind === 0 ? text : `${text}; ${behindText(behind)}`
  } catch (error) {
    if (isOfObjects(error)) return `${OBJECTS}: not read by npymap`
    throw error
  }
}

async function rowsText(path: string): Promise<string> {
  try {
    const { headerRows, wholeRows } = await NpyWriter.recover(path)
    return `; the header speaks of ${headerRows} rows, the file has ${wholeRows}`
  } catch {
    // An array without rows.
    return ''
  }
}

const OBJECTS = 'Python objects (pickle)'

/** Files of Python objects may well be whole. */
function isOfObjects(error: unknown): boolean {
  return isNpymapError(error, 'ERR_UNSUPPORTED') && (error as UnsupportedError).feature === 'object dtype'
}

interface Judging {
  readonly signal: AbortSignal
  readonly quiet: boolean
  readonly judge: (check: Check) => Promise<void>
}

async function judgeArchive({ path, member }: Target, { signal, quiet, judge }: Judging): Promise<void> {
  const { archive, note } = await openedArchive(path)
  if (note !== null) await judge({ file: path, run: note })
  if (archive === null) return
  try {
    for (const name of member === null ? [...archive.keys()] : [member]) {
      await judge({ file: `${path}:${name}`, run: async () => checkMember(archive, name, signal, quiet) })
    }
    for (const name of member === null ? archive.sharedNames : []) {
      await judge({
        file: `${path}:${name}`,
        run: () => 'earlier members have this name, too: not checked, nobody reads them',
      })
    }
  } finally {
    archive.close()
  }
}

async function checkMember(archive: NpzFile, name: string, signal: AbortSignal, quiet: boolean): Promise<string> {
  const { text, byteLength } = describe(archive, name)
  const progress = progressOf(name, byteLength, quiet)
  try {
    await archive.verify(name, { signal, onProgress: (more) => progress.add(more) })
  } finally {
    progress.end()
  }
  return text
}

function describe(archive: NpzFile, name: string): { text: string; byteLength: number } {
  try {
    const { byteLength, isArray, shape, dtype } = archive.info(name)
    const layout = isArray ? `${dtype} ${shapeText(shape)}` : 'no array'
    return { text: `${layout}, ${bytesText(byteLength)}`, byteLength }
  } catch (error) {
    if (!isOfObjects(error)) throw error
    return { text: `${OBJECTS}: its CRC-32 is right, npymap reads no more of it`, byteLength: 0 }
  }
}

interface OpenedArchive {
  readonly archive: NpzFile | null
  /** What there is to say of the archive as a whole. */
  readonly note: (() => string) | null
}

/** The archive, or what keeps it from being opened. */
async function openedArchive(path: string): Promise<OpenedArchive> {
  try {
    const archive = openNpz(path)
    const { leftoverByteLength } = (await lookAt(path)) ?? { leftoverByteLength: 0 }
    const note = `${countText(leftoverByteLength)} bytes behind the archive: see npymap recover`
    return { archive, note: leftoverByteLength === 0 ? null : () => note }
  } catch (error) {
    const found = isNpymapError(error, 'ERR_FORMAT') ? await lookAt(path) : null
    const thrown = (): never => {
      throw error
    }
    if (found === null || found.whole) return { archive: null, note: thrown }
    const { memberCount, leftoverByteLength } = found
    const seen = `${countText(memberCount)} members, and ${countText(leftoverByteLength)} bytes of an append behind them`
    const isWritten = await hasWriter(path)
    if (isWritten === true) {
      return { archive: null, note: () => `${seen}: being appended to, nobody can read it until its writer is done` }
    }
    const broken = (): never => {
      const why = isWritten === null ? 'being appended to, or its writer died' : 'its writer died'
      throw new Broken(`${seen}: ${why}; see npymap recover`)
    }
    return { archive: null, note: broken }
  }
}

async function lookAt(path: string): Promise<NpzRecovery | null> {
  try {
    return await NpzWriter.recover(path)
  } catch {
    // Nothing in it is an archive, as openNpz says better.
    return null
  }
}

/**
 * True when a process has the writer's lock of an archive that does not end as archives do: nobody else can append to it, so
 * that trying is in nobody's way. Null where there are no locks, or no right to write.
 */
async function hasWriter(path: string): Promise<boolean | null> {
  try {
    await (await NpzWriter.append(path)).abort()
    return false
  } catch (error) {
    if (isNpymapError(error, 'EWOULDBLOCK')) return true
    return isNpymapError(error, 'ERR_FORMAT') ? false : null
  }
}
