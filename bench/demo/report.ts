// The demo's tables.

import { alignTable, type Column, formatBytes, formatDuration, formatGrowth } from '../format.ts'
import type { Message, Step } from './measure.ts'

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'size', align: 'right' },
  { title: 'first time', align: 'right' },
  { title: 'again', align: 'right' },
  { title: 'memory', align: 'right' },
  { title: 'JS heap', align: 'right' },
  { title: 'file pages', align: 'right' },
  { title: '  call' },
]

/** Terminal colours, only where there is a terminal that wants them. */
const coloured = process.stdout.isTTY && !process.env.NO_COLOR
export const bold = (text: string): string => (coloured ? `\x1b[1m${text}\x1b[22m` : text)
export const dim = (text: string): string => (coloured ? `\x1b[2m${text}\x1b[22m` : text)

/** Memory of the process's own that a step took: all but the pages of files. */
function ownGrowth({ before, after }: Step): number {
  return after.rss - (after.filePages ?? 0) - (before.rss - (before.filePages ?? 0))
}

function cells(step: Step): string[] {
  const { before, after } = step
  const pages = after.filePages === null || before.filePages === null ? null : after.filePages - before.filePages
  return [
    step.what,
    step.byteLength === null ? '' : formatBytes(step.byteLength),
    formatDuration(step.firstNs),
    step.againNs === null ? '' : formatDuration(step.againNs),
    formatGrowth(ownGrowth(step)),
    formatGrowth(after.jsHeap - before.jsHeap),
    pages === null ? '' : formatGrowth(pages),
    `  ${step.code}`,
  ]
}

/** Prints the steps, and what could not be done. */
export function printSteps(title: string, messages: readonly Message[]): void {
  console.log(`\n${bold(title)}`)
  const steps = messages.flatMap((message) => ('step' in message ? [message.step] : []))
  for (const message of messages) {
    if ('refused' in message) console.log(`  ${message.refused.what}: ${message.refused.reason}`)
  }
  if (steps.length === 0) return
  const [head, ...lines] = alignTable(COLUMNS, steps.map(cells))
  console.log(dim(`  ${head}`))
  for (const line of lines) console.log(`  ${line}`)
}

/** Prints names and values in two columns. */
export function printFacts(facts: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) console.log(`  ${dim(name.padEnd(width))}  ${value}`)
}

/** What it all comes to: time and memory up to the first row in hand. */
export function printSummary(mapped: readonly Message[], whole: readonly Message[]): void {
  const lines: [string, string][] = []
  for (const [name, messages] of [
    ['npymap', mapped],
    ['the whole file first', whole],
  ] as const) {
    const steps = messages.flatMap((message) => ('step' in message ? [message.step] : []))
    const start =
      steps.findIndex(({ what }) => what === 'open') + steps.findLastIndex(({ what }) => what === 'the whole file') + 1
    const end = steps.findIndex(({ what }) => what === 'one row')
    if (start < 0 || end < start) continue
    const taken = steps.slice(start, end + 1)
    const ns = taken.reduce((sum, { firstNs }) => sum + firstNs, 0)
    const bytes = taken.reduce((sum, step) => sum + ownGrowth(step), 0)
    lines.push([name, `${formatDuration(ns)}, ${formatBytes(Math.max(0, bytes))} of memory`])
  }
  if (lines.length < 2) return
  console.log(`\n${bold('From the path to one element and one row')}`)
  printFacts(lines)
}
