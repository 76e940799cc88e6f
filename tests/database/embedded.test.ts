import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runningEmbeddedUrl, startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { startOfProcess } from '../../src/database/process.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'

const asRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }

let dist: string
let parent: string
let dataDir: string
let messages: string[]
const children: ChildProcess[] = []
const log = { info: (message: string) => void messages.push(message), error: (message: string) => void messages.push(message) }
const start = () => startEmbeddedPostgres({ dataDir, log })

beforeAll(async () => {
  dist = await built()
})

beforeEach(async () => {
  messages = []
  parent = await mkdtemp(path.join(os.tmpdir(), 'lianban-embedded-'))
  await chmod(parent, 0o755)
  dataDir = path.join(parent, 'data')
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  const left = await serverOf(dataDir)
  if (left !== undefined) process.kill(left, 'SIGQUIT')
  const elsewhere = await noted()
  if (elsewhere?.startsWith('/var/lib/lianban/')) await rm(elsewhere, { recursive: true, force: true, maxRetries: 20 })
  await rm(parent, { recursive: true, force: true, maxRetries: 20 })
})

async function noted(): Promise<string | undefined> {
  return (await readFile(path.join(dataDir, 'postgres', 'is-elsewhere'), 'utf8').catch(() => undefined))?.trim()
}

async function serverOf(directory: string): Promise<number | undefined> {
  const folder = (await noted()) ?? path.join(directory, 'postgres')
  const pid = Number((await readFile(path.join(folder, 'cluster', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0])
  return startOfProcess(pid) === undefined ? undefined : pid
}

async function withClient<T>(url: string, use: (client: postgres.Sql) => Promise<T>): Promise<T> {
  const client = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    return await use(client)
  } finally {
    await client.end({ timeout: 2 })
  }
}

const remember = (url: string) => withClient(url, (client) => client`create table memory as select 'kept' as word`)
const recall = (url: string) => withClient(url, (client) => client`select word from memory`.then(([row]) => row?.word))

/** An exchange's process with nothing in it but its database; ends on SIGTERM. */
async function exchange(user?: { uid: number; gid: number }): Promise<{ child: ChildProcess; url: string; pid: number }> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(pathToFileURL(path.join(dist, 'database', 'embedded', 'start.js')).href)}
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log: console })
    process.once('SIGTERM', () => server.stop().then(() => process.exit()))
    console.log(JSON.stringify({ url: server.url, pid: server.pid }))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    ...user,
  })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) return { child, ...JSON.parse(line) }
  }
  throw new Error('the process ended before its database was up')
}

