// What a terminal can show: its size, its colours, and cells painted with them.

import type { Rgb } from './colours.ts'

/** Bits of a colour: none, a palette of 256, or all of them. */
export type Depth = 0 | 8 | 24

export interface Screen {
  readonly columns: number
  readonly rows: number
  readonly depth: Depth
}

/** As the environment tells it; 80 by 24 where nobody does. */
export function screenOf(
  { columns, rows }: { readonly columns?: number; readonly rows?: number },
  env: Readonly<Record<string, string | undefined>>,
): Screen {
  const told = (value: number | undefined, variable: string | undefined, usual: number): number =>
    value ?? (/^[1-9]\d{0,3}$/.test(variable ?? '') ? Number(variable) : usual)
  return { columns: told(columns, env.COLUMNS, 80), rows: told(rows, env.LINES, 24), depth: depthOf(env) }
}

function depthOf({ NO_COLOR, TERM, COLORTERM }: Readonly<Record<string, string | undefined>>): Depth {
  if ((NO_COLOR ?? '') !== '' || TERM === 'dumb') return 0
  return COLORTERM === 'truecolor' || COLORTERM === '24bit' ? 24 : 8
}

/** A character and its colours. */
export interface Cell {
  readonly text: string
  readonly ink: Rgb | null
  readonly ground: Rgb | null
}

/** A row of cells; colours are told only where they change. */
export function painted(cells: readonly Cell[], depth: Depth): string {
  let text = ''
  let now = ''
  for (const { text: character, ink, ground } of cells) {
    const codes = [ink === null ? '39' : codeOf(ink, 38, depth), ground === null ? '49' : codeOf(ground, 48, depth)]
    const next = depth === 0 || (ink === null && ground === null) ? '' : codes.join(';')
    if (next !== now) text += next === '' ? '\u001B[0m' : `\u001B[${next}m`
    now = next
    text += character
  }
  return now === '' ? text : `${text}\u001B[0m`
}

function codeOf([red, green, blue]: Rgb, layer: 38 | 48, depth: Depth): string {
  if (depth === 24) return `${layer};2;${red};${green};${blue}`
  return `${layer};5;${nearestOf256([red, green, blue])}`
}

const CUBE = [0, 95, 135, 175, 215, 255]

/** Of the cube of 216 colours and the 24 greys that terminals have, the one that is nearest. */
export function nearestOf256(colour: Rgb): number {
  const steps = colour.map((part) =>
    CUBE.reduce((best, level, i) => (Math.abs(level - part) < Math.abs((CUBE[best] as number) - part) ? i : best), 0),
  )
  const [r, g, b] = steps as [number, number, number]
  const mean = (colour[0] + colour[1] + colour[2]) / 3
  const grey = Math.max(0, Math.min(23, Math.round((mean - 8) / 10)))
  const distance = (other: Rgb): number => colour.reduce((sum, part, i) => sum + (part - (other[i] as number)) ** 2, 0)
  const level = 8 + 10 * grey
  const cube = distance([CUBE[r] as number, CUBE[g] as number, CUBE[b] as number])
  return distance([level, level, level]) < cube ? 232 + grey : 16 + 36 * r + 6 * g + b
}

/** Plain text as cells. */
export function plain(text: string): Cell[] {
  return [...text].map((character) => ({ text: character, ink: null, ground: null }))
}

/** Cut to a width, and free of what would move the cursor. */
export function clipped(text: string, columns: number): string {
  const characters = [...text.replaceAll('\u2009', ' ').replace(/\p{Cc}/gu, '\uFFFD')]
  return characters.length <= columns ? characters.join('') : `${characters.slice(0, columns - 1).join('')}…`
}

/** Labels below an axis of so many columns, those that have room. */
export function labelRow(ticks: readonly { readonly at: number; readonly label: string }[], columns: number): string {
  let row = ''
  for (const { at, label } of ticks) {
    const text = label.replaceAll('\u2009', ' ')
    const start = Math.max(0, Math.min(columns - text.length, Math.floor(at * columns) - Math.floor(text.length / 2)))
    if (row !== '' && start < row.length + 2) continue
    row = row.padEnd(start) + text
  }
  return row
}
