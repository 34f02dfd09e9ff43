// Numbers and tables as people read them.

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `36.9 GiB`. */
export function bytesText(byteLength: number): string {
  let value = byteLength
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? Math.round(value) : value.toPrecision(value < 100 ? 3 : 4)} ${UNITS[unit]}`
}

/** `12 000 000`. */
export function countText(count: number | bigint): string {
  return count.toLocaleString('en').replaceAll(',', ' ')
}

/** `1 element`, `12 000 elements`. */
export function elementsText(count: number): string {
  return `${countText(count)} element${count === 1 ? '' : 's'}`
}

/** Columns of equal width, two spaces apart; those named in `right` are set to the right. */
export function tableText(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widthOf = (column: number): number =>
    rows.reduce((width, row) => Math.max(width, [...(row[column] ?? '')].length), 0)
  const widths = rows[0]?.map((_, column) => widthOf(column)) ?? []
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const fill = ' '.repeat((widths[column] ?? 0) - [...cell].length)
        return right.includes(column) ? fill + cell : cell + fill
      })
      .join('  ')
      .trimEnd()
  return `${rows.map(line).join('\n')}\n`
}

/** A name as a terminal may get it: what would move the cursor, colour or turn text round is shown by its code. */
export function nameText(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** Of bytes that a header does not count. */
export function behindText(byteLength: number): string {
  return `${countText(byteLength)} bytes behind the data: being appended to, or its writer died (npymap recover)`
}

/** A number for JSON with all digits: as text where JavaScript's numbers have not enough. */
export function exactNumber(value: number | bigint): number | string {
  return typeof value === 'number' || Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
}
