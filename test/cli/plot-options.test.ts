// npymap plot: options that a picture has no use for are refused, and those that it has are not.

import { existsSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { plotCommand } from '../../src/cli/plot.ts'
import { save } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
const FILES = { heatmap: 'table.npy', line: 'line.npy', histogram: 'line.npy', image: 'image.npy' } as const
type Kind = keyof typeof FILES

beforeAll(async () => {
  const values = Float64Array.from({ length: 12 }, (_, i) => i + 1)
  await save(inFolder('table.npy'), values, { shape: [3, 4] })
  await save(inFolder('line.npy'), values)
  await save(inFolder('image.npy'), Uint8Array.from(values), { shape: [2, 2, 3] })
  await save(inFolder('records.npy'), [{ x: 1 }, { x: 2 }], { dtype: [['x', '<f8']] })
})

beforeEach(() => void vi.spyOn(process.stdout, 'write').mockReturnValue(true))
afterEach(() => void vi.restoreAllMocks())

/** The message of the error, or null. */
async function complaint(...words: string[]): Promise<string | null> {
  const command = plotCommand({ signal: new AbortController().signal, exitCode: 0 }).exitOverride()
  return command.parseAsync(words, { from: 'user' }).then(
    () => null,
    (error: Error) => error.message,
  )
}

const OPTIONS: readonly (readonly [option: string, value: readonly string[], kinds: readonly Kind[]])[] = [
  ['--cmap', ['magma'], ['heatmap']],
  ['--center', ['3'], ['heatmap']],
  ['--vmin', ['2'], ['heatmap', 'line', 'histogram']],
  ['--vmax', ['9'], ['heatmap', 'line', 'histogram']],
  ['--robust', ['1,99'], ['heatmap', 'line', 'histogram']],
  ['--log', [], ['heatmap', 'line', 'histogram']],
  ['--bins', ['3'], ['histogram']],
  ['--origin', ['lower'], ['heatmap', 'image']],
  ['--aspect', ['auto'], ['heatmap', 'image']],
  ['--width', ['500'], ['heatmap', 'line', 'histogram', 'image']],
  ['--scale', ['1'], ['heatmap', 'line', 'histogram', 'image']],
  ['--theme', ['dark'], ['heatmap', 'line', 'histogram', 'image']],
  ['--label', ['x'], ['heatmap', 'line', 'histogram']],
  ['--xlabel', ['x'], ['heatmap', 'line', 'histogram', 'image']],
  ['--ylabel', ['x'], ['heatmap', 'line', 'histogram', 'image']],
  ['--no-subtitle', [], ['heatmap', 'line', 'histogram', 'image']],
  ['--title', ['x'], ['heatmap', 'line', 'histogram', 'image']],
]

test.each(OPTIONS)('%s', async (option, value, kinds) => {
  for (const [kind, file] of Object.entries(FILES) as [Kind, string][]) {
    const out = inFolder(`${kind}${option}.svg`)
    const message = await complaint(inFolder(file), '--kind', kind, option, ...value, '-o', out)
    if (kinds.includes(kind)) expect(message, kind).toBeNull()
    else expect(message).toBe(`${option}: is for --kind ${kinds.join(' or ')}, this is ${kind}`)
    expect(existsSync(out)).toBe(kinds.includes(kind))
  }
})

test.each([
  [['table.npy', '--center', '2', '--log', '-o', 'x.svg'], '--center: has no use with --log'],
  [['table.npy', '--robust', '1,99', '--vmin', '0', '--vmax', '1', '-o', 'x.svg'], '--robust: has no use with'],
  [['line.npy', '--label', 'a', '--ylabel', 'b', '-o', 'x.svg'], '--label: has no use with --ylabel'],
  [
    ['line.npy', '--kind', 'histogram', '--label', 'a', '--xlabel', 'b', '-o', 'x.svg'],
    '--label: has no use with --xlabel',
  ],
  [['table.npy', '--terminal', '--xlabel', 'x'], '--xlabel: is for figures'],
  [['table.npy', '--terminal', '--ylabel', 'x'], '--ylabel: is for figures'],
  [['table.npy', '--terminal', '--label', 'x'], '--label: is for figures'],
  [['table.npy', '--terminal', '--width', '50'], '--width: is for figures'],
  [['table.npy', '--terminal', '--height', '50'], '--height: is for figures'],
  [['table.npy', '--terminal', '--scale', '2'], '--scale: is for figures'],
  [['line.npy', '--terminal', '--theme', 'dark'], '--theme: is for figures'],
  [['table.npy', '--order', 'F', '-o', 'x.svg'], 'need --dtype'],
  [['records.npy', '--field', 'z', '-o', 'x.svg'], 'there is no "z"'],
])('%j', async ([file, ...words], message) => {
  const moved = words.map((word) => (word === 'x.svg' ? inFolder(word) : word))
  expect(await complaint(inFolder(file as string), ...moved)).toContain(message)
  expect(existsSync(inFolder('x.svg'))).toBe(false)
})

test('a field of structured elements', async () => {
  expect(await complaint(inFolder('records.npy'), '--field', 'x', '-o', inFolder('field.svg'))).toBeNull()
  expect(existsSync(inFolder('field.svg'))).toBe(true)
})
