import type { Logger } from '../logger.ts'
import type { Alarms } from './alarms.ts'
import { tell } from './webhook.ts'

/** Told in one round; the rest follows in the next. */
const perRound = 20
/** Waiting to be told at most; of more the oldest are given up. */
const maxWaiting = 500
/** With pauses of up to ten minutes: most of a day. */
const maxTries = 100
const longestPauseMs = 600_000

export interface TellerMeans {
  readonly alarms: Alarms
  /** undefined: nobody is told */
  readonly webhook: { readonly url: string; readonly secret: Buffer; readonly origin: string } | undefined
  readonly logger: Logger
  readonly onTold: (outcome: 'told' | 'failed' | 'given-up') => void
  /** before the second try; each further pause doubles */
  readonly firstPauseMs: number
}

/** Tells the webhook what it has not been told: every alarm once when it is raised, and once when it is cleared. */
export class Teller {
  readonly #means: TellerMeans

  constructor(means: TellerMeans) {
    this.#means = means
  }

  /** Tells what is due. A receiver that is away is tried again later, and keeps nothing else waiting. */
  async round(signal: AbortSignal): Promise<void> {
    const { alarms, webhook, logger, onTold, firstPauseMs } = this.#means
    if (webhook === undefined) return alarms.tellNobody()
    const dropped = await alarms.dropOldest(maxWaiting)
    for (let i = 0; i < dropped; i++) onTold('given-up')
    for (const alarm of await alarms.untold(perRound)) {
      const { id, kind, state, tries } = alarm
      const fault = await tell(webhook, alarm, signal)
      if (signal.aborted) return
      if (fault === undefined) {
        await alarms.told(id, state)
        onTold('told')
        continue
      }
      if (tries + 1 >= maxTries) {
        await alarms.told(id, state)
        onTold('given-up')
        logger.error({ kind, tries: tries + 1, fault }, 'the webhook takes an alarm no more: it is given up')
        continue
      }
      await alarms.failed(id, Math.min(longestPauseMs, firstPauseMs * 2 ** tries) * (0.75 + Math.random() / 2))
      onTold('failed')
      if (tries === 0) logger.warn({ kind, fault }, 'the webhook did not take an alarm; it is told again')
      // whoever is away for one is away for all
      return
    }
  }
}
