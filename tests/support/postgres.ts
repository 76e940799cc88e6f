import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'

export interface TestDatabase {
  readonly url: string
  /** Drops it, whoever is still connected. */
  close(): Promise<void>
}

/** A fresh, empty database (UTF-8, schema public only) on the run's Postgres. */
export const testDatabase = (): Promise<TestDatabase> => copyOf('template0')

/** A fresh one whose tables are made, of the log and of the shipped catalogue's views: most tests have nothing to do with their making. */
export const migratedDatabase = (): Promise<TestDatabase> => copyOf(inject('migratedTemplate'))

async function copyOf(template: string): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `test_${randomBytes(8).toString('hex')}`
  await asOwner(server, `create database ${name} template ${template} encoding 'UTF8'`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, close: () => asOwner(server, `drop database if exists ${name} with (force)`) }
}

async function asOwner(server: string, statement: string): Promise<void> {
  const client = postgres(server, { max: 1, onnotice: () => undefined })
  try {
    await client.unsafe(statement)
  } finally {
    await client.end({ timeout: 5 })
  }
}
