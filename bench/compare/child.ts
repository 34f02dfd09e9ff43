// The process of one probe: `child.js TOOL CAPABILITY STEP PLACE`, with the place as JSON. Prints the answer as JSON;
// numpy_probes.py does the same for NumPy.

import { writeSync } from 'node:fs'
import { peakNow, resetPeak } from '../memory.ts'
import type { CapabilityId } from './capabilities.ts'
import { type Answer, type Outcome, OutdatedProbe, type Place, type Probe, type Probes } from './probe.ts'

const [tool, capability, step, place] = process.argv.slice(2) as [string, CapabilityId, 'prepare' | 'run', string]

/** The first line of a message, without the folders of this machine. */
function reason(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error))
  return message
    .split('\n')[0]!
    .replaceAll(/['"]?\/[\w./+-]*\/([\w.+-]+)['"]?/g, '$1')
    .slice(0, 120)
}

async function outcomeOf({ run }: Probe, at: Place): Promise<Outcome> {
  try {
    return await run(at)
  } catch (error) {
    if (error instanceof OutdatedProbe) throw error
    return { ok: false, note: reason(error) }
  }
}

async function answer(): Promise<Answer> {
  const { probes } = (await import(`./probes/${tool}.js`)) as { probes: Probes }
  const at = JSON.parse(place) as Place
  const one = probes[capability]
  if (step === 'prepare') {
    await one.prepare?.(at)
    return { prepared: true }
  }
  resetPeak()
  const outcome = await outcomeOf(one, at)
  return { ...outcome, peak: peakNow() }
}

writeSync(1, `\n${JSON.stringify(await answer())}\n`)
// Peers may keep the process alive.
process.exit(0)
