import { randomBytes } from 'node:crypto'
import { chown, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { PostgresHome } from './home.ts'
import { gone, run, signalled } from './program.ts'
import { lastWords, openLog } from './server-log.ts'

interface Log {
  info(message: string): void
}

const owner = 'lianban'

/**
 * Makes a cluster aside and renames it: whoever finds one has a whole one. What an earlier try left is thrown away.
 *
 * @throws {Error} with Postgres's last words, or the reason of the signal
 */
export async function makeCluster(home: PostgresHome, cluster: string, log: Log, asked: AbortSignal): Promise<void> {
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

/**
 * The cluster's password, as it was made with it.
 *
 * @param folder of the home
 * @throws {Error} when it can't be read; the message says where it has to be
 */
export async function passwordOf(folder: string): Promise<string> {
  const file = path.join(folder, 'password')
  const password = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(
      `the database's password can't be read (${cause.code}): put ${file} back, readable by who runs the exchange`,
      {
        cause,
      },
    )
  })
  return password.trim()
}

export const urlOf = (password: string, port: number): string => `postgres://${owner}:${password}@127.0.0.1:${port}/postgres`
