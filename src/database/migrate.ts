import path from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { CannotStart } from '../domain/cannot-start.ts'
import { databaseServerOf } from './server.ts'

/** Migration sets of the package; the same place seen from src/database and from dist/database. */
export const migrationsFolder = path.join(import.meta.dirname, '..', '..', 'drizzle')

/** Any constant: it only has to be the same in every process that migrates. */
const migrationLock = 0x6c69_616e
/** Another process's migration may take this long; a wait beyond it means that its holder hangs. */
const lockTimeoutMs = 300_000

/** Brings schema `log` up to date. Any number of processes may do it at once. */
export async function migrateLog(url: string): Promise<void> {
  await migrateUnderLock(url, { folder: path.join(migrationsFolder, 'log') })
}

/**
 * Runs the migrations of a folder that this database, or this schema of it, has not seen yet.
 *
 * Drizzle's own migrate() takes no lock, so two processes starting together would both run the first migration.
 *
 * @param schema search_path while they run, and where their journal is kept; created when missing. Without it the
 *   migrations name their schemas themselves and the journal stands in schema `drizzle`
 * @param tables of the schema, which follows from something else: where one is gone, the whole schema is made anew, and empty
 * @returns the tables that were gone
 */
export async function migrateUnderLock(
  databaseUrl: string,
  { folder, schema, tables = [] }: { folder: string; schema?: string; tables?: readonly string[] },
): Promise<readonly string[]> {
  if (schema !== undefined && !/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new Error(`${schema} can't be the name of a schema`)
  const connection = {
    application_name: 'lianban migrate',
    lock_timeout: lockTimeoutMs,
    ...(schema === undefined ? {} : { search_path: schema }),
  }
  const { url, socket } = databaseServerOf(databaseUrl)
  // held in a variable: the type of postgres.js's options does not know of `socket`
  const options = { max: 1, onnotice: () => undefined, connection, socket }
  const client = postgres(url, options)
  try {
    // the session's lock, so closing the only connection gives it back even when a migration fails
    await client`select pg_advisory_lock(${migrationLock})`
    const bringUpToDate = () =>
      migrate(drizzle(client), { migrationsFolder: folder, ...(schema === undefined ? {} : { migrationsSchema: schema }) })
    const gone = await goneOf(client, schema, tables, bringUpToDate)
    if (schema === undefined || gone.length === 0) return []
    await client`drop schema ${client(schema)} cascade`
    await bringUpToDate()
    return gone
  } catch (error) {
    throw explained(error)
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** What whoever runs the database can mend, by the code of PostgreSQL's error. */
const remedies: Readonly<Record<string, string>> = {
  '25006': 'it takes no writes: is DATABASE_URL that of a standby?',
  '42501': 'its user must be allowed to create schemas and own what is in them',
  '53100': 'its disk is full',
  '55P03': 'another process has migrated it for minutes: does that one hang?',
}

/** Drizzle wraps the database's error. */
function explained(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const remedy = cause instanceof Error && 'code' in cause ? remedies[String(cause.code)] : undefined
  if (remedy === undefined || !(cause instanceof Error)) return error
  return new CannotStart(`the database's tables can't be made or brought up to date: ${cause.message}; ${remedy}`, {
    cause: error,
  })
}

const journal = '__drizzle_migrations'

/** What the migrations have made before, and is not there after they were brought up to date. */
async function goneOf(
  client: postgres.Sql,
  schema: string | undefined,
  tables: readonly string[],
  bringUpToDate: () => Promise<void>,
): Promise<readonly string[]> {
  const present = async () => {
    const rows = await client<{ name: string }[]>`select tablename as name from pg_tables where schemaname = ${schema ?? null}`
    return rows.map(({ name }) => name)
  }
  const before = await present()
  // the first migration would fail of what it finds
  if (tables.some((name) => before.includes(name)) && !before.includes(journal)) return [journal]
  await bringUpToDate()
  const after = await present()
  return tables.filter((name) => !after.includes(name))
}
