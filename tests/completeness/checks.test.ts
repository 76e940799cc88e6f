import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Leases } from '../../src/bus/leases.ts'
import { partitionOf } from '../../src/bus/partition.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import { startChecks } from '../../src/completeness/checker.ts'
import { type CheckMeans, type CheckStep, checkStep } from '../../src/completeness/round.ts'
import { askForRound, readCheck } from '../../src/completeness/store.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { judgingOf } from '../../src/view/judging.ts'
import type { View } from '../../src/view/view.ts'
import { viewSchema } from '../../src/view/view-schema.ts'
import { samples } from '../domain/histories.ts'
import { companies } from '../support/companies.ts'
import { eventually } from '../support/eventually.ts'
import { cloudEventOf } from '../support/examples.ts'
import { type Gateway, openGateway } from '../support/gateway.ts'
import { operate, writeOffices } from '../support/operate.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'
import { type Exchange, empty, type Logged, rowsOf, startWithView } from '../view/test-view.ts'
import { rulesOf } from '../view/view-rules.ts'

const at = (subject: string) => ({ topic: 'registration', partition: partitionOf(subject, 12) })
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function meansOf(database: Database, bureau: string, rules: Rules): CheckMeans {
  return {
    sql: database.raw,
    judging: () => judgingOf(bureau, rules, []),
    partitionOf: ({ subject }) => at(subject),
    clock: () => new Date(),
  }
}

async function wholeRound(means: CheckMeans): Promise<readonly CheckStep['healed'][number][]> {
  const healed: CheckStep['healed'][number][] = []
  while (true) {
    const step = await checkStep(means)
    healed.push(...step.healed)
    if (step.check.startedAt === null) return healed
  }
}

describe('a view that was brought messages which lie about what came before them', () => {
  const rules = rulesOf()
  let exchange: Exchange
  let logged: readonly Logged[]
  let view: View
  let database: Database

  beforeAll(async () => {
    ;({ exchange, logged, view, database } = await startWithView('state-tax', () => rules, samples))
  })
  beforeEach(async () => {
    await empty(database)
    await database.raw`truncate completeness`
  })
  afterAll(() => exchange.close())

  it('equals the fold of the log after one check, whatever it lacked, and a second check finds nothing', async () => {
    await view.apply(logged)
    const { records, parked } = await rowsOf(database)
    const damage = fc.record({
      lost: fc.subarray(samples.map((_, index) => index)),
      deleted: fc.subarray([...new Set(samples.map(({ subject }) => subject))]),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ lost, deleted }) => {
        await empty(database)
        // the last of each partition arrives, so that the positions say that everything did
        const last = new Map(logged.map(({ partition, index }) => [partition, index]))
        const arrived = logged.filter(({ partition, index }) => !lost.includes(index) || last.get(partition) === index)
        await view.apply(arrived.map((delivery) => ({ ...delivery, previous: -1 })))
        await database.raw`delete from records where subject = any(${deleted}::text[])`
        const holes = await wholeRound(meansOf(database, 'state-tax', rules))
        const after = await rowsOf(database)
        expect({ records: after.records, parked: after.parked }).toEqual({ records, parked })
        expect(holes.length > 0).toBe(arrived.length < logged.length || deleted.length > 0)
        expect(await wholeRound(meansOf(database, 'state-tax', rules))).toEqual([])
        expect(await readCheck(database.raw)).toMatchObject({ healedInRound: 0, completedSize: samples.length, startedAt: null })
      }),
      { numRuns: 30 },
    )
  })

  it('lacks nothing while events are on their way, and the check says how many it did not look at', async () => {
    const means = meansOf(database, 'state-tax', rules)
    const behind = async () => {
      expect(await wholeRound(means)).toEqual([])
      const { completedSize, completedBehind, behindInRound } = await readCheck(database.raw)
      return { completedSize, completedBehind, behindInRound }
    }
    const completedSize = samples.length
    expect(await behind()).toEqual({ completedSize, completedBehind: samples.length, behindInRound: samples.length })
    await view.apply(logged.slice(0, 9))
    const reached = new Map(logged.slice(0, 9).map(({ partition, index }) => [partition, index]))
    const left = logged.filter(({ partition, index }) => index > (reached.get(partition) ?? -1)).length
    expect(left).toBeGreaterThan(0)
    expect(await behind()).toMatchObject({ completedSize, completedBehind: left })
    // what a view that follows the log takes in a moment later is not behind
    const soon = behind()
    await pause(500)
    await view.apply(logged)
    expect(await soon).toEqual({ completedSize, completedBehind: 0, behindInRound: 0 })
  })

  it('is checked by itself and when it is asked for, from the beginning, and says how much was missing', async () => {
    await view.apply(logged.filter(({ index }) => index !== 1).map((delivery) => ({ ...delivery, previous: -1 })))
    const found: { subjects: number; events: number }[] = []
    const leases = new Leases(exchange.database.raw, silent)
    const means = { ...meansOf(database, 'state-tax', rules), bureau: 'state-tax', leases, logger: silent }
    const shared = { ...means, refreshRules: async () => undefined, onHealed: (one: (typeof found)[number]) => found.push(one) }
    const often = startChecks({ ...shared, everyMs: 1 })
    await eventually(async () => found.length === 1)
    await often()
    expect(found[0]?.subjects).toBe(1)

    const seldom = startChecks({ ...shared, everyMs: 3_600_000 })
    await database.raw`delete from records where kind = 'registration'`
    await inTransaction(database.raw, (tx) => askForRound(tx, 77, new Date()))
    await eventually(async () => (await readCheck(database.raw)).answered === 77)
    expect(await readCheck(database.raw)).toMatchObject({ startedAt: null, healedInRound: samples.length })
    expect(found).toContainEqual({ subjects: 3, events: samples.length })
    await seldom()
    await leases.close()
  })
})

describe('a view with parked and dismissed events', () => {
  let gateway: Gateway
  let database: Database
  const bureau = 'local-tax'

  beforeAll(async () => {
    const cataloguePath = await statisticsCatalogue()
    await writeOffices(cataloguePath, ({ '210203': _, ...rest }) => rest)
    gateway = await openGateway({ cataloguePath })
    database = connect(gateway.url, { name: 'lianban test', schema: viewSchema(bureau), maxConnections: 2 })
    for (const event of companies(4)) await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
    await eventually(async () => (await database.raw`select 1 from parked`).length === 8)
  })
  afterEach(async () => void (await database.raw`truncate completeness`))
  afterAll(async () => {
    await database.close()
    await gateway.stop()
  })

  it('has no hole; what is deleted of it is parked and dismissed again as it was', async () => {
    const parked = await database.raw<{ index: number }[]>`select index from parked where cause <> 'behind' order by index`
    const [one, , another] = parked
    for (const row of [one, another])
      await operate(gateway, '/v1/operations/dismissals', 'dismiss', { bureau, indexes: [row?.index ?? -1] })
    const means = meansOf(database, bureau, gateway.parts.keeper.inForce.rules)
    expect(await wholeRound(means)).toEqual([])

    const before = await rowsOf(database)
    expect(before.records).toHaveLength(2)
    await database.raw`delete from records`
    await database.raw`delete from parked where index = ${parked[1]?.index ?? -1}`
    const holes = await wholeRound(means)
    expect(holes.map(({ missing }) => missing).toSorted()).toEqual([1, 1, 1])
    expect(await rowsOf(database)).toEqual(before)
  })
})
