import type { ReservedSql, Sql } from 'postgres'
import type { BusLog } from './bus-log.ts'
import { pause } from './pause.ts'

/** A right that one process at a time has. */
export interface Lease {
  /**
   * Statements on this connection run only while the lease is held, when they also ask for `pg_backend_pid() = pid`: a client
   * that lost its connection opens another one silently.
   */
  readonly sql: ReservedSql
  readonly pid: number
  held(): Promise<boolean>
  release(): Promise<void>
}

/** How soon a process that stands by notices that a lease is free. */
const retryMs = 500

/**
 * Session-level advisory locks, all on one connection of the pool. Postgres frees them when that connection dies, whatever
 * became of this process.
 */
export class Leases {
  readonly #sql: Sql
  readonly #log: BusLog
  readonly #mine = new Set<string>()
  #session: Promise<Session> | undefined

  constructor(sql: Sql, log: BusLog) {
    this.#sql = sql
    this.#log = log
  }

  /** @returns the lease as soon as it is free; undefined when the signal aborts first */
  async acquire(name: string, signal: AbortSignal): Promise<Lease | undefined> {
    while (!signal.aborted) {
      const lease = await this.#try(name).catch((error: unknown) => {
        this.#log.debug({ lease: name, error: String(error) }, 'the database cannot be asked for the lease')
        return undefined
      })
      if (lease) return lease
      await pause(retryMs, signal)
    }
    return undefined
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined) // what was not opened needs no closing
    this.#session = undefined
    if (!session) return
    await session.sql`select pg_advisory_unlock_all()`.catch(() => undefined) // gone with its connection
    session.sql.release()
  }

  async #try(name: string): Promise<Lease | undefined> {
    // one session may take the same lock twice: within the process, a set says who has it
    if (this.#mine.has(name)) return undefined
    this.#mine.add(name)
    try {
      const { sql, pid } = await this.#connected()
      const [row] = await sql<{ got: boolean }[]>`select pg_try_advisory_lock(hashtextextended(${name}, 0)) as got`
      if (row?.got) return this.#lease(name, sql, pid)
    } catch (error) {
      this.#mine.delete(name)
      throw error
    }
    this.#mine.delete(name)
    return undefined
  }

  #lease(name: string, sql: ReservedSql, pid: number): Lease {
    return {
      sql,
      pid,
      held: async () => (await sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid === pid,
      release: async () => {
        await sql`select pg_advisory_unlock(hashtextextended(${name}, 0)) where pg_backend_pid() = ${pid}`.catch(() => undefined) // gone with its connection
        this.#mine.delete(name)
      },
    }
  }

  /** The session, or a new one when its connection was lost. */
  async #connected(): Promise<Session> {
    this.#session ??= this.#open()
    const session = await this.#session.catch((error: unknown) => {
      this.#session = undefined
      throw error
    })
    const [row] = await session.sql<{ pid: number }[]>`select pg_backend_pid() as pid`
    if (row?.pid === session.pid) return session
    session.sql.release()
    this.#session = this.#open()
    return this.#session
  }

  async #open(): Promise<Session> {
    const sql = await this.#sql.reserve()
    const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
    if (!row) throw new Error('the database did not say its process id')
    return { sql, pid: row.pid }
  }
}

interface Session {
  readonly sql: ReservedSql
  readonly pid: number
}
