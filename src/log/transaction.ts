import postgres from 'postgres'
import type { RawSql } from '../database/connect.ts'
import { ConnectionLost, isLostConnection, type LentConnection, rolledBack, untilLost } from '../database/lent-connection.ts'

/** One connection, for a transaction that its user begins and commits. */
export type Connection = LentConnection

/** Closed by itself after this long without a transaction, for whoever forgets to close it. */
const idleSeconds = 30

/**
 * Twice what the server lets one statement take. What is not done by then went to a machine that is gone: where nothing resets the
 * connection TCP would wait a quarter of an hour, while a new connection might reach the machine's successor at once.
 */
export const mostTransactionMs = 60_000

/** The database has not answered for so long that nobody waits any more: it is not known whether the transaction was committed. */
export class TransactionOverdue extends Error {
  override readonly name = 'TransactionOverdue'
  readonly code = 'ETIMEDOUT'

  constructor(ms: number) {
    super(`the database has not ended a transaction within ${ms / 1000} s`)
  }
}

/**
 * A connection beside the pool for one transaction after the other, thrown away with its client when it is lost.
 *
 * A connection of postgres.js 3.4.9 that is ended in the middle of a statement keeps what it was about to write and the error it
 * was told, and may never come back; a new client has nothing to keep.
 */
export class LastingConnection {
  readonly #pool: RawSql
  readonly #mostMs: number
  #own: OwnClient | undefined

  /** @param mostMs for one transaction */
  constructor(pool: RawSql, mostMs = mostTransactionMs) {
    this.#pool = pool
    this.#mostMs = mostMs
  }

  /**
   * One transaction, one at a time; what an error left open is rolled back.
   *
   * @throws {TransactionOverdue}; what the work throws
   */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    this.#own ??= new OwnClient(this.#pool)
    const own = this.#own
    let connection: Connection | undefined
    try {
      connection = await own.reserve()
      const result = await inTime(work(connection), this.#mostMs)
      connection.release()
      return result
    } catch (error) {
      const isSound =
        connection !== undefined &&
        !isLostConnection(error) &&
        (await inTime(rolledBack(connection), this.#mostMs).catch(() => false))
      if (isSound) connection?.release()
      else {
        this.#own = undefined
        void own.end()
      }
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#own?.client.end({ timeout: 1 })
    this.#own = undefined
  }
}

/** A client of one connection that knows when it is lost. */
class OwnClient {
  readonly client: RawSql
  #lost = false

  constructor(pool: RawSql) {
    this.client = besidePool(pool, () => {
      this.#lost = true
    })
  }

  async reserve(): Promise<Connection> {
    const connection = await this.client.reserve()
    this.#lost = false
    return untilLost(connection, () => this.#lost)
  }

  /** @throws {ConnectionLost} when the transaction is gone */
  readonly stillHeld = (): void => {
    if (this.#lost) throw new ConnectionLost()
  }

  /** At once: the next transaction has a client of its own, and work that still goes on with this one gets no further. Never throws. */
  async end(): Promise<void> {
    this.#lost = true
    await this.client.end({ timeout: 0 }).catch(() => undefined)
  }
}

/** Whatever comes of the work later, nobody hears of it. */
function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TransactionOverdue(ms)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Opens a connection for one transaction that also waits for other things, and closes it in the end: whatever was not
 * committed is rolled back with it. A few milliseconds dearer than the pool's.
 *
 * @param work calls `stillHeld` after every such wait, before the next statement
 * @param mostMs for all of it; a recovery may take hours
 * @throws {TransactionOverdue}; what the work throws
 */
export async function onOwnConnection<T>(
  pool: RawSql,
  work: (connection: Connection, stillHeld: () => void) => Promise<T>,
  mostMs?: number,
): Promise<T> {
  const own = new OwnClient(pool)
  try {
    const working = work(await own.reserve(), own.stillHeld)
    return await (mostMs === undefined ? working : inTime(working, mostMs))
  } finally {
    await own.end()
  }
}

/**
 * A gateway that stands still while it holds the head, stopped or without a processor, holds up every other: after this the server
 * takes the lock from it. Between two statements of an append lie milliseconds; the slowest reads a catalogue.
 */
const mostIdleMs = 5000

/** One more connection to the pool's database, whose commits wait for the disk, whatever the database's default is. */
function besidePool(pool: RawSql, onclose: () => void): RawSql {
  const connection = {
    ...pool.options.connection,
    synchronous_commit: 'on',
    idle_in_transaction_session_timeout: mostIdleMs,
  }
  // the client takes options that it has parsed before, as its own listen() does; its types don't say so
  return Reflect.apply(postgres, undefined, [{ ...pool.options, connection, max: 1, idle_timeout: idleSeconds, onclose }])
}
