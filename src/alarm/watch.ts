import type { Lease, Leases } from '../bus/leases.ts'
import { pause } from '../bus/pause.ts'
import type { Logger } from '../logger.ts'
import { viewFaultText } from '../view/view-fault.ts'
import type { AlarmKind, Finding } from './alarm.ts'
import type { Alarms } from './alarms.ts'
import { type Condition, Look } from './look.ts'
import type { Teller } from './teller.ts'

/** Alarms of what happens in a moment; each is over when it has not happened for an hour. */
const momentary: readonly AlarmKind[] = ['foreign-messages', 'hole']
const quietMs = 3_600_000
const tickMs = 500
/** What goes wrong at every look is said this often at most. */
const saidEveryMs = 600_000

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
  readonly #saidAt = new Map<string, number>()
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

  /** What goes wrong with one kind of alarm, or with one view, keeps no other from being looked at: this never rejects. */
  async #look(): Promise<void> {
    const { alarms, conditions, logger } = this.#means
    const look = new Look()
    for (const { kind, find } of conditions)
      await this.#step(kind, async () => this.#judge(kind, await find(look), [...look.faults.keys()]))
    for (const kind of momentary) await this.#step(kind, async () => this.#over(kind, await alarms.clearQuiet(kind, quietMs)))
    await this.#step('old', () => alarms.forgetOld())
    for (const [bureau, fault] of look.faults)
      this.#seldom(`view ${bureau}`, () =>
        logger.warn({ bureau, reason: viewFaultText(fault) }, 'a view can’t be looked at: its alarms stay as they are'),
      )
  }

  async #judge(kind: AlarmKind, found: readonly Finding[], unread: readonly string[]): Promise<void> {
    const { alarms, logger } = this.#means
    for (const finding of found) {
      if (await alarms.raise(kind, finding)) logger.error({ kind, ...finding.details }, `ALARM: ${kind}`)
    }
    const abouts = found.map(({ about }) => about)
    this.#over(kind, await alarms.clearOthers(kind, abouts, unread))
  }

  async #step(alarms: AlarmKind | 'old', work: () => Promise<void>): Promise<void> {
    if (this.#closing.signal.aborted) return
    try {
      await work()
    } catch (error) {
      this.#seldom(alarms, () =>
        this.#means.logger.warn({ alarms, error }, 'alarms of a kind could not be looked after: they stay as they are'),
      )
    }
  }

  #seldom(what: string, say: () => void): void {
    const now = performance.now()
    if (now - (this.#saidAt.get(what) ?? Number.NEGATIVE_INFINITY) < saidEveryMs) return
    this.#saidAt.set(what, now)
    say()
  }

  #over(kind: AlarmKind, cleared: readonly string[]): void {
    for (const about of cleared) this.#means.logger.info({ kind, about }, 'an alarm is over')
  }
}
