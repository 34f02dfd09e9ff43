// This library, as its users call it.

import { buildInfo, load, type Memmap, type NdView, type OpenOptions, open } from 'npymap'
import { places } from '../trials/trials.ts'
import { type Engine, itself, type Job, job } from './engine.ts'
import { sum } from './loops.ts'

// Loads the addon, as NumPy has loaded its C part when it was imported.
buildInfo()

type Floats = 'float32' | 'float64'

/** The library with these options of `open`. */
export function npymapEngine(options: OpenOptions): Engine {
  const copies =
    (part: (array: Memmap<Floats>) => NdView<Floats>) =>
    ({ path }: { path: string }): Job => {
      const array = open<Floats>(path, options)
      return itself<Float32Array | Float64Array>(() => part(array).toTypedArray())
    }
  // Zero copy where the file is mapped; that is what one would write for each.
  const elements = (view: NdView<Floats>): Float32Array | Float64Array =>
    options.mmap === false ? view.toTypedArray() : view.typedArray

  return {
    jobs: {
      'first-open': ({ path, row, column }) =>
        job({
          run: () => {
            const array = open<'float32'>(path, options)
            return { array, element: array.get(row, column) }
          },
          value: ({ element }) => element,
          release: ({ array }) => array.close(),
        }),
      open: ({ path, row, column, operations }) =>
        itself(() => {
          let element = 0
          for (let i = 0; i < operations; i++) {
            const array = open<'float32'>(path, options)
            element = array.get(row, column)
            array.close()
          }
          return element
        }),
      get: (task) => {
        const array = open<'float32'>(task.path, options)
        const at = places(task)
        return itself(() => {
          let total = 0
          for (let i = 0; i < at.length; i += 2) total += array.get(at[i]!, at[i + 1]!)
          return total
        })
      },
      stepped: copies((array) => array.slice('::2', '::3')),
      'swap-f4': copies((array) => array),
      'swap-f8': copies((array) => array),
      'transpose-f4': copies((array) => array.transpose()),
      'transpose-f8': copies((array) => array.transpose()),
      column: ({ path, column }) => copies((array) => array.slice(null, column))({ path }),
      slice: ({ path, sliceRows }) => copies((array) => array.slice(`${sliceRows}:${2 * sliceRows}`))({ path }),
      sum: ({ path }) => {
        const array = open<Floats>(path, options)
        return itself(() => {
          let total = 0
          for (const { view } of array.chunks()) total += sum(elements(view))
          return total
        })
      },
      rows: ({ path, shape }) => {
        const array = open<Floats>(path, options)
        return itself(() => {
          let total = 0
          for (let row = 0; row < shape[0]; row++) total += sum(elements(array.slice(row)))
          return total
        })
      },
      ...(options.mmap === false
        ? { load: ({ path }) => job({ run: () => load<Floats>(path), value: (view) => view.typedArray }) }
        : {}),
    },
  }
}

export const engine: Engine = npymapEngine({})
