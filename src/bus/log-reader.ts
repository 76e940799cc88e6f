import type { Sql } from 'postgres'

/** An event entry as the bus needs it. */
export interface LoggedEvent {
  readonly index: number
  readonly entry: string
  readonly kind: string
  readonly subject: string
  readonly type: string
  readonly eventId: string
  /** the sending party */
  readonly party: string
}

/** A stretch of the log. */
export interface Stretch {
  readonly events: readonly LoggedEvent[]
  /** every event up to this index is among `events`, or was before the stretch */
  readonly scannedTo: number
}

/** Entries read at once: about 1 MB of them. */
export const maxRead = 500

/**
 * Reads the events after an index, in order. Entries commit in index order under the log's head lock, so a later read never
 * finds one below what an earlier read returned.
 */
export async function readEvents(sql: Sql, after: number, limit = maxRead): Promise<Stretch> {
  const rows = await sql<Row[]>`
    with head as (select coalesce(max(index), -1) as index from log.entries)
    select head.index::text as head, e.index::text as index, e.entry, e.subject_kind, e.subject, e.type, e.event_id, e.party
    from head left join lateral (
      select * from log.entries where kind = 'event' and index > ${after} order by index limit ${limit}
    ) e on true
    order by e.index`
  const events = rows.flatMap(eventOf)
  const last = events.at(-1)
  const head = Number(rows[0]?.head ?? -1)
  return { events, scannedTo: last && events.length === limit ? last.index : Math.max(after, head) }
}

interface Row {
  readonly head: string
  readonly index: string | null
  readonly entry: string
  readonly subject_kind: string
  readonly subject: string
  readonly type: string
  readonly event_id: string
  readonly party: string
}

function eventOf(row: Row): LoggedEvent[] {
  if (row.index === null) return []
  const { entry, subject, type, party } = row
  return [{ index: Number(row.index), entry, kind: row.subject_kind, subject, type, eventId: row.event_id, party }]
}
