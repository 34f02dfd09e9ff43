// Options objects: a misspelt option is an error, not a default, and so is `mmap: 'no'`.

/** Options that are true or false; a name means the same in every call. */
const FLAGS: ReadonlySet<string> = new Set(['mmap', 'sync', 'atomic', 'reserve', 'verify', 'indexCache', 'bytes'])

/** Throws `TypeError` for an option that there is none of, naming those there are, and for flags, signals and sizes that are none. */
export function checkOptions(options: unknown, allowed: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: expected an options object, got ${options === null ? 'null' : typeof options}`)
  }
  for (const name of Object.keys(options)) {
    if (!allowed.includes(name)) {
      throw new TypeError(`${what}: there is no option ${JSON.stringify(name)}; there are ${allowed.join(', ')}`)
    }
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (value === null && name === 'signal')) continue
    if (FLAGS.has(name) && typeof value !== 'boolean') {
      throw new TypeError(`${what}: ${name}: expected true or false, got ${shown(value)}`)
    }
    if (name === 'maxHeaderSize' && !(typeof value === 'number' && value >= 0)) {
      throw new TypeError(`${what}: maxHeaderSize: expected a number from 0, got ${shown(value)}`)
    }
    if (name === 'signal' && !isSignal(value)) {
      throw new TypeError(`${what}: signal: expected an AbortSignal, got ${shown(value)}`)
    }
  }
}

/** By its shape: there are other realms and polyfills. */
function isSignal(value: unknown): boolean {
  return typeof (value as Partial<AbortSignal> | null)?.throwIfAborted === 'function'
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Throws `TypeError` unless the option is one of these values. */
export function checkChoice<C extends string>(value: unknown, choices: readonly C[], what: string, hint = ''): C {
  if (choices.includes(value as C)) return value as C
  throw new TypeError(
    `${what}: expected ${choices.map((choice) => `'${choice}'`).join(', ')}, got ${shown(value)}${hint}`,
  )
}
