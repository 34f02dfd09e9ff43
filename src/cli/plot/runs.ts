// Runs of numbers in what is drawn from left to right.

/** Runs of numbers, between what has no place. */
export function runsOf(places: Float64Array): [start: number, stop: number][] {
  const runs: [number, number][] = []
  for (let i = 0; i < places.length; i++) {
    if (!Number.isFinite(places[i])) continue
    const last = runs.at(-1)
    if (last !== undefined && last[1] === i) last[1] = i + 1
    else runs.push([i, i + 1])
  }
  return runs
}
