import type postgres from 'postgres'
import type { RawSql } from './connect.ts'
import { isLostConnection } from './database-error.ts'

// what ends a lent connection is asked where one is lent
export { isLostConnection }

/** A connection lent by a client that reads int8 as a number. */
export type LentConnection = postgres.ReservedSql<{ bigint: number }>

/** The connection was closed before its transaction was committed. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  readonly code = 'CONNECTION_CLOSED'

  constructor() {
    super('the database closed the connection before the commit')
  }
}

/**
 * The same connection, whose statements are refused once it is lost.
 *
 * postgres.js 3.4.9 takes a connection that is closed between two statements back into its pool, and does not tell who has it
 * reserved. The next statement would end the process (it writes to no socket, from a timer), or run in what the pool has opened in that
 * place meanwhile: outside the transaction, and committed at once.
 */
export function untilLost(connection: LentConnection, isLost: () => boolean): LentConnection {
  const unlessLost = <Callable extends object>(callable: Callable) =>
    new Proxy(callable, {
      apply(target, self, given) {
        if (isLost()) throw new ConnectionLost()
        return typeof target === 'function' ? Reflect.apply(target, self, given) : undefined
      },
    })
  const unsafe = unlessLost(connection.unsafe)
  return new Proxy(unlessLost(connection), {
    get: (target, name) => (name === 'unsafe' ? unsafe : Reflect.get(target, name)),
  })
}

/**
 * Reserves a connection of a pool, makes a statement on it, and lends it {@link untilLost}.
 *
 * @param first without parameters, such as `begin`
 */
export async function lend(pool: RawSql, first: string): Promise<LentConnection> {
  const { connection } = await lendAhead(pool, first, async () => undefined)
  return connection
}

/**
 * The same, with more statements that are sent together with the first one, to spare a round trip.
 *
 * @param ahead changes nothing: when the first statement fails, the others are made without it
 */
export async function lendAhead<T>(
  pool: RawSql,
  first: string,
  ahead: (connection: LentConnection) => Promise<T>,
): Promise<{ readonly connection: LentConnection; readonly read: T }> {
  const connection = await pool.reserve()
  let isLost = false
  // what the client's own begin() does: the only way to the connection that a statement goes to, and its types don't say so
  const options = {
    prepare: false,
    onexecute(taken: { onclose: (() => void) | null }) {
      taken.onclose = () => {
        isLost = true
      }
      return true
    },
  }
  const lent = untilLost(connection, () => isLost)
  try {
    const begun = connection.unsafe(first, [], options).execute()
    const [, read] = await Promise.all([begun, ahead(lent)])
    return { connection: lent, read }
  } catch (error) {
    // what an earlier transaction left open would fail every later one, too
    if (!isLostConnection(error) && (await rolledBack(lent))) lent.release()
    throw error
  }
}

/** PostgreSQL's lock_not_available: `lock_timeout` has passed. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '55P03'
}

/** @returns false when the connection must not be lent again: the server ends it, at the latest by idle_in_transaction_session_timeout */
export async function rolledBack(connection: LentConnection): Promise<boolean> {
  try {
    await connection`rollback`
    return true
  } catch {
    // what the transaction failed of matters more
    return false
  }
}
