// The rows of a trial in turns, and which trials are wanted.

import { formatDuration } from '../format.ts'
import { median } from '../results.ts'
import type { Answer } from './task.ts'
import type { BaseRow, BaseTrial, Measured, Result } from './trial.ts'

/** What happens in one turn of a row. */
export interface Turn<R extends BaseRow> {
  readonly run: (row: R, round: number) => Answer | Promise<Answer>
  /** In place of the checksum and the file length of the answer, of what was written. */
  readonly written?: (answer: Answer) => { readonly checksum: string; readonly byteLength: number }
  /** What the checksums of a round are of: only equal things are compared. The same in all rounds when left out. */
  readonly subject?: (round: number) => string
}

export async function runInTurns<R extends BaseRow>(
  trial: BaseTrial<R>,
  rows: readonly R[],
  rounds: number,
  turn: Turn<R>,
): Promise<Result<R>[]> {
  const results = rows.map(
    (row): Result<R> => ({
      ...{ row, samples: [], cpu: [], peaks: [], filePages: [], delays: [] },
      ...{ checksums: new Map(), byteLength: null, error: null },
    }),
  )
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way round: whoever comes first in one comes last in the next.
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      if (result.error !== null) continue
      const answer = await turn.run(result.row, round)
      const written = turn.written?.(answer)
      if ('error' in answer) {
        result.error = answer.error
        continue
      }
      result.samples.push(...answer.samples)
      result.cpu.push(...answer.cpu)
      if (answer.peakGrowth !== null) result.peaks.push(answer.peakGrowth)
      if (answer.filePagesGrowth !== null) result.filePages.push(answer.filePagesGrowth)
      if (answer.delay !== undefined) result.delays.push(answer.delay)
      result.byteLength = written?.byteLength ?? null
      const checksum = written?.checksum ?? answer.checksum
      if (checksum === '') continue
      const subject = turn.subject?.(round) ?? ''
      const before = result.checksums.get(subject)
      // One engine that differs from itself differs from the others, too.
      result.checksums.set(subject, before === undefined || before === checksum ? checksum : `${before}, ${checksum}`)
    }
  }
  const per = trial.unit === undefined || trial.unit === 'operation' ? '' : ` a ${trial.unit}`
  const text = results.map(
    ({ row, samples, error }) => `${row.title} ${error ?? formatDuration(median(samples)) + per}`,
  )
  console.error(`${trial.name}: ${text.join('; ')}`)
  return results
}

/** The trials that the words name, all of them without words. */
export function chosen<T extends { readonly name: string }>(trials: readonly T[], words: readonly string[]): T[] {
  for (const word of words) {
    if (!trials.some(({ name }) => name.includes(word))) throw new Error(`no trial is called ${word}`)
  }
  // A whole name is that trial; part of one is every trial that has it.
  const isWanted = (name: string, word: string): boolean =>
    trials.some((trial) => trial.name === word) ? name === word : name.includes(word)
  return trials.filter(({ name }) => words.length === 0 || words.some((word) => isWanted(name, word)))
}

/** The number of an option. */
export function numberOf(text: string, name: string, least: number): number {
  const found = Number(text)
  if (!(found >= least)) throw new Error(`--${name}: expected a number from ${least}, got ${text}`)
  return found
}

/** As JSON has it. */
export function plain(measured: readonly Measured[]): object[] {
  return measured.map(({ trial: { name }, results }) => ({
    trial: name,
    results: results.map(({ checksums, ...rest }) => ({ ...rest, checksums: Object.fromEntries(checksums) })),
  }))
}
