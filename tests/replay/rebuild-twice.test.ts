import { afterEach, beforeEach, expect, it } from 'vitest'
import { Leases } from '../../src/bus/leases.ts'
import { rebuildMeans } from '../../src/compose/open-rebuilds.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { RulesKeeper } from '../../src/log/rules-in-force.ts'
import type { RebuildState } from '../../src/replay/rebuild.ts'
import { foldHistories } from '../../src/replay/rebuild-fold.ts'
import { followIn, followStep } from '../../src/replay/rebuild-follow.ts'
import { type RebuildMeans, rebuildStep } from '../../src/replay/rebuild-step.ts'
import { readRebuild } from '../../src/replay/rebuild-store.ts'
import { trySwap } from '../../src/replay/rebuild-swap.ts'
import { applyEvents } from '../../src/view/apply-events.ts'
import { migrateView, rebuildSchema, replacedSchema, viewSchema } from '../../src/view/view-schema.ts'
import { keepingLog } from '../support/bus-log.ts'
import { type CompanyExchange, companyExchange } from '../support/company-exchange.ts'
import { viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { operate } from '../support/operate.ts'

const bureau = 'local-tax'
let exchange: CompanyExchange
let leases: Leases
let databases: Database[]

beforeEach(async () => {
  exchange = await companyExchange({ cured: true })
  // the exchange's own worker waits for it
  leases = new Leases(exchange.gateway.database.raw, keepingLog())
  await leases.acquire(`lianban rebuild ${bureau}`, new AbortController().signal)
  databases = []
})
afterEach(async () => {
  await Promise.all(databases.map((database) => database.close()))
  await leases.close()
  await exchange.stop()
})

/** A process that takes the rebuild for its own. */
async function worker(): Promise<RebuildMeans> {
  const { url, database } = exchange.gateway
  const schema = rebuildSchema(bureau)
  await migrateView(url, schema)
  const opened = connect(url, { name: 'rebuild', schema, maxConnections: 3 })
  databases.push(opened)
  const keeper = await RulesKeeper.load(database.raw)
  const names = { live: viewSchema(bureau), schema, replaced: replacedSchema(bureau) }
  return { ...rebuildMeans(bureau, database.raw, keeper), ...names, sql: opened.raw, goesOn: () => true }
}

async function begin(): Promise<number> {
  const { body } = await operate(exchange.gateway, '/v1/operations/rebuilds', 'rebuild-view', { bureau })
  return Number(body.rebuild)
}

const askSwap = (id: number) => operate(exchange.gateway, `/v1/operations/rebuilds/${id}`, 'swap-view', { rebuild: id })

async function until(state: RebuildState, id: number, means: RebuildMeans): Promise<void> {
  while ((await readRebuild(exchange.gateway.database.raw, id))?.state !== state) await rebuildStep(means)
}

it('a process that lost its lease writes nothing into a rebuild that another one goes on with', async () => {
  await exchange.spoil()
  await exchange.post(5)
  const [late, other] = [await worker(), await worker()]
  const id = await begin()
  await rebuildStep(late)
  const seen = await readRebuild(late.sql, id)
  await until('ready', id, other)
  const rows = () => late.sql`select index, cause from parked order by index`
  const before = await rows()
  expect(before).toHaveLength(10)

  if (seen?.progress == null) throw new Error('it has not begun')
  const { judging, partitions } = late.rules()
  expect(await foldHistories({ ...late, judging, partitions }, seen, seen.progress)).toBe(false)
  expect(await rows()).toEqual(before)
})

it('a process takes in what came since only when the other one that does is through', async () => {
  await exchange.post(5)
  const [one, other] = [await worker(), await worker()]
  const id = await begin()
  await until('ready', id, one)
  await exchange.post(3, 5)
  const { judging } = one.rules()
  let second: Promise<string> | undefined
  await inTransaction(one.sql, async (tx) => {
    expect(await followIn(tx, { ...one, judging }, applyEvents)).toBe('done')
    second = followStep(other.sql, { ...other, judging })
    await eventually(async () => {
      const [{ waiting } = { waiting: 0 }] = await exchange.gateway.database.raw<{ waiting: number }[]>`
        select count(*)::int as waiting from pg_locks l join pg_class c on c.oid = l.relation
        where relname = 'positions' and not granted`
      return waiting === 1
    }, 10_000)
  })
  expect(await second).toBe('done')
  const [row] = await one.sql<
    { most: number; records: number }[]
  >`select max(events) as most, count(*)::int as records from records`
  expect(row).toEqual({ most: 2, records: 8 })
})

it('a catalogue that came into force before the swap takes the rebuild back to its beginning', async () => {
  await exchange.post(3)
  const means = await worker()
  const id = await begin()
  await until('ready', id, means)
  expect((await askSwap(id)).status).toBe(201)
  const asked = await readRebuild(means.sql, id)
  if (asked === undefined) throw new Error('there is no rebuild')
  const { judging } = means.rules()
  await exchange.spoil()

  expect(await trySwap(means.sql, { ...means, judging }, asked)).toBe('later')
  await rebuildStep(means)
  expect(await readRebuild(means.sql, id)).toMatchObject({ state: 'building', progress: { folded: false } })
  await until('ready', id, means)
  await askSwap(id)
  await until('swapped', id, means)
  const views = await viewsOf(exchange.gateway.url)
  await views.expectFold().finally(() => views.close())
})
