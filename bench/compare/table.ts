// The table of the README, from what compare.json has.

import { CAPABILITIES, type Capability, type CapabilityId } from './capabilities.ts'
import type { Outcome } from './probe.ts'
import { TOOLS, type ToolId } from './tools.ts'

export interface Cell extends Outcome {
  /** The most memory of the process in MiB, where the question is about memory. */
  readonly peakMiB?: number
}

export interface Comparison {
  readonly date: string
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly cells: Readonly<Record<string, Readonly<Record<string, Cell>>>>
}

/** Answers whose reason is in a note below the table: a tick that is less than it seems, or a cross that is. */
const EXPLAINED: readonly (readonly [CapabilityId, ToolId])[] = [
  ['npy', 'npyjs'],
  ['large', 'mmap-io'],
  ['zero-copy', 'mmap-io'],
  ['zero-copy', 'arrow'],
  ['compressed-slice', 'npymap'],
  ['compressed-slice', 'arrow'],
  ['http', 'h5wasm'],
  ['write-large', 'mmap-io'],
  ['append', 'zarrita'],
  ['append', 'arrow'],
  ['append', 'numpy'],
  ['resize', 'npymap'],
  ['codecs', 'zarrita'],
  ['codecs', 'h5wasm'],
  ['codecs', 'arrow'],
  ['truncated', 'npyjs'],
  ['truncated', 'numpy-ts'],
  ['truncated', 'zarrita'],
  ['truncated', 'h5wasm'],
  ['truncated', 'arrow'],
  ['truncated', 'mmap-io'],
  ['truncated', 'numpy'],
  ['close', 'mmap-io'],
  ['close', 'numpy'],
  ['no-compiler', 'npymap'],
  ['no-compiler', 'mmap-io'],
  ['browser', 'numpy'],
]

const MARKS = new Map<boolean | null, string>([
  [true, '✓'],
  [false, '✗'],
  [null, '–'],
])

function figure({ id, limit }: Capability, { ok, note, peakMiB }: Cell): string {
  if (id === 'dtypes' && ok !== null) return ` ${/^\d+ of \d+/.exec(note ?? '')?.[0] ?? ''}`
  const measured = limit !== undefined && peakMiB !== undefined && (ok === true || peakMiB > limit)
  return measured ? ` ${peakMiB} MiB` : ''
}

function cellOf({ cells }: Comparison, capability: CapabilityId, tool: ToolId): Cell {
  const cell = cells[capability]?.[tool]
  if (cell === undefined) throw new Error(`no answer of ${tool} on ${capability}`)
  return cell
}

/** What lies between `compare:begin` and `compare:end` in the README. */
export function compareTable(comparison: Comparison): string {
  const notes: string[] = []
  const numberOf = (note: string): number => {
    if (!notes.includes(note)) notes.push(note)
    return notes.indexOf(note) + 1
  }
  const rows = CAPABILITIES.map((capability) => {
    const marks = TOOLS.map(({ id }) => {
      const cell = cellOf(comparison, capability.id, id)
      const isExplained = EXPLAINED.some(([of, tool]) => of === capability.id && tool === id)
      const sup = isExplained && cell.note !== undefined ? ` <sup>${numberOf(cell.note)}</sup>` : ''
      return `${MARKS.get(cell.ok)}${figure(capability, cell)}${sup}`
    })
    return `| ${[capability.title, ...marks].join(' | ')} |`
  })
  const { date, machine, versions } = comparison
  const versionList = TOOLS.map(({ id, title }) => `${title} ${versions[id]}`).join(', ')
  return `| | ${TOOLS.map(({ title }) => title).join(' | ')} |
|---|${TOOLS.map(() => ':---:').join('|')}|
${rows.join('\n')}

${notes.map((note, i) => `<sup>${i + 1}</sup> ${note}`).join('; ')}.

✓ did it, ✗ did not or has nothing to do it with, – the question does not arise. zarrita, h5wasm and Arrow were asked with arrays in their own formats. MiB: the most
memory of the process. [Why each cell is what it is](bench/compare.json), from \`npm run bench:compare\` on ${date}: ${versionList}; Node ${versions.node}, ${machine}.`
}
