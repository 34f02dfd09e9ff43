import { describe, expect, test } from 'vitest'
import { expectAlive, resultOf, runChild } from './child.ts'

const cuts = {
  'to nothing': 0,
  'inside the header': 64,
  'to a whole page': 8 * 4096,
  'in the middle of an element': 5 * 4096 + 2052,
  'between two elements of a page': 5 * 4096 + 2048,
  'in the last page': 39 * 4096 + 20,
}

describe.each(['r', 'r+', 'c', 'pread', 'pread+'])('a file cut under an array opened as %s', (how) => {
  test.each(Object.entries(cuts))('%s: every method tells or is right', async (_, left) => {
    const verdicts = await resultOf<Record<string, string>>('truncate', { args: [how, String(left)] })
    const bad = Object.entries(verdicts).filter(([, verdict]) => verdict !== 'told' && verdict !== 'right')
    expect(bad).toEqual([])
    expect(Object.keys(verdicts).length).toBeGreaterThan(40)
  })
})

describe('a file changed under an array', () => {
  test.each([
    'cut while a long read runs',
    'closed while a read runs, then cut',
    'cut while a gather runs',
    'closed while a gather runs, then cut',
    'cut in a hot loop of get',
    'replaced by rename',
    'unlinked',
    'renamed, then cut in the middle of a page',
    'cut, then written again in place',
    'cut, then made longer with zeros',
    'read through a window by system calls',
    'fault of one array does not concern another',
    'two arrays over one cut file',
  ])('%s', async (name) => {
    expect(await expectAlive(runChild('changes', { args: [name] }))).toContain('done')
  })
})
