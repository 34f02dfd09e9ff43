// IBM code page 437, the encoding of zip names that are not marked as UTF-8. Below 0x80 it is ASCII, as Python has it.

/** The characters 0x80 to 0xff. */
const UPPER =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'

/** One character for each byte. */
export function decodeCp437(bytes: Uint8Array): string {
  let text = ''
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number
    text += byte < 0x80 ? String.fromCharCode(byte) : (UPPER[byte - 0x80] as string)
  }
  return text
}
