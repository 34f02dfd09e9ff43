// What stands above the tables, and where they go.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { buildInfo } from 'npymap'
import { formatBytes } from '../format.ts'
import { disturbance } from './run.ts'

// Compiled, this file is two folders below bench/.
const benchFolder = fileURLToPath(new URL('../..', import.meta.url))

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: benchFolder, encoding: 'utf8' }).trim()
  try {
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', '../src') === '' ? '' : ' and changes')
    )
  } catch {
    // Not in a checkout.
    return 'unknown'
  }
}

/** Machine, versions, commit and date of a run that ends now. */
export function machineLine(
  versions: string,
  run: { readonly rounds: number; readonly files: string; readonly quick: boolean },
): string {
  const others = disturbance()
  return [
    `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${formatBytes(totalmem())}; ${platform()} ${release()},`,
    `${versions}. Commit ${commit()}, ${new Date().toISOString().slice(0, 10)},`,
    `${run.rounds} round${run.rounds === 1 ? '' : 's'}, load ${loadavg()[0]!.toFixed(1)} at the end${others === null ? '' : `, others on ${others.toFixed(2)} processors meanwhile`}. Files: ${run.files}.`,
    ...(run.quick ? ['Quick run, small files.'] : []),
    ...(buildInfo().addon ? [] : ['**Without the addon.**']),
  ].join(' ')
}

/** Puts the text between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. */
export function writeBetweenMarks(path: string, name: string, text: string): void {
  const [first, last] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const page = readFileSync(path, 'utf8')
  const [begin, end] = [page.indexOf(first), page.indexOf(last)]
  if (begin < 0 || end < begin) throw new Error(`${path}: expected ${first} and ${last}`)
  writeFileSync(path, `${page.slice(0, begin + first.length)}\n\n${text}\n\n${page.slice(end)}`)
}
