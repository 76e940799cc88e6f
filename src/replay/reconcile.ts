import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import type { ViewRecord } from '../domain/record.ts'
import { type Judging, subjectKey } from '../view/apply-events.ts'
import { beforeAll, type HistoryEvent, historyPages, type SubjectKey } from '../view/histories.ts'
import { HistoryFold } from '../view/history-fold.ts'
import { indexesByPlace, type Partition, placeText, readPositions } from '../view/positions.ts'
import { tryRecords } from '../view/trial-records.ts'
import type { Masking } from './record-difference.ts'
import { type ParkedOf, type SubjectDifference, type SubjectIn, subjectDifference } from './subject-difference.ts'

/** Subjects compared in one snapshot of the view; each takes a moment, so none keeps the database from cleaning up. */
const pageSubjects = 500

export interface ReconcileMeans {
  /** the view's schema, which is the search_path of the connections too */
  readonly schema: string
  readonly judging: Judging
  readonly partitionOf: (subject: SubjectKey) => Partition
  readonly maskOf: (kind: string) => Masking
  readonly clock: () => Date
}

/** What one page of a comparison came to. */
export interface ComparedPage {
  /** those that the view has met; what it has not come to is neither missing nor different */
  readonly subjects: number
  readonly differences: readonly SubjectDifference[]
  /** subjects with parked events, the same ones in view and fold */
  readonly parkedAlike: number
}

/**
 * Compares a view with the fold of the log, in order of subject: the same rules, what was dismissed left out, each subject up to
 * where the view stands in its partition. It may run beside the exchange: each page is one snapshot of the database. Nothing is
 * written, nobody waits, and what is in memory is one page.
 */
export async function* reconcileWithLog(sql: RawSql, means: ReconcileMeans): AsyncGenerator<ComparedPage> {
  for (let after: SubjectKey | undefined = beforeAll; after !== undefined; ) {
    const { last, ...page }: ComparedPage & { last: SubjectKey | undefined } = await inTransaction(sql, (tx) =>
      comparePage(tx, means, after ?? beforeAll),
    )
    yield page
    after = last
  }
}

async function comparePage(
  tx: Transaction,
  means: ReconcileMeans,
  after: SubjectKey,
): Promise<ComparedPage & { last: SubjectKey | undefined }> {
  await tx`set transaction isolation level repeatable read`
  const keys = await nextSubjects(tx, after)
  const to = keys.at(-1)
  if (to === undefined) return { subjects: 0, differences: [], parkedAlike: 0, last: undefined }
  const [records, parked] = await Promise.all([readRecords(tx, after, to), readParked(tx, after, to)])
  const folds = await foldRange(tx, means, { after, to }, parked)
  const differences: SubjectDifference[] = []
  let [subjects, parkedAlike] = [0, 0]
  for (const key of keys) {
    const name = subjectKey(key)
    const held = parked.get(name)
    const view = { record: records.get(name), parked: held }
    // all that the log has of it is beyond where the view stands
    if (view.record === undefined && held === undefined && !folds.has(name)) continue
    subjects += 1
    const difference = subjectDifference(key, view, foldedOf(folds.get(name)), means.maskOf(key.kind))
    if (difference !== undefined) differences.push(difference)
    else if (held !== undefined) parkedAlike += 1
  }
  return { subjects, differences, parkedAlike, last: keys.length < pageSubjects ? undefined : to }
}

function foldedOf(fold: HistoryFold | undefined): SubjectIn {
  const parked = fold?.head && { index: fold.head.index, cause: fold.head.cause, events: fold.parked }
  return { record: fold?.record, parked }
}

/** Folds what the view has taken in of some subjects. */
async function foldRange(
  tx: Transaction,
  { schema, judging, partitionOf, clock }: ReconcileMeans,
  range: { readonly after: SubjectKey; readonly to: SubjectKey },
  parked: ReadonlyMap<string, ParkedOf>,
): Promise<ReadonlyMap<string, HistoryFold>> {
  const reached = indexesByPlace(await readPositions(tx))
  const folds = new Map<string, HistoryFold>()
  for await (const page of historyPages(tx, { schema, ...range, upTo: Math.max(-1, ...reached.values()) })) {
    for (const one of page) {
      const name = subjectKey(one.event)
      if (one.event.index > (reached.get(placeText(partitionOf(one.event))) ?? -1)) continue
      const fold = folds.get(name) ?? new HistoryFold(one.event)
      folds.set(name, fold)
      const before = fold.record
      fold.take(one, judging)
      const held = parked.get(name)
      if (held?.cause === 'constraint' && held.index === one.event.index) await askDatabase(tx, fold, one, before, clock())
    }
  }
  return folds
}

/** The database refused the view's record after this event: does it refuse the fold's? */
async function askDatabase(
  tx: Transaction,
  fold: HistoryFold,
  { event }: HistoryEvent,
  before: ViewRecord | undefined,
  now: Date,
): Promise<void> {
  if (fold.head !== undefined || fold.record === undefined) return
  const detail = await tryRecords(tx, [fold.record], now)
  if (detail === undefined) return
  fold.record = before
  fold.park(event.index, { cause: 'constraint', detail })
}

/** The next subjects that the log, the view's records or its parked events know, in the database's order. */
function nextSubjects(tx: Transaction, { kind, subject }: SubjectKey): Promise<SubjectKey[]> {
  return tx<SubjectKey[]>`
    select kind, subject from (
      (select distinct subject_kind as kind, subject from log.entries
        where kind = 'event' and (subject_kind, subject) > (${kind}, ${subject}) order by 1, 2 limit ${pageSubjects})
      union (select kind, subject from records where (kind, subject) > (${kind}, ${subject}) order by 1, 2 limit ${pageSubjects})
      union (select distinct kind, subject from parked where (kind, subject) > (${kind}, ${subject}) order by 1, 2 limit ${pageSubjects})
    ) as known order by 1, 2 limit ${pageSubjects}`
}

async function readRecords(tx: Transaction, after: SubjectKey, to: SubjectKey): Promise<ReadonlyMap<string, ViewRecord>> {
  const rows = await tx<ViewRecord[]>`
    select kind, subject, status, layers, name, jurisdiction, office, data, provenance, state,
      first_index as "firstIndex", last_index as "lastIndex", events
    from records where (kind, subject) > (${after.kind}, ${after.subject}) and (kind, subject) <= (${to.kind}, ${to.subject})`
  return new Map(rows.map((row) => [subjectKey(row), row]))
}

async function readParked(tx: Transaction, after: SubjectKey, to: SubjectKey): Promise<ReadonlyMap<string, ParkedOf>> {
  const rows = await tx<(SubjectKey & ParkedOf)[]>`
    select kind, subject, min(index) as index, (array_agg(cause order by index))[1] as cause, count(*)::int as events
    from parked where (kind, subject) > (${after.kind}, ${after.subject}) and (kind, subject) <= (${to.kind}, ${to.subject})
    group by kind, subject`
  return new Map(rows.map(({ kind, subject, ...row }) => [subjectKey({ kind, subject }), row]))
}
