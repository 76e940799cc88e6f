import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

/** One Postgres for a whole vitest run; every test makes databases of its own in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'lianban-tests-'))
  // as root, Postgres's own user must reach it
  await chmod(dataDir, 0o755)
  // nobody reads these databases after a crash of the machine, so they need not survive one
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '300' }
  const log = { info: () => undefined, error: (message: string) => console.error(message) }
  const server = await startEmbeddedPostgres({ dataDir, log, settings })
  const end = () => {
    try {
      process.kill(server.pid, 'SIGINT')
    } catch {
      // it has ended already
    }
  }
  // a run that is interrupted or told to end doesn't come to its teardown
  const endBy = (signal: NodeJS.Signals) => {
    end()
    process.kill(process.pid, signal)
  }
  process.once('exit', end).once('SIGTERM', endBy).once('SIGHUP', endBy)
  project.provide('postgresUrl', server.url)
  return async () => {
    process.off('exit', end).off('SIGTERM', endBy).off('SIGHUP', endBy)
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
