import { startLeasedWork } from '../bus/leased-work.ts'
import type { Leases } from '../bus/leases.ts'
import { pause } from '../bus/pause.ts'
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
 * Does what the replays of one bureau ask for, one step after the other.
 *
 * @returns ends it after the step under way
 */
export function startReplays(means: RunnerMeans): () => Promise<void> {
  const { bureau, sql, leases, logger } = means
  return startLeasedWork({
    leases,
    name: `lianban replay ${bureau}`,
    isDue: async () => (await nextReplay(sql, bureau)) !== undefined,
    pollMs,
    async work(goesOn, signal) {
      while ((await goesOn()) && (await stepOnce(means, signal)));
    },
    failed: (error) => logger.warn({ bureau, error }, 'the replay waits: the machine failed, nothing is lost'),
  })
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
