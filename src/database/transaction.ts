import type postgres from 'postgres'
import type { RawSql } from './connect.ts'

/** A transaction on a client that reads int8 as a number. */
export type Transaction = postgres.ReservedSql<{ bigint: number }>

/**
 * Runs a transaction; when it returns, it is committed.
 *
 * Not postgres.js's own begin(): when the server goes away that one still writes a rollback to the closed connection, and
 * version 3.4.9 then throws from a timer, where nobody can catch it, and ends the process (its issues 1154 and 1208). So
 * nothing more is written to a connection that was lost; the pool takes it back by itself.
 */
export async function inTransaction<T>(sql: RawSql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const tx = await sql.reserve()
  try {
    await tx`begin`
    const result = await work(tx)
    await tx`commit`
    tx.release()
    return result
  } catch (error) {
    if (!isLost(error)) {
      await tx`rollback`
      tx.release()
    }
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

/** Is the connection gone: closed under us, or ended by the server (severity FATAL or PANIC)? */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('severity' in error) return error.severity === 'FATAL' || error.severity === 'PANIC'
  return 'code' in error && typeof error.code === 'string' && /^(CONNECTION_|CONNECT_|E[A-Z]+$)/.test(error.code)
}
