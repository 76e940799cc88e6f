import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import { startEmbeddedPostgres } from './embedded/start.ts'

/** Where the database is, and how to end it if it is ours. */
export interface OpenedDatabase {
  readonly url: string
  stop(): Promise<void>
  /** resolves with a reason when it ended though nobody stopped it; never for a database that is not ours */
  readonly failed: Promise<string>
}

/**
 * The configured database, or the embedded one of the data directory.
 *
 * @param asked ends the embedded one's start
 */
export async function openDatabase({ databaseUrl, dataDir }: Config, log: Logger, asked?: AbortSignal): Promise<OpenedDatabase> {
  if (databaseUrl !== undefined) return { url: databaseUrl, stop: () => Promise.resolve(), failed: new Promise(() => undefined) }
  const { url, stop, exited } = await startEmbeddedPostgres({
    dataDir,
    ...(asked === undefined ? {} : { asked }),
    log: {
      info: (message) => log.info({ part: 'postgres' }, message),
      error: (message) => log.error({ part: 'postgres' }, message),
    },
  })
  return { url, stop, failed: exited.then(() => 'the embedded Postgres ended') }
}

/** Stops a database as soon as it is opened. One that can't be opened has nothing left to stop; whoever opens it is told. */
export function stopOpened(opening: Promise<OpenedDatabase>): Promise<void> {
  return opening.then(
    ({ stop }) => stop(),
    () => undefined,
  )
}
