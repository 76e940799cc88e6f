import path from 'node:path'
import { getTableName } from 'drizzle-orm'
import type { RawSql } from '../database/connect.ts'
import { migrateUnderLock, migrationsFolder } from '../database/migrate.ts'
import { completeness, dismissed, parked, positions, records } from './tables.ts'

/** The Postgres schema of a bureau's view: bureau ids have `-` where identifiers would need quotes. */
export function viewSchema(bureau: string): string {
  return `view_${bureau.replaceAll('-', '_')}`
}

/** The schema that a rebuild fills, and the one that it has replaced: no bureau's id gives such a name. */
export const rebuildSchema = (bureau: string): string => viewSchema(bureau).replace(/^view/, 'rebuild')
export const replacedSchema = (bureau: string): string => viewSchema(bureau).replace(/^view/, 'replaced')

const tables = [records, positions, completeness, parked, dismissed].map((table) => getTableName(table))

/**
 * Brings one view's tables up to date; creates the schema when missing. Any number of processes may do it at once.
 *
 * A table alone can't come again from the log, since the others say how far the view is: where one is gone, all are made anew.
 *
 * @param schema {@link viewSchema}, or the schema that a rebuild fills beside it
 * @returns the tables that were gone, though the schema was there
 */
export function migrateView(url: string, schema: string): Promise<readonly string[]> {
  return migrateUnderLock(url, { folder: path.join(migrationsFolder, 'view'), schema, tables })
}

/** Are all tables of a view there? */
export async function isWhole(sql: RawSql, schema: string): Promise<boolean> {
  const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`
    select count(*)::int as count from pg_tables where schemaname = ${schema} and tablename = any(${sql.array(tables)})`
  return count === tables.length
}
