import type { Lease, Leases } from '../bus/leases.ts'
import { pause } from '../bus/pause.ts'
import type { Logger } from '../logger.ts'
import type { AlarmKind } from './alarm.ts'
import type { Alarms } from './alarms.ts'
import type { Condition } from './conditions.ts'
import type { Teller } from './teller.ts'

/** Alarms of what happens in a moment; each is over when it has not happened for an hour. */
const momentary: readonly AlarmKind[] = ['foreign-messages', 'hole']
const quietMs = 3_600_000
const tickMs = 500

export interface WatchMeans {
  readonly alarms: Alarms
  readonly conditions: readonly Condition[]
  readonly teller: Teller
  readonly leases: Leases
  readonly logger: Logger
  /** between two looks */
  readonly everyMs: number
}

/** Looks after the whole exchange. Of all gateways' processes one does it at a time, so each alarm is told once. */
export class AlarmWatch {
  readonly #means: WatchMeans
  readonly #closing = new AbortController()
  readonly #running: Promise<void>

  constructor(means: WatchMeans) {
    this.#means = means
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { leases, logger } = this.#means
    const { signal } = this.#closing
    while (!signal.aborted) {
      const lease = await leases.acquire('lianban alarms', signal)
      if (lease === undefined) return
      await this.#watchWhileHeld(lease).catch((error) =>
        logger.warn({ error: String(error) }, 'alarms could not be looked after; it is tried again'),
      )
      await lease.release()
      await pause(tickMs, signal)
    }
  }

  async #watchWhileHeld(lease: Lease): Promise<void> {
    const { teller, everyMs } = this.#means
    const { signal } = this.#closing
    let lookedAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted && (await lease.held())) {
      if (performance.now() - lookedAt >= everyMs) {
        lookedAt = performance.now()
        await this.#look()
      }
      await teller.round(signal)
      await pause(tickMs, signal)
    }
  }

  async #look(): Promise<void> {
    const { alarms, conditions, logger } = this.#means
    for (const { kind, find } of conditions) {
      const found = await find()
      for (const finding of found) {
        if (await alarms.raise(kind, finding)) logger.error({ kind, ...finding.details }, `ALARM: ${kind}`)
      }
      this.#over(
        kind,
        await alarms.clearOthers(
          kind,
          found.map(({ about }) => about),
        ),
      )
    }
    for (const kind of momentary) this.#over(kind, await alarms.clearQuiet(kind, quietMs))
    await alarms.forgetOld()
  }

  #over(kind: AlarmKind, cleared: readonly string[]): void {
    for (const about of cleared) this.#means.logger.info({ kind, about }, 'an alarm is over')
  }
}
