import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateLog, migrateUnderLock, migrationsFolder } from '../../src/database/migrate.ts'
import { migrateView } from '../../src/view/view-schema.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

/** Before the names' index was made anew and `completeness` got two columns. */
const earlierMigrations = 7
let earlier: string
let database: TestDatabase
let sql: postgres.Sql

beforeAll(async () => {
  earlier = await mkdtemp(join(tmpdir(), 'lianban-earlier-view-'))
  await cp(join(migrationsFolder, 'view'), earlier, { recursive: true })
  const file = join(earlier, 'meta', '_journal.json')
  const journal: { entries: unknown[] } = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, earlierMigrations) }))
  database = await testDatabase()
  await migrateLog(database.url)
  sql = postgres(database.url, { max: 1, onnotice: () => undefined })
})
afterAll(async () => {
  await sql?.end()
  await database?.close()
  await rm(earlier, { recursive: true, force: true })
})

/** A view that an earlier version made, in which somebody has then done something. */
async function spoiltView(schema: string, spoil: string): Promise<void> {
  await migrateUnderLock(database.url, { folder: earlier, schema })
  await sql.unsafe(`set search_path = ${schema}; ${spoil}; reset search_path`)
}

const dropAndStart = (schema: string) => `"drop schema ${schema} cascade", then start again, and all of it is made anew`

describe('a migration of a view that meets', () => {
  it.each([
    ['a lost table', 'view_a', 'drop table completeness', 'relation "completeness" does not exist'],
    ['a lost column', 'view_b', 'alter table records drop column name', 'column "name" does not exist'],
    ['a lost journal', 'view_c', 'drop table __drizzle_migrations', 'relation "parked" already exists'],
    [
      'a column of its own',
      'view_d',
      'alter table completeness add completed_behind bigint',
      'column "completed_behind" .* already exists',
    ],
  ])('%s says which, and what brings it back; that does', async (_, schema, spoil, reason) => {
    await spoiltView(schema, spoil)
    const start = () => migrateView(database.url, schema)
    await expect(start()).rejects.toMatchObject({
      name: 'CannotStart',
      message: expect.stringMatching(new RegExp(`^the tables of schema ${schema} can't be made .*: ${reason}; they are not as`)),
    })
    await expect(start()).rejects.toThrow(dropAndStart(schema))
    await sql.unsafe(`drop schema ${schema} cascade`)
    await start()
  })
})

describe('a migration of the log that meets', () => {
  it('a lost journal asks for a backup, since nothing else brings the log back', async () => {
    const other = await testDatabase()
    const client = postgres(other.url, { max: 1, onnotice: () => undefined })
    try {
      await migrateLog(other.url)
      // what a dump of the schemas log and operations alone leaves out
      await client`drop schema drizzle cascade`
      await expect(migrateLog(other.url)).rejects.toThrow(
        /^the database's tables can't be made .*: schema "log" already exists; .*restore a backup of the whole database, its schema drizzle/,
      )
    } finally {
      await client.end()
      await other.close()
    }
  })
})

describe('a start over a view whose migration meets a lost table', () => {
  let deployment: Deployment
  beforeAll(async () => {
    deployment = await deploy({ DATABASE_URL: database.url })
  })
  afterAll(() => deployment?.close())

  it('ends with that sentence alone, and is ready once it was followed', async () => {
    await spoiltView('view_local_tax', 'drop table completeness')
    const told = await deployment.start(['gateway']).catch(String)
    const lines = String(told)
      .split('\n')
      .filter((line) => !line.startsWith('{') && line !== '')
    expect(lines).toEqual([
      'Error: lianban gateway did not start:',
      expect.stringMatching(
        /^lianban: the tables of schema view_local_tax .* "completeness" does not exist; .* filled from the log$/,
      ),
    ])
    await sql`drop schema view_local_tax cascade`
    const gateway = await deployment.start(['gateway'])
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200)
  })
})
