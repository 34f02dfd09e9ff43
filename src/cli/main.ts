#!/usr/bin/env node
// The `npymap` command: looks at, checks, cuts and rewrites arrays of any size.

import { Command, CommanderError } from 'commander'
import { appendCommand } from './append.ts'
import { diffCommand } from './diff.ts'
import { EXIT, EXIT_HELP, report, UsageError } from './failure.ts'
import { infoCommand } from './info.ts'
import { plotCommand } from './plot.ts'
import { printCommand } from './print.ts'
import { recoverCommand } from './recover.ts'
import { repackCommand } from './repack.ts'
import { type Context, interruptible, watchOutput } from './run.ts'
import { sliceCommand } from './slice.ts'
import { statsCommand } from './stats.ts'
import { bracketed } from './target.ts'
import { nameText } from './text.ts'
import { verifyCommand } from './verify.ts'
import { packageVersion } from './version.ts'

const context: Context = interruptible()

/** What is wrong with the command line, in a line like those of all other errors. */
function told(help: string): (text: string, write: (text: string) => void) => void {
  return (text, write) => {
    const [what = '', near] = text.trim().split('\n')
    const hint = near === undefined ? `see ${help}` : near.replace(/^\(Did(.*)\)$/, 'did$1')
    write(`npymap: ${nameText(what.replace(/^error: /, ''))}; ${hint}\n`)
  }
}

const program = new Command('npymap')
  .description(
    'NumPy arrays of any size, from the command line. FILE is a .npy, a .npz, FILE.npz:MEMBER, or raw with --dtype.',
  )
  .version(packageVersion())
  .option('--debug', 'show where an error comes from')
  .option('-q, --quiet', 'no progress bars')
  .addHelpText('after', `${EXIT_HELP}\n\nExamples of each command: npymap help COMMAND`)
  .exitOverride()
  .configureOutput({ outputError: told('npymap help') })

for (const command of [
  infoCommand,
  printCommand,
  statsCommand,
  verifyCommand,
  sliceCommand,
  repackCommand,
  appendCommand,
  recoverCommand,
  diffCommand,
  plotCommand,
]) {
  const added = command(context).exitOverride()
  program.addCommand(added.configureOutput({ outputError: told(`npymap help ${added.name()}`) }))
}

program
  .command('help [command]')
  .description('what there is, or all of a command')
  .action((name?: string) => {
    if (name === undefined) return program.outputHelp()
    const found = program.commands.find((command) => command.name() === name)
    if (found === undefined)
      throw new UsageError(`help: there is no command ${JSON.stringify(name)}`, 'npymap help lists all')
    found.outputHelp()
  })

watchOutput(context)

try {
  await program.parseAsync(bracketed(process.argv.slice(2)), { from: 'user' })
  process.exitCode = context.exitCode
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  else process.exitCode = context.signal.aborted ? EXIT.interrupted : report(error, program.opts().debug === true)
}
