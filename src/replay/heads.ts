import type { RawSql } from '../database/connect.ts'
import { headsWanted } from './filter.ts'
import type { Subject } from './fold-waiting.ts'
import type { Replay } from './replay.ts'

/** The first parked event of a subject. */
export interface Head extends Subject {
  readonly index: number
}

/** The next subjects that a replay takes, in order of their first parked event; none that it has tried already. */
export function nextHeads(sql: RawSql, { id, filter, after, upTo }: Replay, most: number): Promise<Head[]> {
  return sql<Head[]>`
    select index, kind, subject from parked
    where ${headsWanted(sql, filter)} and index > ${after}::bigint and index <= ${upTo}::bigint
      and replay is distinct from ${id}::bigint
    order by index limit ${most}`
}
