import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { aborted, withDeadline } from '../deadline.ts'
import { CannotStart } from '../domain/cannot-start.ts'
import { databaseErrorOf, isLostConnection } from './database-error.ts'
import { databaseServerOf } from './server.ts'

/** The client for raw SQL on hot paths: int8 arrives as a number. */
export type RawSql = postgres.Sql<{ bigint: number }>

export interface Database {
  readonly raw: RawSql
  readonly orm: PostgresJsDatabase
  /** host and port, for people */
  readonly address: string
  /** Waits a few seconds for statements under way, then closes every connection. */
  close(): Promise<void>
}

export interface ConnectOptions {
  /** shown in pg_stat_activity, such as `lianban gateway` */
  readonly name: string
  /** connections of the raw client at most; Drizzle's client has as many again. Default 10 */
  readonly maxConnections?: number
  /** search_path of every connection: how one bureau's view is chosen */
  readonly schema?: string
  /**
   * What is written follows from the log, and is written in one transaction with how far it has come: a commit need not wait for the
   * disk. A server that crashes takes its last moments back, positions and rows alike, and they are folded again. Default false
   */
  readonly derived?: boolean
  /** no statement of ours takes this long on a healthy machine; 0 is no limit. Default 30,000 */
  readonly statementTimeoutMs?: number
  /** a wait this long for a row or table means that its holder hangs. Default 15,000 */
  readonly lockTimeoutMs?: number
  /** default 10,000 */
  readonly connectTimeoutMs?: number
}

/** postgres.js would wait up to 20 s after a long outage, and every sender with it. */
const longestBackoffSeconds = 1

const oldestVersion = 140_000

/**
 * Makes a connection's first message so long that postgres.js sends it at once.
 *
 * When a connection is lost with a small write waiting, version 3.4.9 forgets that its timer for small writes is off: the
 * next connection in that place would send nothing until the time to connect is over, and again, for about a minute.
 */
const startupPadding = '.'.repeat(1024)

/**
 * Opens pools to a database: connections are made when they are first needed.
 *
 * Two clients, because drizzle(client) changes how that client reads and writes dates and JSON.
 */
export function connect(databaseUrl: string, options: ConnectOptions): Database {
  const { url, address, socket } = databaseServerOf(databaseUrl)
  const { maxConnections = 10, statementTimeoutMs = 30_000, lockTimeoutMs = 15_000, connectTimeoutMs = 10_000 } = options
  const connection = {
    application_name: options.name,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    // a transaction whose process hangs must give back its locks
    idle_in_transaction_session_timeout: 60_000,
    'lianban.padding': startupPadding,
    ...(options.schema === undefined ? {} : { search_path: options.schema }),
    ...(options.derived ? { synchronous_commit: 'off' } : {}),
  }
  const common = {
    max: maxConnections,
    connect_timeout: connectTimeoutMs / 1000,
    onnotice: () => undefined,
    connection,
    socket,
    backoff: (failures: number) => Math.min(3 ** failures / 100, longestBackoffSeconds),
  }
  const raw = postgres(url, { ...common, types: { bigint: safeBigint } })
  const client = postgres(url, common)
  return {
    raw,
    orm: drizzle(client),
    address,
    close: async () => {
      await Promise.all([raw.end({ timeout: 5 }), client.end({ timeout: 5 })])
    },
  }
}

/** A connection that comes about at all is there in 10 s; a second host behind a dead one takes a little longer. */
const pingLimitMs = 20_000

/**
 * @param limitMs the longest wait, over everything
 * @throws {CannotStart} when the database can't be reached, is too old, or is not UTF-8; the message says where it is and what to do
 */
export async function pingDatabase(
  { raw, address }: Pick<Database, 'raw' | 'address'>,
  limitMs: number = pingLimitMs,
): Promise<void> {
  const [server] = await withDeadline(limitMs, undefined, (signal) => Promise.race([askForVersion(raw), aborted(signal)])).catch(
    (cause) => {
      throw new CannotStart(
        `the database at ${address} can't be used: ${reasonOf(cause)}; is DATABASE_URL right, and the server running?`,
        { cause },
      )
    },
  )
  if (!server || server.version < oldestVersion) {
    throw new CannotStart(`the database is PostgreSQL ${Math.floor((server?.version ?? 0) / 10_000)}: 14 or later is needed`)
  }
  if (server.encoding !== 'UTF8') {
    throw new CannotStart(`the database's encoding is ${server.encoding}: create it with encoding 'UTF8', template template0`)
  }
}

/**
 * What a start ends with when its database goes away under it.
 *
 * @returns any other error as it is
 */
export function goneAtStart(error: unknown, { address }: Pick<Database, 'address'>): unknown {
  if (!isLostConnection(error)) return error
  const message = `the database at ${address} went away during the start: ${reasonOf(databaseErrorOf(error))}; start again when it is there`
  return new CannotStart(message, { cause: error })
}

const askForVersion = (raw: RawSql) => raw<{ version: number; encoding: string }[]>`
  select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`

/** The error for several addresses of one host has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && error.code === 'CONNECT_TIMEOUT' ? 'it took the connection and gave no answer in time' : error.message
}

/** Indexes and sizes fit a number up to 2^53; beyond it an answer would be silently wrong. */
const safeBigint = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string) => {
    const value = Number(text)
    if (!Number.isSafeInteger(value)) throw new Error(`${text} is no safe integer`)
    return value
  },
}
