import path from 'node:path'
import { migrateUnderLock, migrationsFolder } from '../database/migrate.ts'

/** The Postgres schema of a bureau's view: bureau ids have `-` where identifiers would need quotes. */
export function viewSchema(bureau: string): string {
  return `view_${bureau.replaceAll('-', '_')}`
}

/**
 * Brings one view's tables up to date; creates the schema when missing. Any number of processes may do it at once.
 *
 * @param schema {@link viewSchema}, or the schema that a rebuild fills beside it
 */
export async function migrateView(url: string, schema: string): Promise<void> {
  await migrateUnderLock(url, { folder: path.join(migrationsFolder, 'view'), schema })
}
