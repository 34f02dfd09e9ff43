// The README's table of what the library survives says what the long run counted: `npm run torture` writes it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SURVIVAL_ROWS } from './support/survival-rows.ts'

interface Figures {
  readonly rows: Readonly<Record<string, { readonly tried: number; readonly failed: number }>>
  readonly steps: Readonly<Record<string, { readonly date: string; readonly commit: string; readonly ok: boolean }>>
}

const root = join(import.meta.dirname, '..')
const figures = JSON.parse(readFileSync(join(root, 'torture/figures.json'), 'utf8')) as Figures
const BEGIN = '<!-- survives:begin -->\n'
const END = '<!-- survives:end -->'

function table(): string {
  const lines = SURVIVAL_ROWS.map(({ id, fault, promise, numpy }) => {
    const { tried, failed } = figures.rows[id] ?? { tried: 0, failed: 0 }
    return `| ${fault} | ${promise} | ${tried.toLocaleString('en').replaceAll(',', ' ')} | ${failed} | ${numpy} |`
  })
  const { date, commit } = figures.steps.faults!
  return `| what is done to it | what holds | tried | failed | NumPy |
|---|---|---:|---:|---|
${lines.join('\n')}

Counted by \`npm run torture\`, ${date}, at ${commit}.
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
