import type { Transaction } from '../database/transaction.ts'
import { foldDismissed, foldRecord, type ParkedCause, type ViewRecord } from '../domain/record.ts'
import { type Judging, subjectKey } from '../view/apply-events.ts'
import { eventOfEntry } from '../view/entry-event.ts'

/** Waiting events read at once: about 4 MB of entries. */
const pageEvents = 2_000

export interface Subject {
  readonly kind: string
  readonly subject: string
}

export interface Failed {
  readonly index: number
  readonly type: string
  readonly cause: ParkedCause
  readonly detail: string
}

/** How far a subject's waiting events can be folded. */
export interface Folding extends Subject {
  record: ViewRecord | undefined
  readonly applied: { readonly index: number; readonly type: string }[]
  changed: boolean
  failed: Failed | undefined
  stopped: boolean
}

/**
 * Folds what is parked of some subjects, each from its first parked event on, in order, until one fails. Nothing is written.
 *
 * @param tx its search_path is the view's schema
 * @param subjects each once
 * @param mostEvents of each subject at most so many are tried
 */
export async function foldWaiting(
  tx: Transaction,
  subjects: readonly Subject[],
  judging: Judging,
  mostEvents = Number.POSITIVE_INFINITY,
): Promise<readonly Folding[]> {
  const folding = new Map((await readRecords(tx, subjects)).map((one) => [subjectKey(one), one]))
  for (let after = -1, more = true; more; ) {
    const rows = await readWaiting(tx, [...folding.values()], after)
    const page = rows.slice(0, pageEvents)
    foldPage(page, folding, judging, mostEvents)
    after = page.at(-1)?.index ?? after
    more = rows.length > pageEvents
  }
  return [...folding.values()]
}

interface WaitingRow extends Subject {
  readonly index: number
  readonly type: string
  readonly entry: string
  /** of a dismissed event */
  readonly operation: number | null
  readonly reason: string | null
}

function foldPage(
  page: readonly WaitingRow[],
  folding: ReadonlyMap<string, Folding>,
  judging: Judging,
  mostEvents: number,
): void {
  for (const { index, kind, type, subject, entry, operation, reason } of page) {
    const one = folding.get(subjectKey({ kind, subject }))
    if (one === undefined || one.stopped) continue
    const event = eventOfEntry(entry, index, kind)
    const [rules, law] = [judging.rulesOf(kind), judging.lawOf(event)]
    if (operation !== null) {
      one.record = foldDismissed(one.record, event, rules, { index, operation, reason: reason ?? '' }, law)
      one.changed = true
      continue
    }
    if (one.applied.length >= mostEvents) {
      one.stopped = true
      continue
    }
    const folded = foldRecord(one.record, event, rules, law)
    if ('parked' in folded) {
      one.failed = { index, type, ...folded.parked }
      one.stopped = true
      continue
    }
    one.record = folded.record
    one.changed = true
    one.applied.push({ index, type })
  }
}

async function readRecords(tx: Transaction, subjects: readonly Subject[]): Promise<readonly Folding[]> {
  const records = await tx<ViewRecord[]>`
    select kind, subject, status, layers, name, jurisdiction, office, data, provenance, state,
      first_index as "firstIndex", last_index as "lastIndex", events
    from records join ${wanted(tx, subjects)} using (kind, subject)`
  const known = new Map(records.map((record) => [subjectKey(record), record]))
  return subjects.map(({ kind, subject }) => {
    const record = known.get(subjectKey({ kind, subject }))
    return { kind, subject, record, applied: [], changed: false, failed: undefined, stopped: false }
  })
}

/** What of the subjects is parked, and what was dismissed after the last event that their records hold. */
function readWaiting(tx: Transaction, folding: readonly Folding[], after: number): Promise<WaitingRow[]> {
  const going = folding.filter(({ stopped }) => !stopped)
  return tx<WaitingRow[]>`
    with waiting as (
      select index, kind, subject, null::bigint as operation, null::text as reason
      from parked join ${wanted(tx, going)} using (kind, subject) where index > ${after}::bigint
      union all
      select index, kind, subject, operation, reason
      from dismissed join ${wanted(tx, going)} using (kind, subject)
      where index > ${after}::bigint and index > coalesce(
        (select last_index from records r where r.kind = dismissed.kind and r.subject = dismissed.subject), -1)
      order by index limit ${pageEvents + 1})
    select index, waiting.kind, waiting.subject, operation, reason, e.type, e.entry
    from waiting join log.entries e using (index) order by index`
}

function wanted(tx: Transaction, subjects: readonly Subject[]) {
  return tx`unnest(${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ subject }) => subject)}::text[]) as wanted (kind, subject)`
}
