import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { exchangeOn, lockDataDir } from './data-dir-lock.ts'
import { existingHomeFolder, type PostgresHome, postgresHome } from './postgres-home.ts'
import { isPostgresOf, postgresProcessesOf } from './process.ts'

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

const owner = 'lianban'
/** A cold start with crash recovery on a slow disk takes seconds; a minute means that it hangs. */
const startLimitMs = 60_000
/** A fast shutdown writes a checkpoint; after this it is ended without one, which recovery makes good. */
const stopLimitMs = 15_000
/** Children end within milliseconds of their server. */
const childrenLimitMs = 5_000
/** The server's own log is emptied above this size. */
const maxLogBytes = 4 * 1024 * 1024

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
    const { server, port } = await startServer(home, cluster, { ...defaultSettings, ...settings }, asked)
    const { pid } = server
    if (pid === undefined) throw new Error('Postgres has no process id')
    server.unref()

    let stopping: Promise<void> | undefined
    const exited = gone(server).then(() => {
      if (!stopping) log.error(`Postgres (process ${pid}) has ended by itself; its last words are in ${logFile(home.folder)}`)
    })
    const housekeeping = setInterval(() => void boundLog(home.folder), 60_000)
    housekeeping.unref()
    const stop = async () => {
      clearInterval(housekeeping)
      server.ref()
      await endServer(pid, () => server.exitCode !== null || server.signalCode !== null)
      await exited
      await lock.release()
    }
    const url = urlOf(port, await readFile(path.join(home.folder, 'password'), 'utf8'))
    return {
      url,
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
  return running?.ready ? urlOf(running.port, await readFile(path.join(folder, 'password'), 'utf8')) : undefined
}

const urlOf = (port: number, password: string) => `postgres://${owner}:${password.trim()}@127.0.0.1:${port}/postgres`
const logFile = (folder: string) => path.join(folder, 'server.log')

async function makeCluster(home: PostgresHome, cluster: string, log: Log, asked: AbortSignal): Promise<void> {
  log.info('making a Postgres cluster, which takes a few seconds and happens once')
  for (const name of await readdir(home.folder)) {
    if (name.startsWith('cluster')) await rm(path.join(home.folder, name), { recursive: true, force: true, maxRetries: 20 })
  }
  // a name of its own: an initdb that outlived its exchange may still write to the last one
  const half = `${cluster}-half-made-${process.pid}`
  const password = path.join(home.folder, 'password')
  await rm(password, { force: true })
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true })
  if (home.user) await chown(password, home.user.uid, home.user.gid)
  const options = ['-D', half, '-U', owner, '-A', 'scram-sha-256', `--pwfile=${password}`, '-E', 'UTF8', '--locale=C']
  const initdb = await openLog(home.folder, async (output) => {
    const args = [...options, '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions']
    asked.throwIfAborted()
    const child = await run(home, 'initdb', args, output)
    const { pid } = child
    // with its own server
    const kill = () => (pid === undefined ? undefined : signalled(-pid, 'SIGKILL'))
    if (asked.aborted) kill()
    asked.addEventListener('abort', kill)
    await gone(child).finally(() => asked.removeEventListener('abort', kill))
    return child
  })
  asked.throwIfAborted()
  if (initdb.exitCode !== 0) throw new Error(`Postgres could not make its cluster: ${await lastWords(home.folder)}`)
  await rename(half, cluster)
  // or a power cut could take the name away from a cluster that holds receipted entries
  const folder = await open(home.folder, 'r')
  await folder.sync().finally(() => folder.close())
}

async function startServer(
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
    const server = await openLog(home.folder, (output) => run(home, 'postgres', args, output))
    const isReady = await becomesReady(server, cluster, asked)
    asked.throwIfAborted()
    if (isReady) {
      await writeFile(path.join(home.folder, 'port'), `${port}\n`)
      return { server, port }
    }
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
async function runningServer(cluster: string): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const lines = (await readFile(path.join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  if (!isPostgresOf(pid, cluster)) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

async function stopLeftOver(cluster: string, log: Log): Promise<void> {
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

/** @param ended checked before every signal, so that a reused process id is never hit */
async function endServer(pid: number, ended: () => boolean): Promise<void> {
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

function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** A program of Postgres in a session and process group of its own: Ctrl-C on a terminal doesn't reach it. */
async function run(home: PostgresHome, program: string, args: readonly string[], output: number): Promise<ChildProcess> {
  const child = spawn(path.join(home.binaries, 'bin', program), args, {
    cwd: home.folder,
    detached: true,
    stdio: ['ignore', output, output],
    // nothing of ours: PGDATA and its like would change what it does, and secrets are none of its business
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...home.user,
  })
  await once(child, 'spawn')
  return child
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await once(child, 'exit')
}

async function openLog<T>(folder: string, use: (output: number) => Promise<T>): Promise<T> {
  const file = await open(logFile(folder), 'a', 0o600)
  try {
    return await use(file.fd)
  } finally {
    await file.close()
  }
}

async function boundLog(folder: string): Promise<void> {
  const { size } = await stat(logFile(folder)).catch(() => ({ size: 0 }))
  if (size > maxLogBytes) await truncate(logFile(folder))
}

async function lastWords(folder: string): Promise<string> {
  const lines = (await readFile(logFile(folder), 'utf8').catch(() => '')).trimEnd().split('\n')
  return lines.slice(-6).join(' / ')
}

/** The port of last time if it is free, so that a DATABASE_URL handed to other processes stays good. */
async function freePort(folder: string): Promise<number> {
  const last = Number(await readFile(path.join(folder, 'port'), 'utf8').catch(() => '0'))
  return (last > 0 ? await listenOnce(last) : undefined) ?? (await listenOnce(0)) ?? 0
}

async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  } catch {
    // in use
    return undefined
  } finally {
    server.close()
  }
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
