import type { Leases } from '../bus/leases.ts'
import { GrowingPause, pause } from '../bus/pause.ts'
import type { Logger } from '../logger.ts'
import { type CheckMeans, checkStep } from './round.ts'
import { type CheckState, readCheck } from './store.ts'

/** How soon a request is taken up. */
const pollMs = 1000
/** A round that nobody waits for takes a tenth of one connection's time, so that the traffic hardly notices. */
const restShare = 9
const shortestRestMs = 200
const longestRestMs = 10_000

export interface CheckerMeans extends CheckMeans {
  readonly bureau: string
  /** from the end of a round to the next one */
  readonly everyMs: number
  /** the rules may have changed: asked before every step */
  readonly refreshRules: () => Promise<unknown>
  readonly leases: Leases
  readonly logger: Logger
  /** hears of what was missing and is healed */
  readonly onHealed: (found: { readonly subjects: number; readonly events: number }) => void
}

/**
 * Looks again and again whether one bureau's view has everything that the log has, and heals what it lacks; of all processes
 * one at a time. How far it is stands in the view, so whoever comes next goes on there.
 *
 * @returns ends it after the step under way
 */
export function startChecks(means: CheckerMeans): () => Promise<void> {
  const stopping = new AbortController()
  const ended = follow(means, stopping.signal, new Date())
  return async () => {
    stopping.abort()
    await ended
  }
}

async function follow(means: CheckerMeans, signal: AbortSignal, since: Date): Promise<void> {
  const { bureau, sql, leases, logger } = means
  const pauses = new GrowingPause(200, 5000)
  while (!signal.aborted) {
    try {
      if (!isDue(await readCheck(sql), means, since)) {
        await pause(pollMs, signal)
        continue
      }
      const lease = await leases.acquire(`lianban completeness ${bureau}`, signal)
      if (lease === undefined) return
      try {
        while (!signal.aborted && (await lease.held()) && isDue(await readCheck(sql), means, since)) {
          await stepOnce(means, signal)
          pauses.reset()
        }
      } finally {
        await lease.release()
      }
    } catch (error) {
      logger.warn({ bureau, error: String(error) }, 'the check for holes waits: the machine failed, nothing is lost')
      await pauses.wait(signal)
    }
  }
}

const isAsked = ({ asked, answered }: CheckState) => asked !== answered

function isDue(check: CheckState, { everyMs, clock }: CheckerMeans, since: Date): boolean {
  const last = check.completedAt !== null && check.completedAt > since ? check.completedAt : since
  return isAsked(check) || check.startedAt !== null || clock().getTime() - last.getTime() >= everyMs
}

async function stepOnce(means: CheckerMeans, signal: AbortSignal): Promise<void> {
  const { bureau, logger, onHealed } = means
  await means.refreshRules()
  const startedMs = performance.now()
  const { check, healed } = await checkStep(means)
  if (healed.length > 0) {
    const found = { subjects: healed.length, events: healed.reduce((sum, { missing }) => sum + Math.abs(missing), 0) }
    onHealed(found)
    logger.error({ bureau, ...found }, 'ALARM: the view lacked events in its past; their subjects were folded anew from the log')
  }
  if (check.startedAt === null)
    logger.info({ bureau, size: check.completedSize, healed: check.healedInRound }, 'the view has all that the log has')
  if (isAsked(check)) return
  await pause(Math.min(Math.max(restShare * (performance.now() - startedMs), shortestRestMs), longestRestMs), signal)
}
