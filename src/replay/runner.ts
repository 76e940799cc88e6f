import type { Leases } from '../bus/leases.ts'
import { GrowingPause, pause } from '../bus/pause.ts'
import type { Logger } from '../logger.ts'
import { planStep } from './plan.ts'
import { type ReplayMeans, runStep } from './run.ts'
import { nextReplay } from './store.ts'

/** How soon a request is taken up. */
const pollMs = 500

export interface RunnerMeans extends ReplayMeans {
  readonly bureau: string
  /** the rules may have changed: asked before every step */
  readonly refreshRules: () => Promise<unknown>
  readonly leases: Leases
  readonly logger: Logger
  /** hears of every step, for metrics */
  readonly onStep: (events: number) => void
}

/**
 * Does what the replays of one bureau ask for, one step after the other; of all processes one at a time. What it has come to
 * stands in the replays' rows, so whoever comes next goes on there.
 *
 * @returns ends it after the step under way
 */
export function startReplays(means: RunnerMeans): () => Promise<void> {
  const stopping = new AbortController()
  const ended = follow(means, stopping.signal)
  return async () => {
    stopping.abort()
    await ended
  }
}

async function follow(means: RunnerMeans, signal: AbortSignal): Promise<void> {
  const { bureau, sql, leases, logger } = means
  const pauses = new GrowingPause(200, 5000)
  while (!signal.aborted) {
    try {
      if ((await nextReplay(sql, bureau)) === undefined) {
        await pause(pollMs, signal)
        continue
      }
      const lease = await leases.acquire(`lianban replay ${bureau}`, signal)
      if (lease === undefined) return
      try {
        while (!signal.aborted && (await lease.held()) && (await stepOnce(means, signal))) pauses.reset()
      } finally {
        await lease.release()
      }
    } catch (error) {
      logger.warn({ bureau, error: String(error) }, 'the replay waits: the machine failed, nothing is lost')
      await pauses.wait(signal)
    }
  }
}

/** @returns false when there is nothing to do */
async function stepOnce(means: RunnerMeans, signal: AbortSignal): Promise<boolean> {
  const next = await nextReplay(means.sql, means.bureau)
  if (next === undefined) return false
  await means.refreshRules()
  if (next.state === 'planning') {
    await planStep(means, next.id)
    return true
  }
  const startedMs = performance.now()
  const { events, rate, state } = await runStep(means, next.id)
  means.onStep(events)
  const tookMs = performance.now() - startedMs
  if (state !== 'running') means.logger.info({ bureau: means.bureau, replay: next.id, state }, 'a replay has come to a halt')
  // with a rate it also leaves the bureau's consumer at least half of the time
  if (rate !== null) await pause(Math.max((events / rate) * 1000 - tookMs, tookMs), signal)
  return true
}
