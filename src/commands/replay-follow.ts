import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { onInterrupt } from './interrupt.ts'
import { rateBar } from './rate-bar.ts'
import { waitFor } from './retry.ts'

/** How often a replay under way is asked after. */
const pollMs = 500

/**
 * Reads a replay until it is in none of some states, with a bar on a terminal. Ctrl-C ends the looking on, not the replay.
 *
 * @returns it as it is then
 */
export async function followReplay(read: () => Promise<JsonObject>, moving: readonly string[]): Promise<JsonObject> {
  const stopping = new AbortController()
  const silence = onInterrupt(() => stopping.abort())
  const bar = rateBar('subjects')
  let from: number | undefined
  try {
    while (true) {
      const replay = await read()
      if (!moving.includes(String(replay.state)) || stopping.signal.aborted) return replay
      const done = Number(replay.subjectsDone)
      from ??= done
      const plan = isJsonObject(replay.plan) ? Number(replay.plan.subjects) : 0
      if (replay.state === 'running') bar.update(done, Math.max(plan, done, 1), from)
      await waitFor(pollMs, stopping.signal)
    }
  } finally {
    bar.stop()
    silence()
  }
}
