// How wide text is, without the font: advance widths of DejaVu Sans, in thousandths of its size.

/** From space to tilde. */
const ADVANCES: readonly number[] = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
  636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
  748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
  615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
  337, 636, 838,
]
const OTHERS: Readonly<Record<string, number>> = { '\u2009': 200, '·': 318, '…': 1000, '⁻': 528 }
/** As high as they are wide, in every font that has them. */
const WIDE =
  /[\u{2E80}-\u{A4CF}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FF00}-\u{FF60}\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFF}]/u
const SUPERSCRIPT = /[⁰¹²³⁴⁵⁶⁷⁸⁹]/

/** In the unit of the size. */
export function textWidth(text: string, size: number): number {
  let sum = 0
  for (const character of text) {
    const advance = ADVANCES[(character.codePointAt(0) as number) - 32]
    sum += advance ?? OTHERS[character] ?? (SUPERSCRIPT.test(character) ? 401 : WIDE.test(character) ? 1000 : 838)
  }
  return (sum * size) / 1000
}

/** Text and size that fit a width: smaller first, then with its middle left out. */
export function fitted(text: string, width: number, size: number, least: number): { text: string; size: number } {
  const needed = textWidth(text, size)
  if (needed <= width) return { text, size }
  const smaller = Math.max(least, Math.floor((size * width * 2) / needed) / 2)
  const characters = [...text]
  let shown = text
  for (let keep = characters.length - 1; keep > 1 && textWidth(shown, smaller) > width; keep--) {
    const head = Math.ceil(keep / 2)
    shown = `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (keep - head)).join('')}`
  }
  return { text: shown, size: smaller }
}
