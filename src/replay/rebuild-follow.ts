import { foldAnew, orOneByOne } from '../completeness/fold-anew.ts'
import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import type { applyEvents, Judging } from '../view/apply-events.ts'
import { dismissedAmong } from '../view/dismissals.ts'
import { eventOfEntry } from '../view/entry-event.ts'
import type { SubjectKey } from '../view/histories.ts'
import { indexesByPlace, type Partition, placeText, readPositions } from '../view/positions.ts'

/** Event entries taken in by one transaction. */
const pageEvents = 500

export interface FollowMeans {
  /** of the live view: what was dismissed there is taken in */
  readonly live: string
  readonly judging: Judging
  readonly partitionOf: (subject: SubjectKey) => Partition
  readonly clock: () => Date
}

/**
 * Takes what came since into a rebuilt view: events in the log's order, and what operators dismissed from the live one.
 *
 * @param sql its search_path is the rebuild's schema
 * @returns `done` when nothing more had come; `lost` when its rows are gone, such as by a recovery of the log
 */
export async function followStep(sql: RawSql, means: FollowMeans): Promise<'more' | 'done' | 'lost'> {
  return orOneByOne((apply) => inTransaction(sql, (tx) => followIn(tx, means, apply)))
}

/** The same, in a transaction that does more. */
export async function followIn(
  tx: Transaction,
  means: FollowMeans,
  apply: typeof applyEvents,
): Promise<'more' | 'done' | 'lost'> {
  // one at a time, also where a second process believes that the rebuild is its own
  await tx`lock table positions in share row exclusive mode`
  const positions = await readPositions(tx)
  if (positions.length === 0) return 'lost'
  const reached = indexesByPlace(positions)
  await takeDismissals(tx, means, reached, apply)
  const from = Math.min(...reached.values())
  const [head] = await tx<{ index: number }[]>`select coalesce(max(index), -1) as index from log.entries`
  const rows = await tx<{ index: number; kind: string; entry: string }[]>`
    select index, subject_kind as kind, entry from log.entries
    where kind = 'event' and index > ${from}::bigint order by index limit ${pageEvents}`
  const events = rows.map(({ index, kind, entry }) => eventOfEntry(entry, index, kind))
  const missing = events.filter((event) => event.index > (reached.get(placeText(means.partitionOf(event))) ?? -1))
  const dismissalOf = await dismissedAmong(tx, missing)
  await apply(tx, missing, { ...means.judging, dismissalOf }, means.clock())
  const more = rows.length === pageEvents
  const scanned = more ? (rows.at(-1)?.index ?? from) : Math.max(from, head?.index ?? -1, rows.at(-1)?.index ?? -1)
  if (scanned > from) await tx`update positions set index = greatest(index, ${scanned}::bigint) where index < ${scanned}::bigint`
  return more ? 'more' : 'done'
}

interface Dismissed extends SubjectKey {
  readonly index: number
}

/** Subjects of which something was dismissed after they were folded are folded anew. */
async function takeDismissals(
  tx: Transaction,
  { live, judging, partitionOf, clock }: FollowMeans,
  reached: ReadonlyMap<string, number>,
  apply: typeof applyEvents,
): Promise<void> {
  const fresh = await copyDismissed(tx, live)
  const subjects = new Map(
    fresh.flatMap((row) => {
      const upTo = reached.get(placeText(partitionOf(row))) ?? -1
      return row.index <= upTo ? [[`${row.kind}\n${row.subject}`, { kind: row.kind, subject: row.subject, upTo }] as const] : []
    }),
  )
  if (subjects.size > 0) await foldAnew(tx, [...subjects.values()], judging, clock(), apply)
}

/** @returns what was not there */
export async function copyDismissed(tx: RawSql, live: string): Promise<readonly Dismissed[]> {
  return await tx<Dismissed[]>`
    insert into dismissed (index, kind, subject, type, cause, operation, party, reason, dismissed_at)
    select index, kind, subject, type, cause, operation, party, reason, dismissed_at from ${tx(live)}.dismissed l
    where not exists (select 1 from dismissed d where d.index = l.index)
    on conflict do nothing returning index, kind, subject`
}
