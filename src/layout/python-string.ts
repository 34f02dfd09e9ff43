// Python's repr of a str: NumPy prints field names with it, both in `str(dtype)` and in the .npy header, where one other
// byte would make a file that NumPy did not write (numpy.md 1.2). Refuses nothing. Which code points count as printable
// follows the Unicode version of this JavaScript engine, as in Python it follows that of the interpreter.

const PLAIN = /^[ !#-&(-[\]-~]*$/
const UNPRINTABLE = /[\p{C}\p{Z}]/u

function escapeCodePoint(char: string, codePoint: number): string {
  if (char === '\\') return '\\\\'
  if (char === '\n') return '\\n'
  if (char === '\r') return '\\r'
  if (char === '\t') return '\\t'
  if (char === ' ' || !UNPRINTABLE.test(char)) return char
  const hex = codePoint.toString(16)
  if (codePoint <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return codePoint <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

/** `repr(text)` of Python: single quotes, double ones when the text has `'` and no `"`; non-ASCII printable text stays. */
export function formatPythonString(text: string): string {
  if (PLAIN.test(text)) return `'${text}'`
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let body = ''
  for (const char of text) {
    body += char === quote ? `\\${char}` : escapeCodePoint(char, char.codePointAt(0) ?? 0)
  }
  return quote + body + quote
}
