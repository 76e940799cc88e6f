import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateLog, migrationsFolder } from '../../src/database/migrate.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

describe('migrations of the log', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database.close())

  test('ten processes may migrate a new database at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => migrateLog(database.url)))

    const client = postgres(database.url, { max: 1 })
    const [journal] =
      await client`select count(*)::int as applied, count(distinct hash)::int as different from drizzle.__drizzle_migrations`
    await client.end()
    const migrations = (await readdir(join(migrationsFolder, 'log'))).filter((name) => name.endsWith('.sql')).length
    expect(journal).toEqual({ applied: migrations, different: migrations })
  })

  test('entries can be added but never changed, deleted or truncated', async () => {
    await migrateLog(database.url)
    const client = postgres(database.url, { max: 1 })
    await client`insert into log.entries (index, kind, received, entry, leaf) values (0, 'catalogue', now(), '{}', '\\x00')`
    for (const statement of ["update log.entries set entry = 'x'", 'delete from log.entries', 'truncate log.entries']) {
      await expect(client.unsafe(statement)).rejects.toThrow(/log\.entries only ever grows: (UPDATE|DELETE|TRUNCATE) is refused/)
    }
    // logical replication and the like switch ordinary triggers off
    await client`set session_replication_role = 'replica'`
    await expect(client`delete from log.entries`).rejects.toThrow('only ever grows')
    await client.end()
  })

  test('an entry of 6 KB stays in its row, uncompressed', async () => {
    await migrateLog(database.url)
    const client = postgres(database.url, { max: 1 })
    await client`insert into log.entries (index, kind, received, entry, leaf) values (1, 'event', now(), ${'a'.repeat(6000)}, '\\x00')`
    const [row] = await client`
      select pg_column_compression(entry) as compression, pg_column_toast_chunk_id(entry) as chunk from log.entries where index = 1`
    await client.end()
    expect(row).toEqual({ compression: null, chunk: null })
  })
})
