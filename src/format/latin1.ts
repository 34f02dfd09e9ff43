// ISO 8859-1, the text of .npy headers of version 1.0 and 2.0: each byte is one character. (TextDecoder's `latin1` is
// windows-1252, which is not the same between 0x80 and 0x9f.) Refuses characters it does not have, with null.

/** Arguments of one fromCharCode call: far below what any engine's stack takes. */
const CHARACTERS_PER_CALL = 4096

/** One character for each byte. */
export function decodeLatin1(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += CHARACTERS_PER_CALL) {
    text += String.fromCharCode.apply(null, bytes.subarray(start, start + CHARACTERS_PER_CALL) as unknown as number[])
  }
  return text
}

/** One byte for each character; null when one is above U+00FF. */
export function encodeLatin1(text: string): Uint8Array | null {
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code > 0xff) return null
    bytes[index] = code
  }
  return bytes
}
