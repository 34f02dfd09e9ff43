// npymap recover: what is in a file whose writer died, and its repair.

import { Command } from 'commander'
import { NpyWriter, NpzWriter } from '../index.ts'
import { EXIT, UsageError } from './failure.ts'
import { type Context, print } from './run.ts'
import { isArchive, parseTarget, shapeText } from './target.ts'
import { countText } from './text.ts'

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
      await print(json === true ? `${JSON.stringify(found)}\n` : `${path}: ${found.text}\n`)
      if (!found.whole && !found.repaired) context.exitCode = EXIT.negative
    })
}

interface Found {
  readonly text: string
  readonly whole: boolean
  readonly repaired: boolean
}

async function npy(path: string, repair: string | true | undefined): Promise<Found> {
  if (repair !== undefined && repair !== 'rows' && repair !== 'header') {
    throw new UsageError("--repair: expected 'rows' or 'header' for an .npy file")
  }
  const found = await NpyWriter.recover(path, repair === undefined ? {} : { repair })
  const { headerRows, wholeRows, leftoverByteLength, whole, repaired, shape } = found
  const seen = `the header speaks of ${countText(headerRows)} rows, the file has ${countText(wholeRows)}${leftoverByteLength === 0 ? '' : ` and ${countText(leftoverByteLength)} bytes of another`}`
  const text = whole
    ? `whole, ${shapeText(shape)}`
    : repaired
      ? `repaired: ${seen}; now ${shapeText(shape)}`
      : `not whole: ${seen}`
  return { ...found, dtype: found.dtype.toString(), text } as Found
}

async function archive(path: string, repair: string | true | undefined): Promise<Found> {
  if (typeof repair === 'string') throw new UsageError('--repair: archives are repaired in one way; leave the word out')
  const found = await NpzWriter.recover(path, { repair: repair === true })
  const { memberCount, leftoverByteLength, whole, repaired } = found
  const seen = `${countText(memberCount)} members`
  const text = repaired
    ? `repaired: ${seen}, ${countText(leftoverByteLength)} bytes behind them cut off`
    : whole
      ? `whole, ${seen}`
      : `not whole: ${seen}, and ${countText(leftoverByteLength)} bytes of an append that died behind them`
  return { ...found, text }
}
