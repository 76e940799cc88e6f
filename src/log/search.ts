import type { RawSql } from '../database/connect.ts'
import type { EntryFilter } from './entry-filter.ts'
import type { EntryRow } from './entry-row.ts'
import { decodePlace, encodePlace } from './place.ts'
import { indexesIn } from './search-lanes.ts'

export interface FoundEntry extends EntryRow {
  readonly problem: string | null
}

export interface EntryPage {
  readonly entries: readonly FoundEntry[]
  /** asks for the page after this one; absent when the log has no more of it yet */
  readonly next?: string
}

/**
 * Entries in order of index. Appends are ordered by the head's lock, so that no entry appears before the end of a page that
 * was answered: who follows `next` misses none and gets none twice.
 *
 * @throws {RefusedRequest} `invalid-request` for an `after` that no page gave
 */
export async function searchEntries(sql: RawSql, filter: EntryFilter): Promise<EntryPage> {
  const after = filter.after === undefined ? -1 : decodePlace(filter.after)
  const [first, end] = await Promise.all([
    filter.from === undefined ? 0 : firstReceived(sql, filter.from),
    filter.to === undefined ? Number.MAX_SAFE_INTEGER : firstReceived(sql, filter.to),
  ])
  const range = { first: Math.max(first, after + 1), end, limit: filter.limit + 1 }
  const rows = await sql<FoundEntry[]>`
    select index, kind, received, entry, leaf, party, type, subject_kind as "subjectKind", subject, problem
    from log.entries join (${indexesIn(sql, filter, range)}) found using (index) order by index`
  const entries = rows.slice(0, filter.limit)
  const last = entries.at(-1)
  return { entries, ...(rows.length > filter.limit && last ? { next: encodePlace(last.index) } : {}) }
}

/**
 * The first index whose `received` is not before a time, or the log's size: `received` never runs backwards, so that halving
 * finds it by some twenty primary keys, and the append needs no index for it.
 */
async function firstReceived(sql: RawSql, time: Date): Promise<number> {
  const [found] = await sql<{ low: number }[]>`
    with recursive halved(low, high) as (
      select 0::bigint, size from log.head where id = 1
      union all
      select case when e.received < ${time} then middle + 1 else low end, case when e.received < ${time} then high else middle end
      from (select low, high, (low + high) / 2 as middle from halved where low < high) h
      join log.entries e on e.index = h.middle
    )
    select low from halved where low = high`
  if (found === undefined) throw new Error('the log has fewer entries than its head says')
  return found.low
}
