// Pages of inflated bytes, shared by all members of an archive and bounded as a whole: the least recently used go first.

/** Bytes of a page, unless its owner says otherwise; the last page of a source is shorter. */
export const PAGE_BYTE_LENGTH: number = 64 * 1024

/** A page of one owner, all of whose pages but the last are equally long. Only the bytes `[from, to)` of it are valid. */
export class Page {
  readonly owner: object
  readonly index: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly view: DataView
  /** Where it starts in its source, in bytes. */
  readonly byteOffset: number
  from: number
  to: number
  /** Somebody is extending it. */
  busy = false
  /** Neighbours in the order of use; null at its ends, and outside the cache. */
  newer: Page | null = null
  older: Page | null = null

  constructor(
    owner: object,
    index: number,
    byteLength: number,
    from: number,
    byteOffset: number = index * PAGE_BYTE_LENGTH,
    bytes: Uint8Array<ArrayBuffer> = new Uint8Array(byteLength),
  ) {
    this.owner = owner
    this.index = index
    this.byteOffset = byteOffset
    this.bytes = bytes
    this.view = new DataView(this.bytes.buffer)
    this.from = from
    this.to = from
  }
}

/** The least recently used pages go when there are more than `byteLength` bytes of them. */
export class PageCache {
  /** The most bytes that it holds. */
  readonly byteLength: number
  #held = 0
  #newest: Page | null = null
  #oldest: Page | null = null
  #closed = false
  /** Memory of the page that went last. */
  #spare: Uint8Array<ArrayBuffer> | null = null
  readonly #byOwner = new Map<object, Map<number, Page>>()

  constructor(byteLength: number) {
    this.byteLength = byteLength
  }

  /** The bytes that it holds now. */
  get heldByteLength(): number {
    return this.#held
  }

  /** The page used last: where the next element most often is. */
  get newest(): Page | null {
    return this.#newest
  }

  /** The page, now the most recently used; undefined when it is not there. */
  get(owner: object, index: number): Page | undefined {
    const page = this.#byOwner.get(owner)?.get(index)
    if (page === undefined || page === this.#newest) return page
    this.#unlink(page)
    this.#link(page)
    return page
  }

  /** The page, its place in the order unchanged. */
  peek(owner: object, index: number): Page | undefined {
    return this.#byOwner.get(owner)?.get(index)
  }

  /** A page of an owner to be filled as a whole, in memory that may hold anything. */
  newPage(owner: object, index: number, byteLength: number, byteOffset: number): Page {
    const spare = this.#spare
    if (spare === null || spare.byteLength !== byteLength) return new Page(owner, index, byteLength, 0, byteOffset)
    this.#spare = null
    return new Page(owner, index, byteLength, 0, byteOffset, spare)
  }

  /** Puts a page in, in the place of an older one for the same bytes; nothing after `close()`. */
  put(page: Page): void {
    if (this.#closed || page.bytes.byteLength > this.byteLength) return
    const old = this.peek(page.owner, page.index)
    if (old !== undefined) this.#remove(old)
    const pages = this.#byOwner.get(page.owner) ?? new Map<number, Page>()
    this.#byOwner.set(page.owner, pages)
    pages.set(page.index, page)
    this.#link(page)
    this.#held += page.bytes.byteLength
    while (this.#held > this.byteLength && this.#oldest !== null) {
      const { bytes, busy } = this.#remove(this.#oldest)
      // Nobody has it but the cache: pages are read from as soon as they are got.
      if (!busy) this.#spare = bytes
    }
  }

  /** Bytes of the pages of one source that overlap `[start, end)`. */
  heldBetween(owner: object, start: number, end: number): number {
    let held = 0
    for (const page of this.#byOwner.get(owner)?.values() ?? []) {
      const [low, high] = [page.byteOffset + page.from, page.byteOffset + page.to]
      held += Math.max(0, Math.min(high, end) - Math.max(low, start))
    }
    return held
  }

  /** Lets go of everything, for good. */
  close(): void {
    this.#closed = true
    this.#byOwner.clear()
    this.#newest = null
    this.#oldest = null
    this.#held = 0
    this.#spare = null
  }

  #link(page: Page): void {
    page.older = this.#newest
    page.newer = null
    if (this.#newest !== null) this.#newest.newer = page
    this.#newest = page
    this.#oldest ??= page
  }

  #unlink(page: Page): void {
    if (page.newer === null) this.#newest = page.older
    else page.newer.older = page.older
    if (page.older === null) this.#oldest = page.newer
    else page.older.newer = page.newer
    page.newer = null
    page.older = null
  }

  #remove(page: Page): Page {
    const pages = this.#byOwner.get(page.owner)
    pages?.delete(page.index)
    if (pages?.size === 0) this.#byOwner.delete(page.owner)
    this.#unlink(page)
    this.#held -= page.bytes.byteLength
    return page
  }
}
