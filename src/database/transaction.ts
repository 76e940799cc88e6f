import type { RawSql } from './connect.ts'
import { isLostConnection } from './database-error.ts'
import { type LentConnection, lendAhead, rolledBack } from './lent-connection.ts'

/** A transaction on a client that reads int8 as a number. */
export type Transaction = LentConnection

/**
 * Sends the commit. Statements that were sent before and fail in the database make it a rollback, so it may be awaited together with
 * them; what may fail here, before it is sent, must be done before.
 */
export type Commit = () => Promise<void>

/** @throws {Error} when a transaction was rolled back, which is how the database answers the commit of one that had failed */
export function expectCommitted({ command }: { readonly command: string }): void {
  if (command !== 'COMMIT') throw new Error(`the database answered the commit with ${command}: nothing was stored`)
}

/**
 * Runs a transaction; when it returns, it is committed. Work may wait for other things than its statements: once the connection is
 * lost it can't make another one. It may commit by itself, together with its last statements, to spare a round trip.
 *
 * Not postgres.js's own begin(): when the server goes away that one still writes a rollback to the closed connection, and
 * version 3.4.9 then throws from a timer, where nobody can catch it, and ends the process (its issues 1154 and 1208). So
 * nothing more is written to a connection that was lost; the pool takes it back by itself.
 */
export function inTransaction<T>(sql: RawSql, work: (tx: Transaction, commit: Commit) => Promise<T>): Promise<T> {
  return inTransactionAhead(sql, nothingAhead, (tx, _, commit) => work(tx, commit))
}

/**
 * The same, beginning with statements that need nothing of what the transaction reads: they are sent together with its begin.
 *
 * @param ahead may read and lock; it changes nothing, since it does not know yet whether the transaction has begun
 * @param work is given what was read
 */
export function inTransactionAhead<A, T>(
  sql: RawSql,
  ahead: (tx: Transaction) => Promise<A>,
  work: (tx: Transaction, read: A, commit: Commit) => Promise<T>,
): Promise<T> {
  return transact(sql, ahead, work, async (tx) => expectCommitted(await tx`commit`))
}

/** Runs a transaction for what it answers alone: when this returns, all that it changed is taken back. */
export function inTrial<T>(sql: RawSql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return transact(sql, nothingAhead, work, (tx) => tx`rollback`)
}

const nothingAhead = async (): Promise<void> => undefined

async function transact<A, T>(
  sql: RawSql,
  ahead: (tx: Transaction) => Promise<A>,
  work: (tx: Transaction, read: A, end: Commit) => Promise<T>,
  end: (tx: Transaction) => Promise<unknown>,
): Promise<T> {
  const { connection: tx, read } = await lendAhead(sql, 'begin', ahead)
  let ended: Promise<unknown> | undefined
  const endOnce = async () => {
    // one turn later than every statement that was begun before it: they are sent in this order
    await undefined
    ended ??= end(tx)
    await ended
  }
  try {
    const result = await work(tx, read, endOnce)
    await endOnce()
    tx.release()
    return result
  } catch (error) {
    if (!isLostConnection(error) && (await rolledBack(tx))) tx.release()
    throw error
  }
}

/**
 * Runs a part of a transaction that may be taken back alone.
 *
 * @param forgive says of an error that only the part is lost; other errors lose the transaction
 * @returns the error forgiven, or undefined when the part holds
 */
export async function tryPart(
  tx: Transaction,
  work: () => Promise<void>,
  forgive: (error: unknown) => boolean,
): Promise<{ readonly error: unknown } | undefined> {
  await tx`savepoint part`
  try {
    await work()
    await tx`release savepoint part`
    return undefined
  } catch (error) {
    if (!forgive(error)) throw error
    await tx`rollback to savepoint part`
    await tx`release savepoint part`
    return { error }
  }
}
