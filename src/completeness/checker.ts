import { startLeasedWork } from '../bus/leased-work.ts'
import type { Leases } from '../bus/leases.ts'
import { pause } from '../bus/pause.ts'
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
 * Looks again and again whether one bureau's view has everything that the log has, and heals what it lacks. How far it is stands in
 * the view.
 *
 * @returns ends it after the step under way
 */
export function startChecks(means: CheckerMeans): () => Promise<void> {
  const { bureau, sql, leases, logger } = means
  const since = new Date()
  const isDue = async () => isDueNow(await readCheck(sql), means, since)
  return startLeasedWork({
    leases,
    name: `lianban completeness ${bureau}`,
    isDue,
    pollMs,
    async work(goesOn, signal) {
      while ((await goesOn()) && (await isDue())) await stepOnce(means, signal)
    },
    failed: (error) => logger.warn({ bureau, error }, 'the check for holes waits: the machine failed, nothing is lost'),
  })
}

const isAsked = ({ asked, answered }: CheckState) => asked !== answered

function isDueNow(check: CheckState, { everyMs, clock }: CheckerMeans, since: Date): boolean {
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
  if (check.startedAt === null) logCompleted(means, check)
  if (isAsked(check)) return
  await pause(Math.min(Math.max(restShare * (performance.now() - startedMs), shortestRestMs), longestRestMs), signal)
}

function logCompleted({ bureau, logger }: CheckerMeans, check: CheckState): void {
  const { completedSize: size, completedBehind: behind, healedInRound: healed } = check
  const covered = behind === 0 ? 'all that the log has' : 'all that it has come to; what it is behind was not checked'
  logger.info({ bureau, size, behind, healed }, `the view has ${covered}`)
}
