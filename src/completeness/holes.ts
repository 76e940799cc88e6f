import type { RawSql } from '../database/connect.ts'
import type { Subject } from '../replay/fold-waiting.ts'

/** A subject of which a view has taken the log's events, or should have. */
export interface Expected extends Subject {
  /** the position of its partition: every event up to it must be applied, parked or dismissed */
  readonly upTo: number
}

/** A subject of which a view lacks events in its past. */
export interface Hole extends Expected {
  /** below 0: the view counts more than the log has */
  readonly missing: number
}

/**
 * Compares what the log has of some subjects with what a view has applied, parked and dismissed of them. It is one statement,
 * so it sees one moment of both: events that the view took in after its position was read count on both sides.
 *
 * @param sql its search_path is the view's schema
 */
export async function findHoles(sql: RawSql, subjects: readonly Expected[]): Promise<readonly Hole[]> {
  if (subjects.length === 0) return []
  return await sql<Hole[]>`
    select wanted.kind, wanted.subject, reached.index as "upTo", logged.events - seen.events as missing
    from unnest(
      ${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ subject }) => subject)}::text[],
      ${subjects.map(({ upTo }) => upTo)}::bigint[]) as wanted (kind, subject, up_to)
    left join records r on r.kind = wanted.kind and r.subject = wanted.subject
    cross join lateral (
      select count(*)::int as events, max(index) as last from parked p where p.kind = wanted.kind and p.subject = wanted.subject) waiting
    cross join lateral (
      select count(*)::int as events, max(index) as last from dismissed d where d.kind = wanted.kind and d.subject = wanted.subject) gone
    cross join lateral (select greatest(wanted.up_to, r.last_index, waiting.last, gone.last) as index) reached
    cross join lateral (
      select count(*)::int as events from log.entries e
      where e.kind = 'event' and e.subject_kind = wanted.kind and e.subject = wanted.subject and e.index <= reached.index) logged
    cross join lateral (select coalesce(r.events, 0) + waiting.events + gone.events as events) seen
    where logged.events <> seen.events`
}
