import { setTimeout as pause } from 'node:timers/promises'
import type { RawSql } from '../database/connect.ts'

/** The channel that wakes publishers and consumers after a commit. */
export const logChannel = 'lianban_log'

/** Half of their round: to be woken more often costs them, and the database, more than it brings. */
const everyMs = 10
const closingMs = 1000

/**
 * Tells publishers and consumers that the log has grown: at once, and under load every 10 ms.
 *
 * It is no part of the commit: a notification in a transaction makes commits wait for one another, and each wakes every listener.
 * Who is not told, because we were killed or the database went away, looks by itself within a second.
 */
export class Announcer {
  readonly #sql: RawSql
  #wanted = false
  #running: Promise<void> | undefined

  constructor(sql: RawSql) {
    this.#sql = sql
  }

  announce(): void {
    this.#wanted = true
    this.#running ??= this.#run()
  }

  /** Returns when what was wanted is told; of a database that hangs, it leaves off soon. */
  async close(): Promise<void> {
    await Promise.race([this.#running, pause(closingMs, undefined, { ref: false })])
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false
      await Promise.all([this.#notify(), pause(everyMs)])
    }
    this.#running = undefined
  }

  async #notify(): Promise<void> {
    // alone in its transaction, which need not wait for the disk
    await this.#sql`select set_config('synchronous_commit', 'off', true), pg_notify(${logChannel}, '')`.catch(() => undefined) // they look by themselves
  }
}
