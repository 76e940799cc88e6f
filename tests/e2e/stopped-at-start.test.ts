import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/database/connect.ts'
import { postgresHome } from '../../src/database/embedded/home.ts'
import { eventually } from '../support/eventually.ts'
import { cleanEnv, lianban, mainFile } from '../support/lianban.ts'
import { testDatabase } from '../support/postgres.ts'

/** An init system kills after a minute, and people at a terminal have less patience. */
const limitMs = 8_000

let dataDir: string
let children: ChildProcess[]
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lianban-e2e-stopped-'))
  await chmod(dataDir, 0o755) // as root, Postgres's own user must reach it
  children = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20 })
})

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [mainFile, ...args], {
    env: cleanEnv({ DATA_DIR: dataDir, PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  return {
    output: () => output,
    /** @returns its exit code, and how long it took to end */
    async stop(signal: NodeJS.Signals) {
      expect(child.exitCode, output).toBeNull()
      const startedMs = performance.now()
      child.kill(signal)
      await once(child, 'exit')
      return { code: child.exitCode, tookMs: performance.now() - startedMs }
    },
  }
}

const isHalfMade = async (folder: string) => (await readdir(folder)).some((name) => name.includes('half-made'))

describe('an exchange that is asked to end while it makes or starts its own Postgres', () => {
  it.each([
    ['makes it', isHalfMade, 'SIGTERM'],
    ['starts it', async (folder: string) => existsSync(join(folder, 'cluster', 'postmaster.pid')), 'SIGINT'],
    ['begins the log', async () => existsSync(join(dataDir, 'log.key')), 'SIGTERM'],
  ] as const)('ends soon, and leaves no process behind: while it %s', async (_, isThere, signal) => {
    const { folder } = await postgresHome(dataDir)
    const exchange = start(['serve'])
    await eventually(async () => expect(await isThere(folder)).toBe(true), 30_000)
    const { code, tookMs } = await exchange.stop(signal)
    expect(exchange.output()).not.toContain('the exchange is ready')
    expect(code, exchange.output()).toBe(0)
    expect(tookMs).toBeLessThan(limitMs)
    expect(exchange.output()).toMatch(/stopping before the start is over[^\n]*\n(?:.*\n)*[^\n]*"stopped"/)
    expect(processesIn(folder)).toEqual([])

    const again = start(['serve'])
    await eventually(async () => expect(again.output()).toContain('the exchange is ready'), 30_000)
    expect((await again.stop('SIGTERM')).code).toBe(0)
    expect(processesIn(folder)).toEqual([])
  })

  it('and so does a command that starts it for the while', async () => {
    const { folder } = await postgresHome(dataDir)
    const key = join(dataDir, 'operator.jwk')
    expect(await lianban(['keys', 'generate', '--out', key])).toMatchObject({ code: 0 })
    const command = start(['keys', 'register', key, '--party', 'operator', '--first'])
    await eventually(async () => expect(existsSync(join(folder, 'cluster', 'postmaster.pid'))).toBe(true), 30_000)
    expect((await command.stop('SIGINT')).code).toBe(2)
    expect(command.output()).toBe('lianban: interrupted\n')
    expect(processesIn(folder)).toEqual([])
  })
})

describe('a process that is asked to end while it waits for a database of others', () => {
  it('ends soon: which does not answer', async () => {
    let connections = 0
    const silent = createServer((socket) => {
      connections += 1
      socket.on('error', () => undefined) // whoever gives up may cut us off
    })
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    if (address === null || typeof address === 'string') throw new Error('the server listens on no port')
    const gateway = start(['gateway'], { DATABASE_URL: `postgres://127.0.0.1:${address.port}/x` })
    await eventually(async () => expect(connections).toBeGreaterThan(0))
    const { code, tookMs } = await gateway.stop('SIGTERM')
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(limitMs)
    silent.close()
  })

  it.each([
    ['migrates', 0x6c69_616e],
    ['begins the log', 7_310_442],
  ])('ends soon: in which another one %s', async (_, lock) => {
    const database = await testDatabase()
    const { raw, close } = connect(database.url, { name: 'test', maxConnections: 2 })
    const holder = await raw.reserve()
    await holder`select pg_advisory_lock(${lock})`
    const gateway = start(['gateway'], { DATABASE_URL: database.url })
    await eventually(async () => {
      const waiting = await raw`
        select from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`
      expect(waiting.count).toBe(1)
    }, 20_000)
    const { code, tookMs } = await gateway.stop('SIGTERM')
    expect(code, gateway.output()).toBe(0)
    expect(tookMs).toBeLessThan(limitMs)
    holder.release()
    await close()
    await database.close()
  })
})

/** Every process that works in this folder: Postgres's, and those that make a cluster. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && workingFolder(pid)?.startsWith(folder))
}

function workingFolder(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // gone meanwhile, or not ours to look at
    return undefined
  }
}
