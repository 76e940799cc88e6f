import type { Config } from '../config.ts'
import { connect, type Database, pingDatabase } from '../database/connect.ts'
import { runningEmbeddedUrl } from '../database/embedded/start.ts'
import { openDatabase, stopOpened } from '../database/open.ts'
import type { Logger } from '../logger.ts'
import { CommandFailed } from './command.ts'
import { onInterrupt } from './interrupt.ts'

/**
 * Works on the database of this machine's configuration: the one of DATABASE_URL, the embedded one of a running exchange,
 * or the embedded one started for the while.
 */
export async function withOwnDatabase<T>(
  config: Config,
  logger: Logger,
  use: (database: Database, url: string) => Promise<T>,
): Promise<T> {
  const running = config.databaseUrl ?? (await runningEmbeddedUrl(config.dataDir))
  if (running !== undefined) return withDatabase(running, use)
  const asked = new AbortController()
  const opening = openDatabase(config, logger, asked.signal)
  const uninterrupted = onInterrupt(() => {
    asked.abort()
    // under whoever uses it; below it is waited for
    stopOpened(opening).catch(() => undefined)
  })
  try {
    return await withDatabase((await opening).url, use)
  } catch (error) {
    throw asked.signal.aborted ? new CommandFailed('interrupted') : error
  } finally {
    await stopOpened(opening)
    uninterrupted()
  }
}

async function withDatabase<T>(url: string, use: (database: Database, url: string) => Promise<T>): Promise<T> {
  const database = connect(url, { name: 'lianban command', maxConnections: 3 })
  try {
    await pingDatabase(database)
    return await use(database, url)
  } finally {
    await database.close()
  }
}
