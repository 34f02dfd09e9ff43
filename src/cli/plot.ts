// npymap plot: a picture of an array of any size.

import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { replaceFile } from './beside.ts'
import { UsageError } from './failure.ts'
import type { Reading } from './plot/cost.ts'
import { checkLook, type Look, withLook } from './plot/look.ts'
import { subjectOf } from './plot/subject.ts'
import { progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import { openTarget, type RawLayout, withRawOptions } from './target.ts'
import { bytesText, nameText } from './text.ts'

interface PlotCommandOptions extends RawLayout, Look {
  readonly field?: string
}

/** As much as a disk reads while one waits. */
const BUDGET = 64 * 1024 * 1024

/** The command. */
export function plotCommand(context: Context): Command {
  const command = new Command('plot')
    .description('a heat map, lines, a histogram or an image: to a .png or .svg, or in the terminal')
    .argument('<file>', 'FILE.npy, FILE.npz:MEMBER, or raw with --dtype')
    .argument('[selection]', "what NumPy has between brackets: '5', '::1000', '..., 0'")
    .option('--field <name>', 'a field of structured elements')
    .addHelpText(
      'after',
      `
Without --kind: lines of one axis, and of up to 10 columns (or rows) that are at least 100 elements and 20 times as long as
there are of them; images of uint8 (H, W, 3) and (H, W, 4); heat maps of the other arrays of two axes.

Arrays of more elements than the picture has pixels are drawn as means of blocks, lines as the band from least to greatest;
those of more bytes than --budget as a sample. The line below the title says which.

For heat maps: --cmap, --center; for histograms: --bins; for heat maps and images: --origin, --aspect; for all but images:
--vmin, --vmax, --robust, --log, --label; for figures, not in the terminal: --width, --height, --scale, --theme (images:
there, too), --xlabel, --ylabel, --label.

Examples:
  npymap plot embeddings.npy                       in the terminal
  npymap plot embeddings.npy ':1000' -o part.png
  npymap plot residuals.npy -o r.svg --cmap RdBu --robust 1,99
  npymap plot model.npz:w --kind histogram --log -o w.png
  npymap plot samples.raw --dtype '<i2' --shape 480000,2 --kind line -o samples.png`,
    )
    .action(async (file: string, selection: string | undefined, options: PlotCommandOptions, self: Command) => {
      const format = formatOf(options)
      const target = openTarget(file, options)
      try {
        const { budget = BUDGET } = options
        const subject = subjectOf(target, selection, options.field, options.kind)
        checkLook((option) => self.getOptionValueSource(option) === 'cli', subject.kind, format)
        const progress = progressOf('plot', Math.min(subject.view.nbytes, budget), isQuiet(self))
        const reading: Reading = {
          budget,
          signal: context.signal,
          onRead: (byteLength) => progress.add(byteLength),
        }
        try {
          // Loaded here: the other commands do without scales and colours.
          const { figureOf, rasterised, terminalPicture } = await import('./plot/draw.ts')
          if (format === 'terminal') {
            const picture = await terminalPicture(subject, options, reading)
            progress.end()
            await print(picture)
            return
          }
          const output = options.output as string
          const svg = await figureOf(subject, options, reading)
          const bytes = format === 'svg' ? Buffer.from(svg) : await rasterised(svg, options.scale, warn)
          context.signal.throwIfAborted()
          await replaceFile(output, async (temporary) => writeFileSync(temporary, bytes, { flag: 'wx' }))
          progress.end()
          await print(`${nameText(output)}: ${subject.kind} of ${subject.layout}, ${bytesText(bytes.byteLength)}\n`)
        } finally {
          progress.end()
        }
      } finally {
        target.close()
      }
    })
  return withRawOptions(withLook(command))
}

function formatOf({ output, terminal }: Look): 'terminal' | 'png' | 'svg' {
  if (output !== undefined && terminal === true) throw new UsageError('plot: expected -o or --terminal, got both')
  if (output === undefined) {
    if (terminal === true || process.stdout.isTTY) return 'terminal'
    throw new UsageError('plot: standard output is no terminal', 'give -o FILE.png or FILE.svg, or --terminal')
  }
  if (/\.png$/i.test(output)) return 'png'
  if (/\.svg$/i.test(output)) return 'svg'
  throw new UsageError(`${output}: expected a name ending in .png or .svg`)
}

function warn(text: string): void {
  process.stderr.write(`npymap: plot: ${nameText(text)}\n`)
}
