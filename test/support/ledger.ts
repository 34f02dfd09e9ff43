// What was tried, how often, and how often it failed: kept for the table of the README when NPYMAP_LEDGER names a file.

import { appendFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { SurvivalRow } from './survival-rows.ts'

/** How a row's trials went. */
export interface Tally {
  readonly tried: number
  readonly failed: number
  /** How often each outcome was seen. */
  readonly seen?: Readonly<Record<string, number>>
}

/** Notes the trials, and fails when one of them did. */
export function record(row: SurvivalRow['id'], tally: Tally): void {
  const file = process.env.NPYMAP_LEDGER
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify({ row, ...tally })}\n`)
  expect(tally.tried, `${row}: nothing was tried`).toBeGreaterThan(0)
  expect({ row, failed: tally.failed }).toEqual({ row, failed: 0 })
}

/** How often a test of chance is tried: as often as the environment says, or as often as a quick run allows. */
export function trials(name: 'CHURN_TRIALS' | 'KILL_RUNS' | 'POWER_RUNS' | 'RACE_RUNS', quick: number): number {
  const count = Number(process.env[name] ?? quick)
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`${name}: expected a whole number above 0`)
  return count
}
