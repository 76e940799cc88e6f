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

/**
 * Brings one view's tables up to date; creates the schema when missing. Any number of processes may do it at once.
 *
 * @param schema {@link viewSchema}, or the schema that a rebuild fills beside it
 */
export async function migrateView(url: string, schema: string): Promise<void> {
  await migrateUnderLock(url, { folder: path.join(migrationsFolder, 'view'), schema })
}

const tables = [records, positions, completeness, parked, dismissed].map((table) => getTableName(table))

/** Names of what the migrations have made and somebody has dropped: they are not run again. */
export async function lostTables(sql: RawSql, schema: string): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`select tablename as name from pg_tables where schemaname = ${schema}`
  const present = new Set(rows.map(({ name }) => name))
  return tables.filter((name) => !present.has(name))
}
