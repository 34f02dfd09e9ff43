// Work written once for callers who wait and callers who do not: a generator yields what may block, and one of two drivers
// does it, on this thread or off it.

/** Something that may block. */
export interface Work {
  /** Does it on this thread. */
  now(): void
  /** Does it off this thread, where the platform lets it. */
  later(): Promise<void>
}

/** A course of work; each yielded piece is done before the generator goes on. */
export type Steps<T> = Generator<Work, T, void>

/** Does it all on this thread. */
export function runNow<T>(steps: Steps<T>): T {
  let step = steps.next()
  while (!step.done) {
    try {
      step.value.now()
    } catch (error) {
      step = steps.throw(error)
      continue
    }
    step = steps.next()
  }
  return step.value
}

/** Does it off this thread. `guard` is called before each piece and after it: what it throws ends the work. */
export async function runLater<T>(steps: Steps<T>, guard: () => void): Promise<T> {
  let step = steps.next()
  while (!step.done) {
    try {
      guard()
      await step.value.later()
      guard()
    } catch (error) {
      step = steps.throw(error)
      continue
    }
    step = steps.next()
  }
  return step.value
}
