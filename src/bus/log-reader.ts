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
  /** the log may go on behind it */
  readonly more: boolean
}

/** Entries read at once: about 1 MB of them. */
export const maxRead = 500

/**
 * Reads the events after an index, in order. Entries commit in index order under the log's head lock, so a later read never
 * finds one below what an earlier read returned.
 *
 * Other kinds of entry are passed over here: asked for events alone, Postgres would take one of the indexes of events while it has no
 * statistics of a young log, and go through all of it.
 *
 * @param limit entries of any kind
 */
export async function readEvents(sql: Sql, after: number, limit = maxRead): Promise<Stretch> {
  const rows = await sql<Row[]>`
    select e.index::text as index, e.kind, e.entry, e.subject_kind, e.subject, e.type, e.event_id, e.party
    from log.entries e where e.index > ${after} order by e.index limit ${limit}`
  const scannedTo = Number(rows.at(-1)?.index ?? after)
  return { events: rows.flatMap(eventOf), scannedTo, more: rows.length === limit }
}

interface Row {
  readonly index: string
  readonly kind: string
  readonly entry: string
  readonly subject_kind: string
  readonly subject: string
  readonly type: string
  readonly event_id: string
  readonly party: string
}

function eventOf(row: Row): LoggedEvent[] {
  if (row.kind !== 'event') return []
  const { entry, subject, type, party } = row
  return [{ index: Number(row.index), entry, kind: row.subject_kind, subject, type, eventId: row.event_id, party }]
}
