import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Replay } from './replay.ts'

/** Replays in one answer at most. */
const maxListed = 100

/** The row of one replay, locked when a transaction asks to change it. */
export async function readReplay(sql: RawSql, id: number): Promise<Replay | undefined> {
  const [row] = await sql<Replay[]>`select ${columns(sql)} from operations.replays where id = ${id}::bigint`
  return row
}

export async function lockReplay(tx: Transaction, id: number): Promise<Replay | undefined> {
  const [row] = await tx<Replay[]>`select ${columns(tx)} from operations.replays where id = ${id}::bigint for update`
  return row
}

/** The newest first. */
export function listReplays(sql: RawSql, bureau: string | undefined): Promise<Replay[]> {
  return sql<Replay[]>`
    select ${columns(sql)} from operations.replays
    ${bureau === undefined ? sql`` : sql`where bureau = ${bureau}`} order by id desc limit ${maxListed}`
}

/** What the runner of a bureau has to do next: plans before runs, since somebody waits for them at the desk. */
export async function nextReplay(
  sql: RawSql,
  bureau: string,
): Promise<{ id: number; state: 'planning' | 'running' } | undefined> {
  const [row] = await sql<{ id: number; state: 'planning' | 'running' }[]>`
    select id, state from operations.replays where bureau = ${bureau} and state in ('planning', 'running')
    order by state = 'running', id limit 1`
  return row
}

/** Writes what a step changed of a replay's row. */
export async function saveReplay(tx: RawSql, replay: Replay, now: Date): Promise<void> {
  const { id, state, rate, pauseAfter, allowance, upTo, after, plan, note, startedAt } = replay
  const { subjectsDone, eventsApplied, subjectsFailed, failedSinceResume, failures } = replay
  await tx`
    update operations.replays set state = ${state}, rate = ${rate}, pause_after = ${pauseAfter}, allowance = ${allowance},
      up_to = ${upTo}, after = ${after}, plan = ${plan === null ? null : JSON.stringify(plan)}::text::jsonb, note = ${note},
      subjects_done = ${subjectsDone}, events_applied = ${eventsApplied}, subjects_failed = ${subjectsFailed},
      failed_since_resume = ${failedSinceResume}, failures = ${JSON.stringify(failures)}::text::jsonb,
      started_at = ${startedAt}, updated_at = ${now}
    where id = ${id}::bigint`
}

function columns(sql: RawSql) {
  return sql`id, bureau, filter, state, rate, pause_after as "pauseAfter", allowance, up_to as "upTo", after, plan,
    subjects_done as "subjectsDone", events_applied as "eventsApplied", subjects_failed as "subjectsFailed",
    failed_since_resume as "failedSinceResume", failures, note, party, reason, created_at as "createdAt",
    started_at as "startedAt", updated_at as "updatedAt"`
}
