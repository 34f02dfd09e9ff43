// The part of Python's literal syntax that an .npy header may use (numpy.md 1.3; ast.literal_eval): dict, tuple, list,
// str, int, float, True, False, None, with comments and newlines. Refuses what no header holds (bytes, sets, complex,
// expressions, `\N{...}`), and nesting deeper than CPython's tokenizer takes. One pass, linear time, bounded stack.

import { formatPythonString } from '../layout/python-string.ts'
import { PythonFloat, PythonTuple, type PythonValue } from './python-value.ts'

export { formatPythonLiteral, PythonFloat, PythonTuple, type PythonValue } from './python-value.ts'

/** Where and why a text is not a literal. Internal: npy-header turns it into a FormatError with a byte offset. */
export class PythonLiteralError extends Error {
  override readonly name = 'PythonLiteralError'
  /** Index of the offending UTF-16 unit. */
  readonly index: number
  readonly expected: string
  readonly found: string

  constructor(index: number, expected: string, found: string) {
    super(`python literal: expected ${expected}, got ${found} (at character ${index})`)
    this.index = index
    this.expected = expected
    this.found = found
  }
}

/** CPython's MAXLEVEL of nested brackets. */
const MAX_DEPTH = 200
/** CPython's sys.int_info.default_max_str_digits: turning digits into an int takes more than linear time. */
const MAX_DECIMAL_DIGITS = 4300

const INTEGER = /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:0(?:_?0)*|[1-9](?:_?[0-9])*)/y
const FLOAT = /(?:[0-9](?:_?[0-9])*)?\.?(?:[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?/y
// Whatever is not ASCII is an error outside strings, be it a letter or not: the classes of Unicode need not be asked,
// and compiling them would cost the first file opened 1 ms.
const WORD = /[A-Za-z_\x80-\uffff][0-9A-Za-z_\x80-\uffff]*/y
const WORD_CHARACTER = /[0-9A-Za-z_\x80-\uffff]/

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
])
const HEX_ESCAPE_LENGTH: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
])

class LiteralParser {
  readonly #text: string
  readonly #allowLongSuffix: boolean
  #index = 0
  #depth = 0

  constructor(text: string, allowLongSuffix: boolean) {
    this.#text = text
    this.#allowLongSuffix = allowLongSuffix
  }

  parseAll(): PythonValue {
    const nul = this.#text.indexOf('\0')
    this.#skipBlanks()
    const value = this.#parseValue()
    this.#skipBlanks()
    if (this.#index < this.#text.length) this.#fail('nothing after the literal')
    if (nul !== -1) this.#fail('no NUL character', nul)
    return value
  }

  #fail(expected: string, index: number = this.#index): never {
    const codePoint = this.#text.codePointAt(index)
    const found = codePoint === undefined ? 'the end' : formatPythonString(String.fromCodePoint(codePoint))
    throw new PythonLiteralError(index, expected, found)
  }

  /** Blanks, newlines (also outside brackets: Python is stricter, a header never needs it), and comments. */
  #skipBlanks(): void {
    const text = this.#text
    for (;;) {
      const code = text.charCodeAt(this.#index)
      if (code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d || code === 0x0c) {
        this.#index += 1
      } else if (code === 0x23) {
        const end = text.indexOf('\n', this.#index)
        this.#index = end === -1 ? text.length : end
      } else if (code === 0x5c && text.charCodeAt(this.#index + 1) === 0x0a && this.#index + 2 < text.length) {
        // Python joins a line with the next one, but not with the end of the text.
        this.#index += 2
      } else {
        return
      }
    }
  }

  #parseValue(): PythonValue {
    const code = this.#text.charCodeAt(this.#index)
    if (code === 0x27 || code === 0x22) return this.#parseStrings()
    if (code >= 0x30 && code <= 0x39) return this.#parseNumber(1)
    switch (code) {
      case 0x28: // (
        return this.#parseTuple()
      case 0x5b: // [
        return this.#parseItems(0x5d, ']').items
      case 0x7b: // {
        return this.#parseDict()
      case 0x2e: // .
        return this.#parseNumber(1)
      case 0x2d: // -
      case 0x2b: // +
        this.#index += 1
        this.#skipBlanks()
        return this.#parseNumber(code === 0x2d ? -1 : 1)
      default:
        return this.#parseWord()
    }
  }

  #enter(): void {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} nested brackets`)
    this.#index += 1
    this.#skipBlanks()
  }

