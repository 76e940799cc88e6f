import type { RawSql } from '../database/connect.ts'
import type { Connection } from '../log/transaction.ts'

/** Something derived that knows of entries which the log does not have. */
export interface Ahead {
  /** schema of a view, or topic of the publisher's progress */
  readonly name: string
  /** the last entry that it has taken in */
  readonly index: number
}

/** Views whose positions, records or parked events lie at or beyond a size of the log. */
export async function viewsAhead(sql: RawSql | Connection, size: number): Promise<readonly Ahead[]> {
  const ahead: Ahead[] = []
  for (const name of await viewSchemas(sql)) {
    const schema = sql(name)
    const [row] = await sql<{ index: number | null }[]>`
      select greatest((select max(index) from ${schema}.positions), (select max(last_index) from ${schema}.records),
        (select max(index) from ${schema}.parked)) as index`
    if (row?.index !== null && row?.index !== undefined && row.index >= size) ahead.push({ name, index: row.index })
  }
  return ahead
}

/**
 * Empties views that know more than the log: an index would come a second time, and they would take it for known. They fill
 * again from the log at the next start. What operators dismissed stays: the fold needs it.
 */
export async function emptyViews(sql: Connection, views: readonly Ahead[], size: number): Promise<void> {
  for (const { name } of views) {
    const schema = sql(name)
    await sql`truncate ${schema}.records, ${schema}.parked, ${schema}.positions`
    await sql`delete from ${schema}.dismissed where index >= ${size} or operation >= ${size}`
  }
}

/** Topics up to an index that the log does not have. Without its progress the publisher begins anew, and repeats harm nobody. */
export async function topicsAhead(sql: RawSql | Connection, size: number): Promise<readonly Ahead[]> {
  return await sql<{ name: string; index: number }[]>`select topic as name, index from log.published where index >= ${size}`
}

export async function forgetProgress(sql: Connection, topics: readonly Ahead[]): Promise<void> {
  for (const { name } of topics) await sql`delete from log.published where topic = ${name}`
}

async function viewSchemas(sql: RawSql | Connection): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    select table_schema as name from information_schema.tables
    where table_name in ('positions', 'records', 'parked') and (table_schema like 'view\_%' or table_schema like 'rebuild\_%')
    group by table_schema having count(*) = 3 order by 1`
  return rows.map(({ name }) => name)
}
