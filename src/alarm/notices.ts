import type { Logger } from '../logger.ts'
import type { AlarmKind, Finding } from './alarm.ts'
import type { Alarms } from './alarms.ts'

/** A flood of the same is noted this often at most. */
const pauseMs = 5000

/** For what a process meets at work, and no later look would find: it is noted at once, without waiting for the database. */
export class Notices {
  readonly #alarms: Alarms
  readonly #logger: Logger
  readonly #notedAt = new Map<string, number>()

  constructor(alarms: Alarms, logger: Logger) {
    this.#alarms = alarms
    this.#logger = logger
  }

  notice(kind: AlarmKind, finding: Finding): void {
    const key = `${kind} ${finding.about}`
    const now = performance.now()
    if (now - (this.#notedAt.get(key) ?? Number.NEGATIVE_INFINITY) < pauseMs) return
    this.#notedAt.set(key, now)
    this.#alarms.raise(kind, finding).catch((error) => {
      this.#notedAt.delete(key)
      this.#logger.warn({ kind, error: String(error) }, 'an alarm could not be noted; the next of its kind will be')
    })
  }
}
