import postgres from 'postgres'
import type { RawSql } from '../database/connect.ts'

/** One connection, for a transaction that its user begins and commits. */
export type Connection = postgres.ReservedSql<{ bigint: number }>

/**
 * Lends a connection of the pool for one transaction, and rolls back what an error left open.
 *
 * @param work must wait for nothing but its own statements. A connection that is lost while none is under way goes back to
 *   the pool unseen, and the next statement would run outside the transaction, or end the process (postgres.js 3.4.9 writes
 *   to a closed socket from a timer); use {@link onOwnConnection} then
 */
export async function onPooledConnection<T>(pool: RawSql, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await pool.reserve()
  try {
    const result = await work(connection)
    connection.release()
    return result
  } catch (error) {
    // a lost connection has gone back already, and the server rolls back by itself
    if (!isLost(error) && (await rolledBack(connection))) connection.release()
    throw error
  }
}

/** Closed by itself after this long without a transaction, for whoever forgets to close it. */
const idleSeconds = 30

/**
 * A connection beside the pool for one transaction after the other, thrown away with its client when it is lost.
 *
 * A connection of postgres.js 3.4.9 that is ended in the middle of a statement keeps what it was about to write and the error it
 * was told, and may never come back; a new client has nothing to keep.
 */
export class LastingConnection {
  readonly #pool: RawSql
  #client: RawSql | undefined

  constructor(pool: RawSql) {
    this.#pool = pool
  }

  /** One transaction, as {@link onPooledConnection} does it; one at a time. */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    this.#client ??= besidePool(this.#pool, () => undefined)
    const client = this.#client
    let connection: Connection | undefined
    try {
      connection = await client.reserve()
      const result = await work(connection)
      connection.release()
      return result
    } catch (error) {
      if (connection !== undefined && !isLost(error) && (await rolledBack(connection))) connection.release()
      else {
        this.#client = undefined
        // its end is awaited by nobody: the next transaction has a client of its own
        client.end({ timeout: 0 }).catch(() => undefined)
      }
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#client?.end({ timeout: 1 })
    this.#client = undefined
  }
}

/**
 * Opens a connection for one transaction that also waits for other things, and closes it in the end: whatever was not
 * committed is rolled back with it. A few milliseconds dearer than the pool's.
 *
 * @param work calls `stillHeld` after every such wait, before the next statement
 */
export async function onOwnConnection<T>(
  pool: RawSql,
  work: (connection: Connection, stillHeld: () => void) => Promise<T>,
): Promise<T> {
  let lost = false
  const onclose = () => {
    lost = true
  }
  const client = besidePool(pool, onclose)
  try {
    return await work(await client.reserve(), () => {
      if (lost) throw new ConnectionLost()
    })
  } finally {
    await client.end({ timeout: 0 })
  }
}

/** One more connection to the pool's database. */
function besidePool(pool: RawSql, onclose: () => void): RawSql {
  // the client takes options that it has parsed before, as its own listen() does; its types don't say so
  return Reflect.apply(postgres, undefined, [{ ...pool.options, max: 1, idle_timeout: idleSeconds, onclose }])
}

/** The database closed the connection in the middle of a transaction. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  readonly code = 'CONNECTION_CLOSED'

  constructor() {
    super('the database closed the connection before the commit')
  }
}

async function rolledBack(connection: Connection): Promise<boolean> {
  try {
    await connection`rollback`
    return true
  } catch {
    // never lent again: the server ends it, at the latest by idle_in_transaction_session_timeout
    return false
  }
}

/** Is the connection gone: closed under us, or ended by the server (severity FATAL or PANIC)? */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('severity' in error) return error.severity === 'FATAL' || error.severity === 'PANIC'
  return 'code' in error && typeof error.code === 'string' && /^(CONNECTION_|CONNECT_|E[A-Z]+$)/.test(error.code)
}
