// npymap print: elements as NumPy prints them.

import { Command } from 'commander'
import { countOf } from './options.ts'
import { type Context, print } from './run.ts'
import { openTarget, type RawLayout, select, withRawOptions } from './target.ts'

interface PrintCommandOptions extends RawLayout {
  readonly precision?: number
  readonly threshold?: number
  readonly edge?: number
  readonly width?: number
  readonly suppress?: boolean
  readonly field?: string
}

/** The command. */
export function printCommand(_: Context): Command {
  const command = new Command('print')
    .description("any slice, as NumPy prints it: '1:10, ..., -1'. Reads what is shown, and no more")
    .argument('<file>', 'FILE.npy, FILE.npz:MEMBER, or raw with --dtype')
    .argument('[selection]', "what NumPy has between brackets: '5', '::1000', '..., 0', '-3:, None'")
    .option('--precision <digits>', 'digits after the point, at most (8)', countOf('--precision'))
    .option('--threshold <count>', 'arrays with more elements are summarised (1000)', countOf('--threshold'))
    .option('--edge <count>', 'elements at each end of a summarised axis (3)', countOf('--edge'))
    .option('--width <characters>', 'of a line (75)', countOf('--width'))
    .option('--suppress', 'print floats near zero as zero')
    .option('--field <name>', 'a field of structured elements')
    .addHelpText(
      'after',
      `
Examples:
  npymap print embeddings.npy                    the corners of all of it
  npymap print embeddings.npy 5000000            one row
  npymap print embeddings.npy '-3:, ::100'
  npymap print model.npz:w '..., 0' --precision 3
  npymap print samples.raw --dtype '<i2' ':20'`,
    )
    .action(async (file: string, selection: string | undefined, options: PrintCommandOptions) => {
      const target = openTarget(file, options)
      try {
        const whole = options.field === undefined ? target.view : target.view.field(options.field)
        const { precision, threshold, edge: edgeItems, width: lineWidth, suppress } = options
        const given = Object.entries({ precision, threshold, edgeItems, lineWidth, suppress })
        const shown = Object.fromEntries(given.filter(([, value]) => value !== undefined))
        await print(`${select(whole, selection).toString(shown)}\n`)
      } finally {
        target.close()
      }
    })
  return withRawOptions(command)
}
