import type { RawSql } from '../database/connect.ts'
import type { Dismissal } from '../domain/provenance.ts'
import type { AcceptedEvent } from '../domain/record.ts'
import { eventOfEntry } from './entry-event.ts'

/** Events read at once: about 2 MB of entries. */
const pageEvents = 1_000

/** A subject's place in the database's own order of them. */
export interface SubjectKey {
  readonly kind: string
  readonly subject: string
}

/** Before every subject: no kind has an empty name. */
export const beforeAll: SubjectKey = { kind: '', subject: '' }

/** One event of a subject's history, as a view's fold takes it. */
export interface HistoryEvent {
  readonly event: AcceptedEvent
  /** undefined unless an operator took it out of the view */
  readonly dismissal: Dismissal | undefined
}

export interface HistoryRange {
  /** the view's schema: what was dismissed there is */
  readonly schema: string
  /** subjects after this one */
  readonly after: SubjectKey
  /** and up to this one; undefined: to the last */
  readonly to?: SubjectKey | undefined
  /** events up to this index */
  readonly upTo: number
}

/**
 * The log's events in order of subject, each subject's in index order. Read so, a subject is folded once from its first event to
 * its last, whatever the log's size, and its record is written once.
 *
 * @yields up to a thousand events; a subject may go on in the next page
 */
export async function* historyPages(sql: RawSql, range: HistoryRange): AsyncGenerator<readonly HistoryEvent[]> {
  let place = { ...range.after, index: Number.MAX_SAFE_INTEGER }
  // asked for before it is needed: the database reads while the last page is folded
  let next = readPage(sql, range, place)
  while (true) {
    const rows = await next
    const last = rows.at(-1)
    const more = last !== undefined && rows.length === pageEvents
    if (last !== undefined) place = { kind: last.kind, subject: last.subject, index: last.index }
    if (more) {
      next = readPage(sql, range, place)
      // whoever awaits it is told; nobody may be left to when the reading ends early
      next.catch(() => undefined)
    }
    yield rows.map(historyEventOf)
    if (!more) return
  }
}

interface Row extends SubjectKey {
  readonly index: number
  readonly entry: string
  readonly operation: number | null
  readonly reason: string | null
}

function readPage(
  sql: RawSql,
  { schema, to, upTo }: HistoryRange,
  { kind, subject, index }: SubjectKey & { readonly index: number },
): Promise<Row[]> {
  return sql<Row[]>`
    select e.index, e.subject_kind as kind, e.subject, e.entry, d.operation, d.reason
    from log.entries e left join ${sql(schema)}.dismissed d using (index)
    where e.kind = 'event' and (e.subject_kind, e.subject, e.index) > (${kind}, ${subject}, ${index}::bigint)
      ${to === undefined ? sql`` : sql`and (e.subject_kind, e.subject) <= (${to.kind}, ${to.subject})`}
      and e.index <= ${upTo}::bigint
    order by e.subject_kind, e.subject, e.index limit ${pageEvents}`
}

function historyEventOf({ index, kind, entry, operation, reason }: Row): HistoryEvent {
  const dismissal = operation === null ? undefined : { index, operation, reason: reason ?? '' }
  return { event: eventOfEntry(entry, index, kind), dismissal }
}
