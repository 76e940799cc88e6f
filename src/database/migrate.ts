import path from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { CannotStart } from '../domain/cannot-start.ts'
import { databaseErrorOf } from './database-error.ts'
import { databaseServerOf } from './server.ts'

/** Migration sets of the package; the same place seen from src/database and from dist/database. */
export const migrationsFolder = path.join(import.meta.dirname, '..', '..', 'drizzle')

/** Any constant: it only has to be the same in every process that migrates. */
export const migrationLock = 0x6c69_616e
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
 */
export async function migrateUnderLock(
  databaseUrl: string,
  { folder, schema }: { folder: string; schema?: string },
): Promise<void> {
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
    await migrate(drizzle(client), { migrationsFolder: folder, ...(schema === undefined ? {} : { migrationsSchema: schema }) })
  } catch (error) {
    throw explained(error, schema)
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** What whoever runs the database can mend, by the code of PostgreSQL's error. */
const remedies: Readonly<Record<string, string>> = {
  '25006': 'it takes no writes: is DATABASE_URL that of a standby?',
  '42501': 'its user must be allowed to create schemas and own what is in them',
  '53100': 'its disk is full',
  '55P03': 'somebody else has held it for minutes: does another process, or a session of yours, hang?',
}

/**
 * What a migration meets where somebody has dropped what an earlier one made, or the journal that says so: undefined_table,
 * undefined_column, undefined_object; duplicate_table, duplicate_column, duplicate_object, duplicate_schema.
 */
const leftOtherwise = new Set(['42P01', '42703', '42704', '42P07', '42701', '42710', '42P06'])

/** @param schema of a view: all of it comes again from the log */
function explained(error: unknown, schema: string | undefined): unknown {
  const cause = databaseErrorOf(error)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const remedy = leftOtherwise.has(code) ? remedyOfChanged(schema) : remedies[code]
  if (remedy === undefined || !(cause instanceof Error)) return error
  const whose = schema === undefined ? "the database's tables" : `the tables of schema ${schema}`
  return new CannotStart(`${whose} can't be made or brought up to date: ${cause.message}; ${remedy}`, { cause: error })
}

function remedyOfChanged(schema: string | undefined): string {
  if (schema === undefined)
    return 'they are not as earlier migrations left them: restore a backup of the whole database, its schema drizzle included'
  return `they are not as earlier migrations left them: "drop schema ${schema} cascade", then start again, and all of it is made anew and filled from the log`
}