  #leave(): void {
    this.#depth -= 1
    this.#index += 1
  }

  #parseItems(close: number, closeText: string): { items: PythonValue[]; hasComma: boolean } {
    this.#enter()
    const items: PythonValue[] = []
    let hasComma = false
    while (this.#text.charCodeAt(this.#index) !== close) {
      if (items.length > 0 && !hasComma) this.#fail(`',' or '${closeText}'`)
      items.push(this.#parseValue())
      hasComma = this.#skipComma()
    }
    this.#leave()
    return { items, hasComma }
  }

  #skipComma(): boolean {
    this.#skipBlanks()
    if (this.#text.charCodeAt(this.#index) !== 0x2c) return false
    this.#index += 1
    this.#skipBlanks()
    return true
  }

  #parseTuple(): PythonValue {
    const { items, hasComma } = this.#parseItems(0x29, ')')
    const [only] = items
    return items.length === 1 && !hasComma && only !== undefined ? only : new PythonTuple(items)
  }

  #parseDict(): ReadonlyMap<PythonValue, PythonValue> {
    this.#enter()
    const dict = new Map<PythonValue, PythonValue>()
    let hasComma = true
    while (this.#text.charCodeAt(this.#index) !== 0x7d) {
      if (!hasComma) this.#fail("',' or '}'")
      const keyIndex = this.#index
      const key = this.#parseValue()
      if (Array.isArray(key) || key instanceof Map) this.#fail('a hashable key', keyIndex)
      this.#skipBlanks()
      if (this.#text.charCodeAt(this.#index) !== 0x3a) this.#fail("':'")
      this.#index += 1
      this.#skipBlanks()
      dict.set(key, this.#parseValue())
      hasComma = this.#skipComma()
    }
    this.#leave()
    return dict
  }

  #parseNumber(sign: 1 | -1): PythonValue {
    const text = this.#text
    const start = this.#index
    let index = start
    let value = 0
    let code = text.charCodeAt(index)
    while (code >= 0x30 && code <= 0x39) {
      value = value * 10 + (code - 0x30)
      index += 1
      code = text.charCodeAt(index)
    }
    // Almost every number of a header is a short run of digits with a bracket, comma or blank behind it.
    const plain = code === 0x2c || code === 0x29 || code === 0x20 || code === 0x5d
    if (plain && index > start && index - start < 16 && (text.charCodeAt(start) !== 0x30 || index - start === 1)) {
      this.#index = index
      if (code === 0x20) this.#skipLongSuffix()
      return sign * value + 0
    }
    return this.#parseLongNumber(sign)
  }

  #parseLongNumber(sign: 1 | -1): PythonValue {
    const text = this.#text
    const start = this.#index
    INTEGER.lastIndex = start
    FLOAT.lastIndex = start
    const integer = INTEGER.exec(text)?.[0] ?? ''
    const float = FLOAT.exec(text)?.[0] ?? ''
    const isFloat = float.length > integer.length && /[.eE]/.test(float) && /\d/.test(float)
    const digits = (isFloat ? float : integer).replaceAll('_', '')
    if (digits === '') this.#fail('a value')
    this.#index += isFloat ? float.length : integer.length
    this.#skipLongSuffix()
    if (WORD_CHARACTER.test(text.charAt(this.#index))) this.#fail('the end of the number')
    if (isFloat) return new PythonFloat(sign * Number(digits))
    if (digits.length > MAX_DECIMAL_DIGITS && /^\d+$/.test(digits)) {
      this.#fail(`at most ${MAX_DECIMAL_DIGITS} digits`, start)
    }
    const value = BigInt(digits) * BigInt(sign)
    const asNumber = Number(value)
    return Number.isSafeInteger(asNumber) ? asNumber : value
  }

  /** NumPy drops the name `L` after a number when Python 2 may have written the file; blanks between do not stop it. */
  #skipLongSuffix(): void {
    if (!this.#allowLongSuffix) return
    let index = this.#index
    while (this.#text.charCodeAt(index) === 0x20) index += 1
    if (this.#text.charCodeAt(index) !== 0x4c) return
    if (!WORD_CHARACTER.test(this.#text.charAt(index + 1))) this.#index = index + 1
  }

  #parseWord(): PythonValue {
    const start = this.#index
    WORD.lastIndex = start
    const word = WORD.exec(this.#text)?.[0]
    if (word === undefined) return this.#fail('a value')
    this.#index += word.length
    const quote = this.#text.charCodeAt(this.#index)
    if ((quote === 0x27 || quote === 0x22) && /^[uUrR]$/.test(word)) {
      this.#index = start
      return this.#parseStrings()
    }
    if (word === 'True') return true
    if (word === 'False') return false
    if (word === 'None') return null
    throw new PythonLiteralError(start, 'a value', `the name ${formatPythonString(word.slice(0, 40))}`)
  }

  /** One string, and those that follow it with only blanks between, which Python joins. */
  #parseStrings(): string {
    const parts: string[] = []
    for (;;) {
      let code = this.#text.charCodeAt(this.#index)
      const isPrefix = code === 0x75 || code === 0x55 || code === 0x72 || code === 0x52
      const isRaw = code === 0x72 || code === 0x52
      if (isPrefix) code = this.#text.charCodeAt(this.#index + 1)
      if (code !== 0x27 && code !== 0x22) break
      if (isPrefix) this.#index += 1
      parts.push(this.#parseString(code === 0x27 ? "'" : '"', isRaw))
      this.#skipBlanks()
    }
    return parts.length === 1 ? (parts[0] ?? '') : parts.join('')
  }

  #parseString(quote: string, isRaw: boolean): string {
    const text = this.#text
    const start = this.#index
    const isTriple = text.startsWith(quote.repeat(3), start)
    const close = isTriple ? quote.repeat(3) : quote
    const quoteCode = quote.charCodeAt(0)
    this.#index += close.length
    const parts: string[] = []
    let runStart = this.#index
    for (;;) {
      const code = text.charCodeAt(this.#index)
      if (code === quoteCode && (!isTriple || text.startsWith(close, this.#index))) break
      if (Number.isNaN(code)) this.#fail(`a closing ${close}`)
      if ((code === 0x0a || code === 0x0d) && !isTriple) this.#fail(`a closing ${close}`)
      if (code !== 0x5c && code !== 0x0d) {
        this.#index += 1
        continue
      }
      parts.push(text.slice(runStart, this.#index))
      if (code === 0x0d) {
        // Python reads every kind of line end as a newline.
        this.#index += text.charCodeAt(this.#index + 1) === 0x0a ? 2 : 1
        parts.push('\n')
      } else {
        parts.push(isRaw ? this.#takeRawEscape() : this.#parseEscape())
      }
      runStart = this.#index
    }
    const tail = text.slice(runStart, this.#index)
    this.#index += close.length
    return parts.length === 0 ? tail : parts.join('') + tail
  }

  #takeRawEscape(): string {
    const pair = this.#text.slice(this.#index, this.#index + 2)
    if (pair.length < 2) this.#fail('a character after the backslash', this.#index + 1)
    this.#index += 2
    return pair
  }

  #parseEscape(): string {
    const text = this.#text
    const start = this.#index
    const letter = text.charAt(start + 1)
    if (letter === '') this.#fail('a character after the backslash', start + 1)
    this.#index += 2
    if (letter === '\r') {
      if (text.charAt(this.#index) === '\n') this.#index += 1
      return ''
    }
    const simple = SIMPLE_ESCAPES.get(letter)
    if (simple !== undefined) return simple
    if (letter >= '0' && letter <= '7') {
      let end = start + 2
      while (end < start + 4 && text.charAt(end) >= '0' && text.charAt(end) <= '7') end += 1
      this.#index = end
      return String.fromCharCode(Number.parseInt(text.slice(start + 1, end), 8))
    }
    if (letter === 'N') this.#fail('no named character', start)
    const length = HEX_ESCAPE_LENGTH.get(letter)
    // Python keeps the backslash of an escape it does not know.
    if (length === undefined) return `\\${letter}`
    const hex = text.slice(start + 2, start + 2 + length)
    const codePoint = hex.length === length && /^[0-9a-fA-F]+$/.test(hex) ? Number.parseInt(hex, 16) : Number.NaN
    if (!(codePoint <= 0x10ffff)) this.#fail(`${length} hexadecimal digits of a character`, start)
    this.#index += length
    return String.fromCodePoint(codePoint)
  }
}

/**
 * The value of a Python literal. With `allowLongSuffix`, ints may end in `L`, as Python 2 wrote them.
 *
 * @throws {@link PythonLiteralError} when it is not one.
 */
export function parsePythonLiteral(text: string, options: { allowLongSuffix?: boolean } = {}): PythonValue {
  return new LiteralParser(text, options.allowLongSuffix ?? false).parseAll()
}
