// npymap recover: what is in a file whose writer died, and its repair.

import { Command } from 'commander'
import { NpyWriter, NpzWriter, readHeader } from '../index.ts'
import { EXIT, UsageError } from './failure.ts'
import { type Context, print } from './run.ts'
import { isArchive, parseTarget, shapeText } from './target.ts'
import { countText, nameText } from './text.ts'

interface RecoverCommandOptions {
  readonly repair?: string | true
  readonly json?: boolean
}

/** The command. */
export function recoverCommand(context: Context): Command {
  return new Command('recover')
    .description('tells what is whole in a file whose writer died; repairs it on request')
    .argument('<file>', 'FILE.npy or FILE.npz')
    .option(
      '--repair [how]',
      "'rows' keeps every whole row, 'header' goes back to the last checkpoint; archives need no word",
    )
    .option('--json', 'one line of JSON')
    .addHelpText(
      'after',
      `
Says how many bytes each repair cuts off (--json: wouldDrop, and droppedByteLength after it). A repair never touches a file
that is being appended to; looking does not know whether it is.
Exits with 1 when the file is not whole, and was not repaired.

Examples:
  npymap recover log.npy                         looks, and changes nothing
  npymap recover log.npy --repair rows
  npymap recover log.npy --repair header         right after a power failure
  npymap recover model.npz --repair`,
    )
    .action(async (file: string, { repair, json }: RecoverCommandOptions) => {
      const { path, member } = parseTarget(file)
      if (member !== null) throw new UsageError('recover: expected a file, got a member of an archive')
      const found = isArchive({ path, member }) ? await archive(path, repair) : await npy(path, repair)
      await print(json === true ? `${JSON.stringify(found)}\n` : `${nameText(path)}: ${found.text}\n`)
      if (!found.whole && !found.repaired) context.exitCode = EXIT.negative
    })
}

interface Found {
  readonly text: string
  readonly whole: boolean
  readonly repaired: boolean
  /** Bytes that each repair would cut off; null for one that cannot be done. */
  readonly wouldDrop: Readonly<Record<string, number | null>>
  /** Bytes that were cut off. */
  readonly droppedByteLength: number
}

async function npy(path: string, repair: string | true | undefined): Promise<Found> {
  if (repair !== undefined && repair !== 'rows' && repair !== 'header') {
    const got = repair === true ? 'no word' : JSON.stringify(repair)
    throw new UsageError(`--repair: expected rows or header for an .npy file, got ${got}`)
  }
  const { order } = readHeader(path, { maxHeaderSize: Number.MAX_SAFE_INTEGER })
  const found = await NpyWriter.recover(path, repair === undefined ? {} : { repair })
  const { headerRows, wholeRows, leftoverByteLength, whole, repaired, shape, dtype } = found
  const rowShape = order === 'F' && shape.length > 1 ? shape.slice(0, -1) : shape.slice(1)
  const rowByteLength = rowShape.reduce((product, extent) => product * extent, dtype.itemSize)
  const behindHeader = (wholeRows - headerRows) * rowByteLength + leftoverByteLength
  const wouldDrop = { rows: leftoverByteLength, header: wholeRows < headerRows ? null : behindHeader }
  const dropped = repaired && repair !== undefined ? (wouldDrop[repair] ?? 0) : 0
  const seen = `the header speaks of ${countText(headerRows)} rows, the file has ${countText(wholeRows)}${leftoverByteLength === 0 ? '' : ` and ${countText(leftoverByteLength)} bytes of another`}`
  const text = whole
    ? `whole, ${shapeText(shape)}`
    : repaired
      ? `repaired: ${seen}; now ${shapeText(shape)}, ${bytesCut(dropped)}${rowsLost(headerRows - wholeRows)}`
      : `not whole: ${seen}${rowsLost(headerRows - wholeRows)}; ${repairsText(wouldDrop)}`
  return { ...found, dtype: dtype.toString(), wouldDrop, droppedByteLength: dropped, text } as Found
}

function repairsText({ rows, header }: { readonly rows: number; readonly header: number | null }): string {
  const byRows = `--repair rows cuts off ${countText(rows)} bytes`
  return header === null ? byRows : `${byRows}, --repair header ${countText(header)}`
}

function rowsLost(count: number): string {
  return count > 0 ? `; ${countText(count)} rows are lost` : ''
}

function bytesCut(byteLength: number): string {
  return byteLength === 0 ? 'nothing cut off' : `${countText(byteLength)} bytes cut off`
}

async function archive(path: string, repair: string | true | undefined): Promise<Found> {
  if (typeof repair === 'string') throw new UsageError('--repair: archives are repaired in one way; leave the word out')
  const found = await NpzWriter.recover(path, { repair: repair === true })
  const { memberCount, leftoverByteLength, whole, repaired } = found
  const seen = `${countText(memberCount)} members`
  const bytes = `${countText(leftoverByteLength)} bytes`
  const text = repaired
    ? `repaired: ${seen}, ${bytes} behind them cut off`
    : whole
      ? `whole, ${seen}`
      : `not whole: ${seen}, and ${bytes} of an append that died behind them; --repair cuts those off`
  const droppedByteLength = repaired ? leftoverByteLength : 0
  return { ...found, wouldDrop: { archive: leftoverByteLength }, droppedByteLength, text }
}
