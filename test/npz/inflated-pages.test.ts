// The page cache against a model of it: a list in the order of use.

import { describe, expect, it } from 'vitest'
import { Page, PageCache } from '../../src/storage/page-cache.ts'
import { seededRandom } from '../support/sources.ts'

const owners = [{ name: 'a' }, { name: 'b' }]

describe('the page cache', () => {
  it('lets the least recently used pages go, whoever owns them', () => {
    const random = seededRandom(8)
    const cache = new PageCache(1000)
    let model: Page[] = []
    const held = (): number => model.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
    for (let i = 0; i < 5000; i++) {
      const owner = owners[Math.floor(random() * 2)]!
      const index = Math.floor(random() * 12)
      const known = model.find((page) => page.owner === owner && page.index === index)
      const choice = random()
      if (choice < 0.5) {
        expect(cache.get(owner, index)).toBe(known)
        if (known !== undefined) model = [known, ...model.filter((page) => page !== known)]
      } else if (choice < 0.6) {
        expect(cache.peek(owner, index)).toBe(known)
      } else {
        // Now and then one that is there already, extended.
        const again = known !== undefined && random() < 0.3
        const page = again ? known : new Page(owner, index, 50 + Math.floor(random() * 150), 0)
        page.to = page.bytes.byteLength
        cache.put(page)
        model = [page, ...model.filter((other) => other !== known)]
        while (held() > 1000) model.pop()
      }
      expect([cache.heldByteLength, cache.newest]).toEqual([held(), model[0] ?? null])
    }
    for (const page of model) expect(cache.peek(page.owner, page.index)).toBe(page)
  })

  it('takes no page that is longer than it', () => {
    const cache = new PageCache(100)
    cache.put(new Page(owners[0]!, 0, 101, 0))
    expect([cache.heldByteLength, cache.newest]).toEqual([0, null])
  })

  it('takes nothing once it is closed', () => {
    const cache = new PageCache(1000)
    cache.put(new Page(owners[0]!, 0, 100, 0))
    cache.close()
    cache.put(new Page(owners[0]!, 1, 100, 0))
    expect([cache.heldByteLength, cache.peek(owners[0]!, 0), cache.peek(owners[0]!, 1)]).toEqual([
      0,
      undefined,
      undefined,
    ])
  })
})
