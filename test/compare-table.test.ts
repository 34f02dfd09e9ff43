// The README's table of other libraries says what `npm run bench:compare` found.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CAPABILITIES } from '../bench/compare/capabilities.ts'
import { type Comparison, compareTable } from '../bench/compare/table.ts'
import { TOOLS } from '../bench/compare/tools.ts'

const root = join(import.meta.dirname, '..')
const BEGIN = '<!-- compare:begin -->\n\n'
const END = '\n\n<!-- compare:end -->'
const comparison = JSON.parse(readFileSync(join(root, 'bench/compare.json'), 'utf8')) as Comparison

test('the table says what was found', () => {
  const path = join(root, 'README.md')
  const text = readFileSync(path, 'utf8')
  const [start, stop] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)]
  expect(start).toBeGreaterThan(BEGIN.length)
  const table = compareTable(comparison)
  if (process.env.NPYMAP_WRITE_TABLE === '1') writeFileSync(path, text.slice(0, start) + table + text.slice(stop))
  else expect(text.slice(start, stop)).toBe(table)
})

test('every tool was asked everything, and every cross has a reason', () => {
  expect(Object.keys(comparison.cells).toSorted()).toEqual(CAPABILITIES.map(({ id }) => id).toSorted())
  for (const { id, limit } of CAPABILITIES) {
    for (const { id: tool } of TOOLS) {
      const cell = comparison.cells[id]?.[tool]
      expect(cell, `${id} of ${tool}`).toBeDefined()
      if (cell?.ok !== true) expect(cell?.note ?? cell?.peakMiB, `${id} of ${tool}`).toBeDefined()
      if (cell?.ok === true && limit !== undefined) expect(cell.peakMiB, `${id} of ${tool}`).toBeLessThan(limit)
    }
  }
})
