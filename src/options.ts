// Options objects: a misspelt option is an error, not a default.

/** Throws `TypeError` for an option that there is none of, naming those there are. */
export function checkOptions(options: unknown, allowed: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: expected an options object, got ${options === null ? 'null' : typeof options}`)
  }
  for (const name of Object.keys(options)) {
    if (!allowed.includes(name)) {
      throw new TypeError(`${what}: there is no option ${JSON.stringify(name)}; there are ${allowed.join(', ')}`)
    }
  }
}

/** Throws `TypeError` unless the option is one of these values. */
export function checkChoice<C extends string>(value: unknown, choices: readonly C[], what: string, hint = ''): C {
  if (choices.includes(value as C)) return value as C
  const found = typeof value === 'string' ? `'${value}'` : String(value)
  throw new TypeError(`${what}: expected ${choices.map((choice) => `'${choice}'`).join(', ')}, got ${found}${hint}`)
}
