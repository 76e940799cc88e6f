import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'

/** How far the check of one view is, and what it has found. */
export interface CheckState {
  /** of the round under way; -1 at its beginning */
  readonly checkedTo: number
  /** null: no round is under way */
  readonly startedAt: Date | null
  /** end of the last whole round */
  readonly completedAt: Date | null
  /** entries that the log had then */
  readonly completedSize: number | null
  /** events of them that the view had not taken in when they were looked at, so that they were not checked */
  readonly completedBehind: number | null
  /** the same of the round under way */
  readonly behindInRound: number
  /** events that the round under way, or the last one, found missing and folded in */
  readonly healedInRound: number
  readonly healed: number
  readonly healedAt: Date | null
  /** the `operation` entry of the last request for a round */
  readonly asked: number | null
  /** the last request that a whole round has answered */
  readonly answered: number | null
}

const nothingYet: CheckState = {
  checkedTo: -1,
  startedAt: null,
  completedAt: null,
  completedSize: null,
  completedBehind: null,
  behindInRound: 0,
  healedInRound: 0,
  healed: 0,
  healedAt: null,
  asked: null,
  answered: null,
}

/** @param sql its search_path is the view's schema */
export async function readCheck(sql: RawSql): Promise<CheckState> {
  const [row] = await sql<CheckState[]>`select ${columns(sql)} from completeness`
  return row ?? nothingYet
}

/** The same, locked until the transaction ends. */
export async function lockCheck(tx: Transaction): Promise<CheckState> {
  await tx`
    insert into completeness (id, checked_to, healed_in_round, healed) values (1, -1, 0, 0) on conflict do nothing`
  const [row] = await tx<CheckState[]>`select ${columns(tx)} from completeness for update`
  return row ?? nothingYet
}

export async function saveCheck(tx: Transaction, check: CheckState): Promise<void> {
  const {
    checkedTo,
    startedAt,
    completedAt,
    completedSize,
    completedBehind,
    behindInRound,
    healedInRound,
    healed,
    healedAt,
    asked,
    answered,
  } = check
  await tx`
    update completeness set checked_to = ${checkedTo}, started_at = ${startedAt}, completed_at = ${completedAt},
      completed_size = ${completedSize}, completed_behind = ${completedBehind}, behind_in_round = ${behindInRound},
      healed_in_round = ${healedInRound}, healed = ${healed}, healed_at = ${healedAt}, asked = ${asked}, answered = ${answered}`
}

/** Asks for a whole round from now on. One under way begins anew, since what it has passed may have been changed since. */
export async function askForRound(tx: Transaction, operation: number, at: Date): Promise<void> {
  const check = await lockCheck(tx)
  await saveCheck(tx, { ...check, asked: operation, checkedTo: -1, startedAt: at, healedInRound: 0, behindInRound: 0 })
}

function columns(sql: RawSql) {
  return sql`checked_to as "checkedTo", started_at as "startedAt", completed_at as "completedAt",
    completed_size as "completedSize", completed_behind as "completedBehind", behind_in_round as "behindInRound",
    healed_in_round as "healedInRound", healed, healed_at as "healedAt", asked, answered`
}
