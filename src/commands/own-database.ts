import type { Config } from '../config.ts'
import { connect, type Database, pingDatabase } from '../database/connect.ts'
import { runningEmbeddedUrl } from '../database/embedded.ts'
import { openDatabase } from '../database/open.ts'
import type { Logger } from '../logger.ts'

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
  const opened = running === undefined ? await openDatabase(config, logger) : { url: running, stop: () => Promise.resolve() }
  const database = connect(opened.url, { name: 'lianban command', maxConnections: 3 })
  try {
    await pingDatabase(database)
    return await use(database, opened.url)
  } finally {
    await database.close()
    await opened.stop()
  }
}
