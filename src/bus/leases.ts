import postgres, { type Sql } from 'postgres'
import type { BusLog } from './bus-log.ts'
import { pause } from './pause.ts'

/** A right that one process at a time has. */
export interface Lease {
  /**
   * Statements on this client are the leaseholder's when they also ask for `pg_backend_pid() = pid`: after a lost connection,
   * and with it the lease, it silently opens another one.
   */
  readonly sql: Sql
  readonly pid: number
  held(): Promise<boolean>
  release(): Promise<void>
}

/** How soon a process that stands by notices that a lease is free. */
const retryMs = 500

/**
 * Session-level advisory locks, all on one connection of their own. Postgres frees them when that connection dies, whatever
 * became of this process.
 *
 * It is a client of its own because a reserved connection of postgres.js that the server closes ends the process: its next
 * write goes to a socket that is null.
 */
export class Leases {
  readonly #client: Sql
  readonly #log: BusLog
  readonly #mine = new Set<string>()

  /** @param sql gives its settings only */
  constructor(sql: Sql, log: BusLog) {
    this.#client = oneConnection(sql)
    this.#log = log
  }

  /** @returns the lease as soon as it is free; undefined when the signal aborts first */
  async acquire(name: string, signal: AbortSignal): Promise<Lease | undefined> {
    while (!signal.aborted) {
      const lease = await this.#try(name).catch((error: unknown) => {
        this.#log.debug({ lease: name, error }, 'the database cannot be asked for the lease')
        return undefined
      })
      if (lease) return lease
      await pause(retryMs, signal)
    }
    return undefined
  }

  async close(): Promise<void> {
    await this.#client.end({ timeout: 1 })
  }

  async #try(name: string): Promise<Lease | undefined> {
    // one session may take the same lock twice: within the process, a set says who has it
    if (this.#mine.has(name)) return undefined
    this.#mine.add(name)
    try {
      const [row] = await this.#client<{ got: boolean; pid: number }[]>`
        select pg_try_advisory_lock(hashtextextended(${name}, 0)) as got, pg_backend_pid() as pid`
      if (row?.got) return this.#lease(name, row.pid)
    } catch (error) {
      this.#mine.delete(name)
      throw error
    }
    this.#mine.delete(name)
    return undefined
  }

  #lease(name: string, pid: number): Lease {
    const sql = this.#client
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
}

/** A client of one connection to the same server as another. */
function oneConnection({ options }: Sql): Sql {
  const { database, user, connection, path } = options
  const host = options.host.map((name, i) => `${name}:${options.port[i] ?? 5432}`).join(',')
  // its type says null; it holds what the URL or the environment said
  const pass: unknown = options.pass
  const login = { user, ...(typeof pass === 'string' ? { pass } : {}) }
  // TLS is made in it; its type knows nothing of it
  const opening = 'socket' in options ? { socket: options.socket } : {}
  const server = path ? { path } : { host, ...opening }
  // what a leaseholder notes is how far it has come: a crash of the server makes it do a little again
  const noting = { ...connection, synchronous_commit: 'off' }
  const own = { connection: noting, max: 1, max_lifetime: null, fetch_types: false, onnotice: () => undefined }
  return postgres({ ...server, ...login, database, ...own })
}
