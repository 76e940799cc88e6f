import type { RawSql } from '../database/connect.ts'
import type { ParkedCause } from '../domain/record.ts'
import { maxPage } from './queries.ts'

/** Which parked events are asked for; everything that is given must hold. */
export interface ParkedFilter {
  readonly cause?: ParkedCause | undefined
  readonly type?: string | undefined
  readonly kind?: string | undefined
  readonly subject?: string | undefined
  /** a part of the name of the subject, in any case */
  readonly name?: string | undefined
  /** parked at or after */
  readonly from?: Date | undefined
  /** parked before */
  readonly to?: Date | undefined
}

/** Which of them make up a page. */
export interface ParkedPage {
  /** only events after this index */
  readonly after?: number | undefined
  /** 1 to {@link maxPage}, and one more by which a caller sees whether a page follows */
  readonly limit?: number | undefined
}

export interface ParkedEvent {
  readonly index: number
  readonly kind: string
  readonly subject: string
  /** of the subject, by its record or its first parked event; null when neither says one */
  readonly name: string | null
  readonly type: string
  readonly cause: ParkedCause
  readonly detail: string
  /** RFC 3339 UTC */
  readonly parkedAt: string
  readonly tries: number
}

/** Events of one cause and type that are parked now. */
export interface ParkedGroup {
  readonly cause: ParkedCause
  readonly type: string
  readonly events: number
  readonly subjects: number
  /** RFC 3339 UTC */
  readonly firstParkedAt: string
  readonly lastParkedAt: string
  /** of them, parked in the hour before the question, and in the hour before that */
  readonly trend: { readonly lastHour: number; readonly hourBefore: number }
  /** the first of them */
  readonly example: Pick<ParkedEvent, 'index' | 'kind' | 'subject' | 'name' | 'detail'>
}

/** What is asked of what is parked in one view. */
export interface ParkedQueries {
  /** Largest first, those that wait behind others last. @param now where the trend's hours end */
  parkedGroups(filter: ParkedFilter, now: Date): Promise<readonly ParkedGroup[]>
  /** In order of index. */
  listParked(filter: ParkedFilter & ParkedPage): Promise<readonly ParkedEvent[]>
}

/** @param sql its search_path is the view's schema */
export function createParkedQueries(sql: RawSql): ParkedQueries {
  return {
    async parkedGroups(filter, now) {
      if (isUnstorable(filter)) return []
      const rows = await sql<GroupRow[]>`${groupsQuery(sql, filter, now)}`
      return rows.map(({ firstParkedAt, lastParkedAt, lastHour, hourBefore, ...row }) => {
        const { cause, type, events, subjects, ...example } = row
        return {
          ...{ cause, type, events, subjects },
          firstParkedAt: firstParkedAt.toISOString(),
          lastParkedAt: lastParkedAt.toISOString(),
          trend: { lastHour, hourBefore },
          example,
        }
      })
    },
    async listParked(filter) {
      if (isUnstorable(filter)) return []
      const rows = await sql<(Omit<ParkedEvent, 'parkedAt'> & { parkedAt: Date })[]>`${pageQuery(sql, filter)}`
      return rows.map((row) => ({ ...row, parkedAt: row.parkedAt.toISOString() }))
    },
  }
}

type GroupRow = Omit<ParkedGroup, 'firstParkedAt' | 'lastParkedAt' | 'trend' | 'example'> &
  ParkedGroup['example'] &
  ParkedGroup['trend'] & { readonly firstParkedAt: Date; readonly lastParkedAt: Date }

/** Subjects first, then groups of them: counting distinct ones would sort every event. */
export function groupsQuery(sql: RawSql, filter: ParkedFilter, now: Date) {
  const hours = (from: number, to: number) =>
    sql`count(*) filter (where parked_at > ${now}::timestamptz - ${from} * interval '1 hour'
      and parked_at <= ${now}::timestamptz - ${to} * interval '1 hour')`
  return sql`
    select grouped.cause, grouped.type, events, subjects, "firstParkedAt", "lastParkedAt", "lastHour", "hourBefore",
      index, p.kind, p.subject, ${nameOf(sql)} as name, detail
    from (
      select cause, type, sum(events)::int as events, count(*)::int as subjects, min(first) as "firstParkedAt",
        max(last) as "lastParkedAt", sum(last_hour)::int as "lastHour", sum(hour_before)::int as "hourBefore", min(index) as index
      from (
        select cause, type, count(*) as events, min(parked_at) as first, max(parked_at) as last,
          ${hours(1, 0)} as last_hour, ${hours(2, 1)} as hour_before, min(index) as index
        from parked p where ${wanted(sql, filter)} group by cause, type, kind, subject) as of_subject
      group by cause, type) as grouped
    join parked p using (index)
    order by grouped.cause = 'behind', events desc, grouped.cause, grouped.type`
}

export function pageQuery(sql: RawSql, { after, limit, ...filter }: ParkedFilter & ParkedPage) {
  return sql`
    select index, kind, subject, ${nameOf(sql)} as name, type, cause, detail, parked_at as "parkedAt", tries
    from (
      select * from parked p
      where ${wanted(sql, filter)} ${after === undefined ? sql`` : sql`and index > ${after}::bigint`}
      order by index limit ${Math.min(limit ?? maxPage, maxPage + 1)}) as p
    order by index`
}

/** A record knows the name of today; a subject that has none yet is called as its first parked event calls it. */
function nameOf(sql: RawSql) {
  return sql`coalesce(
    (select r.name from records r where r.kind = p.kind and r.subject = p.subject),
    (select n.name from parked n where n.kind = p.kind and n.subject = p.subject and n.name is not null order by n.index limit 1))`
}

function wanted(sql: RawSql, { cause, type, kind, subject, name, from, to }: ParkedFilter) {
  return sql`true
    ${cause === undefined ? sql`` : sql`and cause = ${cause}`}
    ${type === undefined ? sql`` : sql`and type = ${type}`}
    ${kind === undefined ? sql`` : sql`and kind = ${kind}`}
    ${subject === undefined ? sql`` : sql`and subject = ${subject}`}
    ${from === undefined ? sql`` : sql`and parked_at >= ${from}::timestamptz`}
    ${to === undefined ? sql`` : sql`and parked_at < ${to}::timestamptz`}
    ${name === undefined ? sql`` : named(sql, `%${name.replace(/[\\%_]/g, '\\$&')}%`)}`
}

/** Whatever event of a subject says the name, or its record: all that is parked of it is found. */
function named(sql: RawSql, pattern: string) {
  return sql`and (
    exists (select from parked n where n.kind = p.kind and n.subject = p.subject and n.name ilike ${pattern})
    or exists (select from records r where r.kind = p.kind and r.subject = p.subject and r.name ilike ${pattern}))`
}

/** Text that no row can hold, since Postgres has no U+0000, matches none; asked all the same, it would be an error. */
function isUnstorable({ cause, type, kind, subject, name }: ParkedFilter): boolean {
  return [cause, type, kind, subject, name].some((value) => value?.includes('\0'))
}
