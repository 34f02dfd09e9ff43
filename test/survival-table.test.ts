// The README's table of what the library survives says what the long run counted: `npm run torture` writes it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SURVIVAL_ROWS } from './support/survival-rows.ts'

interface Row {
  readonly tried: number
  readonly failed: number
  readonly commit: string
  readonly date: string
}

interface Step {
  readonly date: string
  readonly commit: string
  readonly ok: boolean
  readonly minutes: number
  readonly figure: readonly string[]
}

interface Figures {
  readonly rows: Readonly<Record<string, Row>>
  readonly steps: Readonly<Record<string, Step>>
}

const root = join(import.meta.dirname, '..')
const figures = JSON.parse(readFileSync(join(root, 'torture/figures.json'), 'utf8')) as Figures
const BEGIN = '<!-- survives:begin -->\n'
const END = '<!-- survives:end -->'

/** The rows, and a line on each way of running that has no row. */
function table(): string {
  const spaced = (count: number): string => count.toLocaleString('en').replaceAll(',', ' ')
  const lines = SURVIVAL_ROWS.map(({ id, fault, promise, numpy }) => {
    const { tried, failed } = figures.rows[id] ?? { tried: 0, failed: 0 }
    return `| ${fault} | ${promise} | ${spaced(tried)} | ${failed} | ${numpy} |`
  })
  const { steps } = figures
  const native = steps['fuzz:native']!.figure.map((line) => /^(\w+)_fuzz +(\d+) executions/.exec(line)?.slice(1) ?? [])
  const executions = native.reduce((sum, [, count]) => sum + Number(count), 0)
  const commits = [...new Set(Object.values(figures.rows).map(({ commit }) => commit))]
  return `| what is done to it | what holds | tried | failed | NumPy |
|---|---|---:|---:|---|
${lines.join('\n')}

Counted by \`npm run torture\` on ${figures.rows.cut!.date}, at ${commits.join(' and ')}. Its other steps found nothing: ${spaced(executions)} executions of ${native.length}
[native fuzzers](native-notes/sanitizers.md), the whole suite with the addon under [ASan and UBSan](native-notes/sanitized-suite.md) (${steps.sanitized!.figure[0]}), the C tests under
the thread sanitizer and valgrind, and [tens of thousands of operations](native-notes/sanitized-suite.md) that left no mapping, descriptor or memory behind.
`
}

test('the table says what was counted', () => {
  const path = join(root, 'README.md')
  const text = readFileSync(path, 'utf8')
  const [start, stop] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)]
  expect(start).toBeGreaterThan(BEGIN.length)
  if (process.env.NPYMAP_WRITE_TABLE === '1') writeFileSync(path, text.slice(0, start) + table() + text.slice(stop))
  else expect(text.slice(start, stop)).toBe(table())
})

test('every row was tried, and none failed', () => {
  expect(Object.keys(figures.rows).toSorted()).toEqual(SURVIVAL_ROWS.map(({ id }) => id).toSorted())
  for (const { id } of SURVIVAL_ROWS) {
    expect(figures.rows[id]?.tried, id).toBeGreaterThan(100)
    expect(figures.rows[id]?.failed, id).toBe(0)
  }
})

test('every step of the long run passed', () => {
  expect(Object.entries(figures.steps).filter(([, { ok }]) => !ok)).toEqual([])
})
