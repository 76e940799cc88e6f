import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database } from '../../src/database/connect.ts'
import { migrateLog, migrateUnderLock, migrationsFolder } from '../../src/database/migrate.ts'
import { migrateView } from '../../src/view/view-schema.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

const schema = 'view_commerce'
/** The migrations before the columns of records became text. */
const earlier = 5

let server: TestDatabase
let database: Database
beforeAll(async () => {
  server = await testDatabase()
  await migrateLog(server.url)
  database = connect(server.url, { name: 'lianban test', schema, maxConnections: 1 })
})
afterAll(async () => {
  await database.close()
  await server.close()
})

test('rows of an older table keep what they say, uncompressed and in their place', async () => {
  const folder = await migrationsBefore(earlier)
  await migrateUnderLock(server.url, { folder, schema }).finally(() => rm(folder, { recursive: true }))
  const { raw } = database
  const said = { scope: '餐饮'.repeat(1000), a: 'first' }
  await raw`
    insert into records (kind, subject, status, layers, data, provenance, state, first_index, last_index, updated_at)
    values ('registration', 'OLD', 'active', '{}', ${JSON.stringify(said)}::text::jsonb, '{}', '{"registration":{}}', 3, 4, now())`
  await migrateView(server.url, schema)
  const [row] = await raw`
    select pg_typeof(data)::text as type, data, state, pg_column_compression(data) as compression, pg_column_toast_chunk_id(data) as chunk
    from records`
  expect(row).toEqual({ type: 'json', data: said, state: { registration: {} }, compression: null, chunk: null })
  // and so does what is stored from now on
  const [stored] = await raw`
    update records set data = ${JSON.stringify({ scope: 'a'.repeat(6000) })}::text::json
    returning pg_column_compression(data) as compression, pg_column_toast_chunk_id(data) as chunk`
  expect(stored).toEqual({ compression: null, chunk: null })
})

/** @returns a copy of the views' migrations that ends before one of them */
async function migrationsBefore(end: number): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lianban-migrations-'))
  await cp(path.join(migrationsFolder, 'view'), folder, { recursive: true })
  const journal = path.join(folder, 'meta', '_journal.json')
  const { entries, ...rest } = JSON.parse(await readFile(journal, 'utf8'))
  await writeFile(journal, JSON.stringify({ ...rest, entries: entries.slice(0, end) }))
  return folder
}
