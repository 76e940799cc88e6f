import type { ChildProcess } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isPostgresOf, postgresProcessesOf } from '../process.ts'
import { freePort } from './free-port.ts'
import type { PostgresHome } from './home.ts'
import { run, signalled } from './program.ts'
import { boundLog, lastWords, openLog } from './server-log.ts'

interface Log {
  info(message: string): void
}

/** A cold start with crash recovery on a slow disk takes seconds; a minute means that it hangs. */
const startLimitMs = 60_000
/** A fast shutdown writes a checkpoint; after this it is ended without one, which recovery makes good. */
const stopLimitMs = 15_000
/** Children end within milliseconds of their server. */
const childrenLimitMs = 5_000

/**
 * Starts the server of a cluster and waits until it takes connections, {@link startLimitMs} at most.
 *
 * @throws {Error} with Postgres's last words, or the reason of the signal; no server is left running
 */
export async function startServer(
  home: PostgresHome,
  cluster: string,
  settings: Readonly<Record<string, string>>,
  asked: AbortSignal,
): Promise<{ server: ChildProcess; port: number }> {
  let failure = ''
  // again for a port that was taken between our look and Postgres's, and for the memory of a killed server's last children
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort(home.folder)
    const options = { ...settings, listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) }
    const args = ['-D', cluster, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
    await boundLog(home.folder)
    // kept for the next start; noted before there is a server, which would be left behind where it can't be
    await writeFile(path.join(home.folder, 'port'), `${port}\n`)
    const server = await openLog(home.folder, (output) => run(home, 'postgres', args, output))
    const isReady = await becomesReady(server, cluster, asked)
    asked.throwIfAborted()
    if (isReady) return { server, port }
    failure = await lastWords(home.folder)
    if (!/Address already in use|shared memory block|could not create any TCP/.test(failure)) break
    await rm(path.join(home.folder, 'port'), { force: true })
    await pause(200 * (attempt + 1))
  }
  throw new Error(`Postgres did not start: ${failure}`)
}

async function becomesReady(server: ChildProcess, cluster: string, asked: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + startLimitMs
  while (server.exitCode === null && server.signalCode === null) {
    const running = await runningServer(cluster)
    if (running?.ready && running.pid === server.pid && !asked.aborted) return true
    if (Date.now() > deadline || asked.aborted) {
      if (server.pid !== undefined) await endServer(server.pid, () => server.exitCode !== null || server.signalCode !== null)
      return false
    }
    await pause(10)
  }
  return false
}

/** What postmaster.pid says, if the process it names is this cluster's server. Its lines are those of miscadmin.h, PG_CTL's too. */
export async function runningServer(cluster: string): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const lines = (await readFile(path.join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  if (!isPostgresOf(pid, cluster)) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

/** Stops a server that outlived its exchange; when it returns no process works in the cluster, as far as this system can tell. */
export async function stopLeftOver(cluster: string, log: Log): Promise<void> {
  const left = await runningServer(cluster)
  if (left) {
    log.info(`stopping Postgres (process ${left.pid}), which outlived an exchange that was killed`)
    await endServer(left.pid, () => !isPostgresOf(left.pid, cluster))
  }
  // children of a server that was killed itself see it by themselves and end
  const deadline = Date.now() + childrenLimitMs
  while (postgresProcessesOf(cluster).length > 0) {
    if (Date.now() > deadline) for (const pid of postgresProcessesOf(cluster)) signalled(pid, 'SIGKILL')
    await pause(10)
  }
  // Postgres takes a zombie that nobody reaps, or a stranger with the old process id, for a server of this cluster.
  // Elsewhere than on Linux we can't know that nothing runs, so there it has the last word.
  if (process.platform === 'linux') await rm(path.join(cluster, 'postmaster.pid'), { force: true })
}

/**
 * Asks a server to end, then makes it end.
 *
 * @param ended checked before every signal, so that a reused process id is never hit
 * @throws {Error} when it is still there
 */
export async function endServer(pid: number, ended: () => boolean): Promise<void> {
  for (const [signal, limitMs] of [
    ['SIGINT', stopLimitMs],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (ended()) return
    // SIGKILL to the whole group, which is Postgres's own: its children must not stay behind
    signalled(signal === 'SIGKILL' ? -pid : pid, signal)
    const deadline = Date.now() + limitMs
    while (!ended() && Date.now() < deadline) await pause(10)
  }
  if (!ended()) throw new Error(`Postgres (process ${pid}) could not be stopped`)
}
