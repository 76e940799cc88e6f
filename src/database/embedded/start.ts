import { stat } from 'node:fs/promises'
import path from 'node:path'
import { exchangeOn, lockDataDir } from '../data-dir-lock.ts'
import { makeCluster, passwordOf, urlOf } from './cluster.ts'
import { existingHomeFolder, postgresHome } from './home.ts'
import { gone } from './program.ts'
import { endServer, runningServer, startServer, stopLeftOver } from './server.ts'
import { keepLogShort, logFile } from './server-log.ts'

export interface EmbeddedPostgres {
  /** user, password and port included: not for a log line */
  readonly url: string
  readonly pid: number
  /** resolves when the server has ended, also when nobody asked it to */
  readonly exited: Promise<void>
  /** Fast shutdown: open transactions are rolled back. When it returns no process of it is left. */
  stop(): Promise<void>
}

interface Log {
  info(message: string): void
  error(message: string): void
}

/** For one small machine. Durability is Postgres's default, said aloud because receipts rest on it. */
const defaultSettings: Readonly<Record<string, string>> = {
  synchronous_commit: 'on',
  fsync: 'on',
  full_page_writes: 'on',
  shared_buffers: '128MB',
  max_connections: '100',
  wal_level: 'replica',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
}

/**
 * Starts a data directory's own Postgres on 127.0.0.1, making its cluster the first time.
 *
 * It holds the data directory's lock until stop(). Killed at any moment, the next start goes on from what is durable: a
 * half-made cluster is thrown away, a server that outlived its exchange is stopped first.
 *
 * @param settings of postgresql.conf, instead of ours
 * @param asked ends the start: nothing is left running then, and the signal's reason is thrown
 * @throws {Error} when a living exchange uses the directory, or Postgres can't be started; the message says what to do
 */
export async function startEmbeddedPostgres({
  dataDir,
  log,
  settings = {},
  asked = new AbortController().signal,
}: {
  dataDir: string
  log: Log
  settings?: Readonly<Record<string, string>>
  asked?: AbortSignal
}): Promise<EmbeddedPostgres> {
  const lock = await lockDataDir(dataDir)
  try {
    const home = await postgresHome(dataDir)
    const cluster = path.join(home.folder, 'cluster')
    await stopLeftOver(cluster, log)
    if (!(await exists(path.join(cluster, 'PG_VERSION')))) await makeCluster(home, cluster, log, asked)
    // before there is a server, which would be left behind without it
    const password = await passwordOf(home.folder)
    const { server, port } = await startServer(home, cluster, { ...defaultSettings, ...settings }, asked)
    const { pid } = server
    if (pid === undefined) throw new Error('Postgres has no process id')
    server.unref()

    let stopping: Promise<void> | undefined
    const exited = gone(server).then(() => {
      if (!stopping) log.error(`Postgres (process ${pid}) has ended by itself; its last words are in ${logFile(home.folder)}`)
    })
    const leaveLog = keepLogShort(home.folder, log)
    const stop = async () => {
      leaveLog()
      server.ref()
      await endServer(pid, () => server.exitCode !== null || server.signalCode !== null)
      await exited
      await lock.release()
    }
    return {
      url: urlOf(password, port),
      pid,
      exited,
      stop: () => {
        stopping ??= stop()
        return stopping
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** @returns the URL of the Postgres that a living exchange runs on this data directory, undefined when there is none */
export async function runningEmbeddedUrl(dataDir: string): Promise<string | undefined> {
  if ((await exchangeOn(dataDir)) === undefined) return undefined
  const folder = await existingHomeFolder(dataDir)
  const running = await runningServer(path.join(folder, 'cluster'))
  return running?.ready ? urlOf(await passwordOf(folder), running.port) : undefined
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