describe('a Postgres of our own', () => {
  test('keeps its data and its address from one start to the next, and leaves no process behind', async () => {
    const first = await start()
    await remember(first.url)
    expect(await runningEmbeddedUrl(dataDir)).toBe(first.url)
    await first.stop()
    expect(() => process.kill(-first.pid, 0)).toThrow('ESRCH')
    expect(await runningEmbeddedUrl(dataDir)).toBeUndefined()

    const second = await start()
    expect(second.url).toBe(first.url)
    expect(await recall(second.url)).toBe('kept')
    await second.stop()
  })

  test('asks for its password, speaks UTF-8 and writes through', async () => {
    const { url, stop } = await start()
    await expect(withClient(url.replace(/:[^:@]+@/, ':wrong@'), (client) => client`select 1`)).rejects.toThrow(
      'password authentication failed',
    )
    const [settings] = await withClient(
      url,
      (client) => client`
        select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
          current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as address`,
    )
    expect(settings).toEqual({ encoding: 'UTF8', fsync: 'on', commit: 'on', address: '127.0.0.1' })
    const { mode } = await stat(path.join((await noted()) ?? path.join(dataDir, 'postgres'), 'password'))
    expect(mode & 0o777).toBe(0o600)
    await stop()
  })

  test('a second exchange on the same directory is refused, in another process and in the same one', async () => {
    const { child, pid } = await exchange()
    await expect(start()).rejects.toThrow(`is in use by the exchange with process id ${child.pid}`)
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(startOfProcess(pid)).toBeUndefined()

    const server = await start()
    await expect(start()).rejects.toThrow(`is in use by the exchange with process id ${process.pid}`)
    await server.stop()
  })

  test('after kill -9 of the exchange the next start ends what it left and has the data', async () => {
    const { child, url, pid } = await exchange()
    await remember(url)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(startOfProcess(pid)).toBeDefined()

    const server = await start()
    expect(startOfProcess(pid)).toBeUndefined()
    expect(messages.join()).toContain(`stopping Postgres (process ${pid})`)
    expect(await recall(server.url)).toBe('kept')
    await server.stop()
  })

  test('after kill -9 of everything the next start recovers', async () => {
    const { child, url, pid } = await exchange()
    await remember(url)
    child.kill('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await once(child, 'exit')

    const server = await start()
    expect(await recall(server.url)).toBe('kept')
    await server.stop()
  })

  test('a cluster that was half made when the machine went down is made anew', async () => {
    await mkdir(path.join(dataDir, 'postgres', 'cluster-half-made', 'base'), { recursive: true })
    await writeFile(path.join(dataDir, 'postgres', 'cluster-half-made', 'PG_VERSION'), '18\n')
    const server = await start()
    await remember(server.url)
    await server.stop()
  })

  test.each([
    ['its password is gone', (folder: string) => rm(path.join(folder, 'password')), "password can't be read (ENOENT): put"],
    [
      'its port can’t be noted',
      (folder: string) => rm(path.join(folder, 'port')).then(() => mkdir(path.join(folder, 'port'))),
      'EISDIR',
    ],
  ])('a start that fails because %s leaves no server behind', async (_, spoil, told) => {
    const first = await start()
    await first.stop()
    await spoil((await noted()) ?? path.join(dataDir, 'postgres'))
    await expect(start()).rejects.toThrow(told)
    expect(await serverOf(dataDir)).toBeUndefined()
  })

  test('that its own log can’t be kept short is told, and nothing ends', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { url, stop } = await start()
    const file = path.join((await noted()) ?? path.join(dataDir, 'postgres'), 'server.log')
    await rm(file)
    await symlink('server.log', file)
    vi.advanceTimersByTime(60_000)
    await eventually(async () => messages.join().includes("own log can't be kept short, which is tried again: Error: ELOOP"))
    await remember(url)
    await stop()
  })

  test('a stale postmaster.pid that names a stranger harms nobody', async () => {
    const first = await start()
    await remember(first.url)
    await first.stop()
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    children.push(stranger)
    const folder = (await noted()) ?? path.join(dataDir, 'postgres')
    await writeFile(
      path.join(folder, 'cluster', 'postmaster.pid'),
      `${stranger.pid}\n${folder}/cluster\n1\n1\n\n127.0.0.1\n\nready\n`,
    )
    const second = await start()
    expect(await recall(second.url)).toBe('kept')
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
    await second.stop()
  })

  test("where Postgres's user can't reach the folder, the cluster is kept elsewhere and a note says where", async () => {
    await chmod(parent, 0o700)
    const first = await start()
    await remember(first.url)
    await first.stop()
    const elsewhere = await noted()
    // only root needs another user to run Postgres
    if (asRoot) expect(elsewhere).toMatch(/^\/var\/lib\/lianban\/[0-9a-f]{16}$/)
    else expect(elsewhere).toBeUndefined()
    const second = await start()
    expect(await recall(second.url)).toBe('kept')
    await second.stop()
  })

  test('an ordinary user needs nothing special', async () => {
    await mkdir(dataDir)
    const reachable = spawnSync('/bin/sh', ['-c', `test -r ${dist}/database/embedded/start.js`], {
      cwd: '/',
      ...(asRoot ? nobody : {}),
    })
    const other = asRoot && reachable.status === 0
    if (other) await chown(dataDir, nobody.uid, nobody.gid)
    const { child, url, pid } = await exchange(other ? nobody : undefined)
    await remember(url)
    if (other) expect((await stat(path.join(dataDir, 'postgres', 'cluster'))).uid).toBe(nobody.uid)
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(startOfProcess(pid)).toBeUndefined()
  })
})
