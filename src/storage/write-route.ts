// Through the page cache or past it: which way the writes of a long file go.

/** How bytes reach the disk: copied to the page cache first, or straight from our memory. */
export type Route = 'cached' | 'direct'

/** Speeds are taken over so many bytes. The first of a file are always cached: short files stay where readers find them. */
export const ROUTE_WINDOW_BYTE_LENGTH: number = 64 * 1024 * 1024

/**
 * Chooses the faster way by trying. A file that must be durable has to reach the disk in any case, so its later bytes go
 * straight there. For others both ways are timed: the page cache takes bytes faster than any disk while it has free pages
 * at hand, and slower when it has none.
 */
export class WriteRoute {
  readonly #durable: boolean
  #route: Route = 'cached'
  #possible = true
  /** Bytes per millisecond, as last seen. */
  readonly #speeds: Record<Route, number | null> = { cached: null, direct: null }
  #byteLength = 0
  #milliseconds = 0

  constructor(durable: boolean) {
    this.#durable = durable
  }

  get route(): Route {
    return this.#route
  }

  /** Counts a write that went this way. */
  note(byteLength: number, milliseconds: number): void {
    this.#byteLength += byteLength
    this.#milliseconds += milliseconds
    if (!this.#possible || this.#byteLength < ROUTE_WINDOW_BYTE_LENGTH) return
    this.#speeds[this.#route] = this.#byteLength / Math.max(this.#milliseconds, 1e-3)
    this.#byteLength = 0
    this.#milliseconds = 0
    const { cached, direct } = this.#speeds
    this.#route = this.#durable || direct === null || cached === null || direct > cached ? 'direct' : 'cached'
  }

  /** The file system, or the platform, does not write past the page cache. */
  refuseDirect(): void {
    this.#possible = false
    this.#route = 'cached'
  }
}
