// SVG as text: elements, escaping, numbers of few digits. The same input gives the same bytes.

export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element. Its children are elements already; text goes through `escaped`. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  const written = given.map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? num(value) : escaped(value as string)}"`,
  )
  const inside = children.join('')
  return `<${name}${written.join('')}${inside === '' ? '/>' : `>${inside}</${name}>`}`
}

/** A number in hundredths: finer than any screen or printer shows. */
export function num(value: number): string {
  const text = value.toFixed(2).replace(/\.?0+$/, '')
  return text === '-0' ? '0' : text
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text that is safe between tags and in attributes; characters that XML has no place for become `\uFFFD`. */
export function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
}

/** A whole document. */
export function documentOf(width: number, height: number, ...children: readonly string[]): string {
  const size = { width, height, viewBox: `0 0 ${num(width)} ${num(height)}` }
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', ...size, 'font-family': FONTS }, '\n', ...children.map((child) => `${child}\n`))}\n`
}

/** Verdana is as wide as DejaVu Sans, which text is measured for. */
const FONTS = "'DejaVu Sans', Verdana, sans-serif"

/** A picture in the picture, whose pixels stay squares. */
export function imageOf(png: Uint8Array, place: Attributes): string {
  const href = `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  return element('image', { ...place, preserveAspectRatio: 'none', 'image-rendering': 'optimizeSpeed', href })
}
