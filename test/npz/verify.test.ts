// NpzFile.verify: a member against its checksum, in bounded memory.

import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openNpz, savez, savezCompressed } from '../../src/index.ts'
import { rejectionOf, temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
const x = Float64Array.from({ length: 200_000 }, (_, i) => Math.sqrt(i))

test.each([savez, savezCompressed])('%o', async (write) => {
  const path = inFolder(`${write.name}.npz`)
  await write(path, { x, empty: new Float64Array(0) })
  using whole = openNpz(path)
  let passed = 0
  for (const name of whole.keys()) {
    await whole.verify(name, {
      onProgress(byteLength) {
        passed += byteLength
      },
    })
  }
  expect(passed).toBe(whole.info('x').byteLength + whole.info('empty').byteLength)
  expect(await rejectionOf(whole.verify('x', { signal: AbortSignal.abort() }))).toMatchObject({ name: 'AbortError' })
  expect(await rejectionOf(whole.verify('y'))).toMatchObject({ name: 'SelectionError' })
  expect(await rejectionOf(whole.verify('x', { deep: true } as never))).toBeInstanceOf(TypeError)

  const bytes = readFileSync(path)
  for (const at of [2000, 700_000, 900_000]) {
    const broken = inFolder(`broken-${write.name}-${at}.npz`)
    writeFileSync(broken, bytes.with(at, (bytes[at] as number) ^ 1))
    using z = openNpz(broken)
    const error = (await rejectionOf(z.verify('x'))) as Error
    expect(['IntegrityError', 'FormatError']).toContain(error.name)
    expect(error.message).toContain(broken)
  }
})
