import { randomBytes } from 'node:crypto'
import { connect } from '../../src/database/connect.ts'
import type { TestDatabase } from './postgres.ts'

/** A copy of a whole database, as a backup keeps it. Whoever is connected to it is sent away. */
export async function backUp(url: string): Promise<TestDatabase> {
  const copy = new URL(url)
  copy.pathname = `/backup_${randomBytes(8).toString('hex')}`
  await copyDatabase(url, copy.href)
  return { url: copy.href, close: () => asOwner(url, (name) => [`drop database if exists ${name(copy.href)} with (force)`]) }
}

/** Puts a backup in the place of a database. */
export async function restore(url: string, backup: string): Promise<void> {
  await asOwner(url, (name) => [`drop database if exists ${name(url)} with (force)`])
  await copyDatabase(backup, url)
}

const copyDatabase = (from: string, to: string) =>
  asOwner(from, (name) => [
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name(from)}'`,
    `create database ${name(to)} template ${name(from)}`,
  ])

async function asOwner(url: string, statements: (name: (url: string) => string) => readonly string[]): Promise<void> {
  const server = new URL(url)
  server.pathname = '/postgres'
  const { raw, close } = connect(server.href, { name: 'lianban test admin', maxConnections: 1 })
  try {
    for (const statement of statements((of) => new URL(of).pathname.slice(1))) await raw.unsafe(statement)
  } finally {
    await close()
  }
}
