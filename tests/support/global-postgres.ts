import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { migrateLog } from '../../src/database/migrate.ts'
import { migrateView, viewSchema } from '../../src/view/view-schema.ts'
import { shippedCatalogue } from './catalogue-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
    /** the database that those of tests are copied from which begin with all tables made */
    migratedTemplate: string
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
  project.provide('migratedTemplate', await makeTemplate(server.url))
  return async () => {
    process.off('exit', end).off('SIGTERM', endBy).off('SIGHUP', endBy)
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** With the log's tables and those of the views of the shipped catalogue, all of them empty. @returns its name */
async function makeTemplate(serverUrl: string): Promise<string> {
  const name = 'migrated'
  const client = postgres(serverUrl, { max: 1 })
  await client.unsafe(`create database ${name} template template0 encoding 'UTF8'`)
  await client.end()
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  await migrateLog(url.href)
  const { parties }: Catalogue = JSON.parse(await readFile(shippedCatalogue, 'utf8'))
  for (const { id, role } of parties) if (role === 'bureau') await migrateView(url.href, viewSchema(id))
  return name
}
