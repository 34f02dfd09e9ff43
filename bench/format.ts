// Figures as people read them, and tables: aligned for a terminal, Markdown for a page.

const KIB = 1024
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Three significant digits, without an exponent. */
export function threeDigits(value: number): string {
  if (value === 0) return '0'
  // Rounded first: 0.9999 has one digit before the point when shown.
  const rounded = Number(value.toPrecision(3))
  return rounded.toFixed(Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(Math.abs(rounded))))))
}

/** `41.2 µs`, `3.10 s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${threeDigits(nanoseconds)} ns`
  if (nanoseconds < 1e6) return `${threeDigits(nanoseconds / 1e3)} µs`
  if (nanoseconds < 1e9) return `${threeDigits(nanoseconds / 1e6)} ms`
  return `${threeDigits(nanoseconds / 1e9)} s`
}

/** `5.00 GiB`, `812 KiB`. */
export function formatBytes(byteLength: number): string {
  let value = Math.abs(byteLength)
  let unit = 0
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= KIB
    unit++
  }
  const text = unit === 0 ? String(value) : threeDigits(value)
  return `${byteLength < 0 ? '-' : ''}${text} ${BYTE_UNITS[unit]}`
}

/** Memory that came on top: what is below 50 KiB is noise of the runtime and shown as 0. */
export function formatGrowth(byteLength: number): string {
  if (Math.abs(byteLength) < 50 * KIB) return '0'
  return byteLength < 0 ? formatBytes(byteLength) : `+${formatBytes(byteLength)}`
}

/** `1.36 GB/s`, `81,400 rows/s`. */
export function formatRate(perSecond: number, unit: 'row' | 'byte'): string {
  if (unit === 'byte') return `${threeDigits(perSecond / 1e9)} GB/s`
  return `${formatCount(Number(perSecond.toPrecision(3)))} rows/s`
}

/** `1,747,627`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width)
}

/** Lines of an aligned table: the titles first, then the rows. */
export function alignTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => pad(cells[at] ?? '', widths[at]!, align))
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)]
}

/** The same as Markdown. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = `|${columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join('|')}|`
  return [cells(columns.map(({ title }) => title)), rule, ...rows.map(cells)].join('\n')
}
