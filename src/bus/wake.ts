import type { Sql } from 'postgres'
import { logChannel } from '../log/announcer.ts'
import type { BusLog } from './bus-log.ts'
import { GrowingPause } from './pause.ts'

/** Wakes whoever waits for the log to grow. A poll stands behind it: notifications are lost while Postgres is away. */
export class Wake {
  readonly #closing = new AbortController()
  readonly #sleepers = new Set<() => void>()
  #calls = 0

  constructor(sql: Sql, log: BusLog) {
    void this.#listen(sql, log)
  }

  /** Take it before reading the log, and hand it to wait() after: nothing that came between is missed. */
  get mark(): number {
    return this.#calls
  }

  /** Returns when the log may have grown since the mark, at the latest after `maxMs`, at once when the signal aborts. */
  async wait(mark: number, maxMs: number, signal: AbortSignal): Promise<void> {
    if (mark !== this.#calls || signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#sleepers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, maxMs)
      signal.addEventListener('abort', wake)
      this.#sleepers.add(wake)
    })
  }

  close(): void {
    this.#closing.abort()
  }

  #call(): void {
    this.#calls += 1
    for (const wake of [...this.#sleepers]) wake()
  }

  /** postgres.js listens again by itself after it has listened once; the first time is ours to repeat. */
  async #listen(sql: Sql, log: BusLog): Promise<void> {
    const pauses = new GrowingPause(200, 5000)
    while (!this.#closing.signal.aborted) {
      try {
        const { unlisten } = await sql.listen(
          logChannel,
          () => this.#call(),
          () => this.#call(),
        )
        const stop = () => void unlisten().catch(() => undefined) // the connection is going away with its client anyway
        if (this.#closing.signal.aborted) stop()
        else this.#closing.signal.addEventListener('abort', stop)
        return
      } catch (error) {
        log.debug({ error }, 'the bus cannot listen to the database yet; it polls')
        await pauses.wait(this.#closing.signal)
      }
    }
  }
}
