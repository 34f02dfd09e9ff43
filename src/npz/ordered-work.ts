// Work that is done on other threads at the same time, and used one after another.

/** Pieces of work under way at once, and so the results held in memory. */
const MOST_UNDER_WAY = 4
/** Pieces that wait behind work under way, those included that were done at once. */
const MOST_WAITING = 64

interface Piece<R> {
  readonly result: R | Promise<R>
  readonly use: (result: R) => Promise<void> | void
}

/** A queue of results: each is used once it is there and those before it have been used. */
export class OrderedWork {
  #pieces: Piece<unknown>[] = []
  #underWay = 0

  /**
   * Starts a piece of work once there is room for its result, which is used at once or by a later call. Throws what any
   * piece before it failed with.
   */
  async add<R>(start: () => R | Promise<R>, use: (result: R) => Promise<void> | void): Promise<void> {
    while (this.#underWay >= MOST_UNDER_WAY || this.#pieces.length >= MOST_WAITING) await this.#useFirst()
    const result = start()
    this.#pieces.push({ result, use } as Piece<unknown>)
    if (result instanceof Promise) {
      this.#underWay++
      // Whoever uses it hears of a failure; until then it must not end the process.
      result.catch(() => {})
    }
    while (this.#pieces.length > 0 && !(this.#pieces[0]!.result instanceof Promise)) await this.#useFirst()
  }

  /** Resolves when all of it has been used. */
  async drain(): Promise<void> {
    while (this.#pieces.length > 0) await this.#useFirst()
  }

  /** Forgets what was not used. */
  drop(): void {
    this.#pieces = []
    this.#underWay = 0
  }

  async #useFirst(): Promise<void> {
    const { result, use } = this.#pieces.shift()!
    if (!(result instanceof Promise)) return use(result)
    this.#underWay--
    await use(await result)
  }
}
