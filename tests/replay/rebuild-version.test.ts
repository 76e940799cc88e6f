import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { migrateUnderLock, migrationLock, migrationsFolder } from '../../src/database/migrate.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { type CompanyExchange, companyExchange } from '../support/company-exchange.ts'
import { eventually } from '../support/eventually.ts'
import { operate, readObject } from '../support/operate.ts'

const bureau = 'local-tax'
const rebuilds = '/v1/operations/rebuilds'
/** Of a version that does not exist yet: what every process of it asks for. */
const addedColumn = 'seen_by'
let exchange: CompanyExchange
let laterMigrations: string

beforeEach(async () => {
  exchange = await companyExchange({ cured: true })
  laterMigrations = await laterVersion()
  await exchange.post(2)
})
afterEach(async () => {
  await exchange.stop()
  await rm(laterMigrations, { recursive: true, force: true })
})

const sql = () => exchange.gateway.database.raw
/** What a newer process does first. */
const upgrade = (schema: string) => migrateUnderLock(exchange.gateway.url, { folder: laterMigrations, schema })
const newerReads = () => sql()`select subject, ${sql()(addedColumn)} from view_local_tax.records order by subject`
const read = (id: number) => readObject(exchange.gateway, `${rebuilds}/${id}`, 'operator')
const askSwap = (id: number) => operate(exchange.gateway, `${rebuilds}/${id}`, 'swap-view', { rebuild: id })
const ask = async (details: JsonObject = {}) =>
  Number((await operate(exchange.gateway, rebuilds, 'rebuild-view', { bureau, ...details })).body.rebuild)
const reach = (id: number, state: string) => eventually(async () => expect((await read(id)).state).toBe(state))
const expectRefused = async (id: number) => {
  await reach(id, 'cancelled')
  const { note } = await read(id)
  expect(note).toMatch(/1 migration that the process .* for local-tax does not know: run it in the newer version, then/)
  await eventually(async () => {
    const left = await sql()`select nspname as name from pg_namespace where nspname ~ '^(rebuild|replaced)_'`
    expect([...left]).toEqual([])
  })
}

it('a rebuild of an older version never takes the place of a view that a newer one has migrated meanwhile', async () => {
  const id = await ask()
  await reach(id, 'ready')
  await upgrade('view_local_tax')
  const before = [...(await newerReads())]
  expect(before).toHaveLength(2)

  expect((await askSwap(id)).status).toBe(201)
  await expectRefused(id)
  expect([...(await newerReads())]).toEqual(before)
  // the older one still keeps the view up
  await exchange.post(1, 2)
  expect(await newerReads()).toHaveLength(3)
})

it('nor is it begun where the view was migrated before; a dry run is, since it swaps nothing', async () => {
  await upgrade('view_local_tax')
  const id = await ask()
  await expectRefused(id)
  expect(await read(id)).toMatchObject({ progress: null })
  await reach(await ask({ dryRun: true }), 'compared')
})

it('a migration that is under way is waited for, and a rebuild that is migrated as well takes its place', async () => {
  const id = await ask()
  await reach(id, 'ready')
  await Promise.all(['view_local_tax', 'rebuild_local_tax'].map(upgrade))
  const migrating = postgres(exchange.gateway.url, { max: 1 })
  try {
    await migrating`select pg_advisory_lock(${migrationLock})`
    await askSwap(id)
    await eventually(async () => expect((await read(id)).state).toBe('swapping'))
    // it takes in what comes while it waits: it is still there after it has tried
    await exchange.post(1, 2)
    await eventually(async () => expect(await sql()`select 1 from rebuild_local_tax.records`).toHaveLength(3))
    expect(await read(id)).toMatchObject({ state: 'swapping' })
  } finally {
    await migrating.end()
  }
  await reach(id, 'swapped')
  expect(await newerReads()).toHaveLength(3)
})

/** @returns its folder of the views' migrations: ours, and one more */
async function laterVersion(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-later-'))
  await cp(join(migrationsFolder, 'view'), folder, { recursive: true })
  await writeFile(join(folder, '9999_later.sql'), `ALTER TABLE "records" ADD COLUMN "${addedColumn}" text;`)
  const file = join(folder, 'meta', '_journal.json')
  const journal: { entries: { idx: number; when: number }[] } = JSON.parse(await readFile(file, 'utf8'))
  const last = journal.entries.at(-1)
  if (last === undefined) throw new Error('there are no migrations')
  journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, ...{ tag: '9999_later' } })
  await writeFile(file, JSON.stringify(journal))
  return folder
}
