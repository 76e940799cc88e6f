import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { existingHomeFolder } from '../../src/database/embedded/home.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { postgresProcessesOf } from '../../src/database/process.ts'
import { type Life, signalled } from './life.ts'

/** As few buffers and as little write-ahead log as do: its disk is small. Durability stays as it is. */
const settings = { max_connections: '300', max_wal_size: '256MB', log_min_messages: 'log' }

const clusters = new Set<string>()
process.once('exit', () => {
  for (const cluster of clusters) for (const pid of postgresProcessesOf(cluster)) signalled(pid, 'SIGKILL')
})

/** Starts the Postgres of a data directory, always on the same port. @param onUrl told where it is */
export async function launchPostgres(
  { dataDir, logFile, port }: { dataDir: string; logFile: string; port: number },
  onUrl: (url: string) => void,
): Promise<Life> {
  await mkdir(join(dataDir, 'postgres'), { recursive: true })
  // what it takes for its port of last time
  await writeFile(join(await existingHomeFolder(dataDir), 'port'), `${port}\n`)
  const note = (message: string) => void appendFile(logFile, `${message}\n`)
  const server = await startEmbeddedPostgres({ dataDir, log: { info: note, error: note }, settings })
  onUrl(server.url)
  const cluster = join(await existingHomeFolder(dataDir), 'cluster')
  clusters.add(cluster)
  let isOver = false
  // stop() of one that has ended waits for its children and gives the data directory free
  const ended = server.exited.then(server.stop).then(() => {
    isOver = true
    return 'ended'
  })
  return {
    // first the server, so that it starts no more of the others while they are stopped
    pids: () => [server.pid, ...postgresProcessesOf(cluster).filter((pid) => pid !== server.pid)],
    isReady: () => !isOver,
    ended,
    end: (signal) => (signal === 'SIGKILL' ? signalled(server.pid, signal) : void server.stop()),
  }
}
