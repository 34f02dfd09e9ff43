// Work that is done on other threads at the same time, and used one after another.

/** Pieces of work under way at once, and so the results held in memory. */
const MOST_UNDER_WAY = 4

interface Piece<R> {
  readonly result: R | Promise<R>
  readonly use: (result: R) => Promise<void> | void
}

/** A queue of results: each is used once it is there and those before it have been used. */
export class OrderedWork {
  #pieces: Piece<unknown>[] = []

  /** Starts a piece of work once there is room for its result. Throws what any piece before it failed with. */
  async add<R>(start: () => R | Promise<R>, use: (result: R) => Promise<void> | void): Promise<void> {
    while (this.#pieces.length >= MOST_UNDER_WAY) await this.#useFirst()
    const result = start()
    // Whoever uses it hears of a failure; until then it must not end the process.
    if (result instanceof Promise) result.catch(() => {})
    this.#pieces.push({ result, use } as Piece<unknown>)
  }

  /** Resolves when all of it has been used. */
  async drain(): Promise<void> {
    while (this.#pieces.length > 0) await this.#useFirst()
  }

  /** Forgets what was not used. */
  drop(): void {
    this.#pieces = []
  }

  async #useFirst(): Promise<void> {
    const { result, use } = this.#pieces.shift()!
    await use(result instanceof Promise ? await result : result)
  }
}
