import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import journalOfViews from '../../drizzle/view/meta/_journal.json' with { type: 'json' }
import { partitionOf } from '../../src/bus/partition.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { createView, type View } from '../../src/view/view.ts'
import { migrateView } from '../../src/view/view-schema.ts'
import { companyA, companyB, companyC, type Sample, samples } from '../domain/histories.ts'
import { type Exchange, empty, type Logged, now, rowsOf, startExchange, startWithView } from './test-view.ts'
import { rulesOf, withStatistics } from './view-rules.ts'

let exchange: Exchange
let logged: readonly Logged[]
/** what the state-tax view is folded with; a test may change it */
let rules: Rules = rulesOf()
let view: View
let database: Database

beforeAll(async () => {
  ;({ exchange, logged, view, database } = await startWithView('state-tax', () => rules, samples))
})
beforeEach(async () => {
  rules = rulesOf()
  await empty(database)
})
afterAll(() => exchange.close())

const offices = (known: Record<string, string>, checkRecord = () => []): Rules =>
  rulesOf(
    {},
    new Map([['state-tax', { assignment: { field: 'addressDivision', offices: new Map(Object.entries(known)) }, checkRecord }]]),
  )

/** The divisions of the three companies. */
const everyOffice = { '210203': 'Xigang', '210202': 'Zhongshan', '210204': 'Shahekou', '210211': 'Ganjingzi' }

describe('a view', () => {
  test('holds the three companies after all their events', async () => {
    await view.apply(logged)
    const { records, parked, positions } = await rowsOf(database)
    expect(records).toMatchObject([
      { subject: companyB, status: 'active', first_index: 7, last_index: 12, layers: { tax: { 'state-tax': 'abnormal' } } },
      { subject: companyA, status: 'cancelled', first_index: 0, last_index: 6 },
      { subject: companyC, status: 'active', first_index: 13, last_index: 17, layers: { tax: { 'local-tax': 'deregistered' } } },
    ])
    expect(parked).toEqual([])
    expect(positions.length).toBe(new Set(logged.map(({ partition }) => partition)).size)
    expect(await view.positions()).toContainEqual({
      topic: 'registration',
      partition: logged[17]?.partition,
      index: 17,
      broker: { topic: 'test.registration', nextOffset: 18 },
    })
  })

  test('comes out the same however the events are cut into batches, repeated or lost on the way', async () => {
    await view.apply(logged)
    const expected = await rowsOf(database)
    const lastOf = new Set([...new Map(logged.map((each) => [each.partition, each])).values()])
    // windows that overlap, stand still or leap over events; messages in them may be missing, the last of a partition never is
    const plan = fc.record({
      cuts: fc.array(fc.record({ from: fc.integer({ min: 0, max: 17 }), length: fc.integer({ min: 1, max: 12 }) }), {
        maxLength: 6,
      }),
      lost: fc.uniqueArray(fc.integer({ min: 0, max: 17 })),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ cuts, lost }) => {
        await empty(database)
        const arriving = logged.filter((each) => lastOf.has(each) || !lost.includes(each.index))
        for (const { from, length } of cuts) await view.apply(arriving.slice(from, from + length))
        await view.apply(arriving)
        expect(await rowsOf(database)).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  test('reads from the log what a heartbeat shows to be missing, and notes what it said', async () => {
    await view.apply(logged)
    const expected = await rowsOf(database)
    await empty(database)
    const last = new Map(logged.map((each) => [each.partition, each]))
    // the last messages of every partition were lost, and nothing follows them
    await view.apply(logged.slice(0, 4))
    const heartbeats = [...last.values()].map(({ topic, partition, index, broker }) => ({
      topic,
      partition,
      size: samples.length,
      previous: index,
      broker: broker && { ...broker, nextOffset: broker.nextOffset + 1 },
    }))
    await view.apply([], heartbeats)
    const { records, parked } = await rowsOf(database)
    expect({ records, parked }).toEqual({ records: expected.records, parked: expected.parked })
    for (const { partition, previous, broker, size } of heartbeats)
      expect(await view.partitions()).toContainEqual({
        topic: 'registration',
        partition,
        index: previous,
        nextOffset: broker?.nextOffset,
        heardSize: size,
        heardAt: now,
      })
    // one that lags behind takes nothing back
    await view.apply(
      [],
      heartbeats.map((heartbeat) => ({ ...heartbeat, previous: 0, size: 1, broker: undefined })),
    )
    expect(await rowsOf(database)).toMatchObject({ records: expected.records })
    expect((await view.positions()).map(({ index }) => index)).toEqual(expect.arrayContaining([17]))
  })

  test('comes out the same when two processes bring it the same at once', async () => {
    await view.apply(logged)
    const expected = await rowsOf(database)
    await empty(database)
    await Promise.all([view.apply(logged), view.apply(logged), view.apply(logged.slice(0, 9))])
    expect(await rowsOf(database)).toEqual(expected)
  })

  test('is written by one process at a time: one that lags behind waits, and then finds its batch applied', async () => {
    await view.apply(logged)
    const expected = await rowsOf(database)
    await empty(database)
    await view.apply(logged.slice(0, 1))
    const holder = await exchange.database.raw.reserve()
    try {
      // the first process stops at the record, its position in hand
      await holder`begin`
      await holder`select 1 from view_state_tax.records for update`
      const first = view.apply(logged)
      await expect.poll(waiting, { timeout: 10_000, interval: 20 }).toBe(1)
      const second = view.apply(logged.slice(0, 5))
      await expect.poll(waiting, { timeout: 10_000, interval: 20 }).toBe(2)
      await holder`rollback`
      await Promise.all([first, second])
    } finally {
      holder.release()
    }
    expect(await rowsOf(database)).toEqual(expected)
  })

  test('folds upon what another process has committed before it got the lock, not upon what it could see when it asked', async () => {
    await view.apply(logged)
    const expected = await rowsOf(database)
    await empty(database)
    // every position is there, so that each looks up its subjects behind its lock in one go
    const places = [...new Map(logged.map(({ topic, partition }) => [partition, { topic, partition }])).values()]
    await view.apply(
      [],
      places.map((place) => ({ ...place, previous: -1, size: 0, broker: undefined })),
    )
    await view.apply(logged.slice(0, 1))
    const holder = await exchange.database.raw.reserve()
    try {
      await holder`begin`
      await holder`select 1 from view_state_tax.records for update`
      const first = view.apply(logged.slice(0, 9))
      await expect.poll(waiting, { timeout: 10_000, interval: 20 }).toBe(1)
      const second = view.apply(logged)
      await expect.poll(waiting, { timeout: 10_000, interval: 20 }).toBe(2)
      await holder`rollback`
      await Promise.all([first, second])
    } finally {
      holder.release()
    }
    expect((await rowsOf(database)).records).toEqual(expected.records)
    expect((await rowsOf(database)).parked).toEqual([])
  })

  async function waiting(): Promise<number> {
    const rows = await exchange.database.raw`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    return rows.length
  }

  test('fills a gap longer than one page from the log', async () => {
    const long = await startExchange()
    try {
      const [first] = samples
      if (!first) throw new Error('no samples')
      const change = (at: number): Sample => ({
        type: 'registration.changed.v1',
        source: 'commerce',
        subject: companyA,
        data: { effectiveDate: '2017-01-01', address: `No. ${at}` },
      })
      const mine = await long.append([first, ...Array.from({ length: 700 }, (_, at) => change(at))])
      // more rows of other partitions than one page looks at
      await long.database.raw`
        insert into log.entries (index, kind, received, entry, leaf, subject_kind, subject)
        select 701 + n, 'event', now(), 'never read', '', 'registration', ${companyC} from generate_series(0, 5999) as n`
      const { view: behind, database: rows } = await long.open('commerce', () => rulesOf())
      const last = mine.at(-1)
      if (!last) throw new Error('nothing appended')
      await behind.apply([{ ...last, index: 6701, previous: 700, broker: undefined }])
      expect(await behind.readRecord('registration', companyA)).toMatchObject({
        firstIndex: 0,
        lastIndex: 6701,
        data: { address: 'No. 699' },
      })
      expect((await rowsOf(rows)).parked).toEqual([])
    } finally {
      await long.close()
    }
  })

  test('keeps the offset when an old message comes again, and starts over with a topic made anew', async () => {
    const mine = logged.filter(({ subject }) => subject === companyA)
    const [first] = mine
    if (!first) throw new Error('no events')
    await view.apply(mine)
    await view.apply([first])
    expect(await view.positions()).toMatchObject([{ index: 6, broker: { topic: 'test.registration', nextOffset: 7 } }])
    await view.apply([{ ...first, broker: { topic: 'new.registration', nextOffset: 1 } }])
    expect(await view.positions()).toMatchObject([{ index: 6, broker: { topic: 'new.registration', nextOffset: 1 } }])
  })

  test('can be made by ten processes at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => migrateView(exchange.url, 'view_made_at_once')))
    const [journal] = await exchange.database.raw<{ runs: number }[]>`
      select count(*)::int as runs from view_made_at_once.__drizzle_migrations`
    expect(journal?.runs).toBe(journalOfViews.entries.length)
  })
})

describe('what a bureau may not see', () => {
  test('stands nowhere in its schema', async () => {
    const statistics = await exchange.open('statistics', withStatistics)
    await statistics.view.apply(logged)
    const rows = JSON.stringify(await rowsOf(statistics.database))
    const numbers = [...JSON.stringify(samples).matchAll(/\d{17}[\dX]/g)].map(([number]) => number)
    expect(numbers.length).toBeGreaterThan(3)
    for (const hidden of ['idNumber', ...numbers]) expect(rows).not.toContain(hidden)
    expect(await statistics.view.readRecord('registration', companyA)).toMatchObject({ status: 'cancelled', layers: {} })
    // it received nothing of these
    expect(await statistics.view.readRecord('registration', companyC)).toBeUndefined()
    expect((await statistics.view.searchRecords('registration', {})).records.map(({ subject }) => subject)).toEqual([companyA])
  })
})

describe('parking', () => {
  test('an event that does not fit parks with what follows it, and the others go on', async () => {
    const { '210203': _, ...some } = everyOffice
    rules = offices(some)
    await view.apply(logged.slice(0, 3))
    await view.apply(logged.slice(3))
    const { records, parked } = await rowsOf(database)
    expect(records).toMatchObject([
      { subject: companyB, last_index: 12 },
      { subject: companyC, last_index: 17 },
    ])
    expect(parked).toMatchObject([
      { index: 0, subject: companyA, cause: 'no-office', type: 'registration.established.v1', tries: 1 },
      ...[1, 2, 3, 4, 5, 6].map((index) => ({ index, cause: 'behind', detail: expect.stringContaining('index 0') })),
    ])
    expect(await view.parkedCounts()).toContainEqual({
      cause: 'no-office',
      type: 'registration.established.v1',
      events: 1,
      subjects: 1,
    })
  })

  test('it parks the same in one batch or in many', async () => {
    rules = offices({})
    await view.apply(logged)
    const expected = await rowsOf(database)
    await empty(database)
    for (const each of logged) await view.apply([each])
    expect(await rowsOf(database)).toEqual(expected)
  })

  test('a row that the database refuses parks alone, without saying what it holds', async () => {
    await database.raw`alter table records add constraint no_company_b check (subject <> ${database.raw.unsafe(`'${companyB}'`)})`
    try {
      await view.apply(logged)
      const { records, parked } = await rowsOf(database)
      expect(records).toMatchObject([
        { subject: companyA, last_index: 6 },
        { subject: companyC, last_index: 17 },
      ])
      expect(parked).toMatchObject([
        { index: 7, cause: 'constraint', detail: 'the database refuses the record: 23514, constraint no_company_b' },
        ...[8, 9, 10, 11, 12].map((index) => ({ index, cause: 'behind' })),
      ])
      expect((await view.positions()).map(({ index }) => index).sort((a, b) => a - b)).toEqual([6, 12, 17])
    } finally {
      await database.raw`alter table records drop constraint no_company_b`
    }
  })

  test('a type that this consumer does not know', async () => {
    const known = rulesOf()
    rules = { ...known, types: new Map([...known.types].filter(([type]) => type !== 'tax.changed.v1')) }
    await view.apply(logged)
    expect((await rowsOf(database)).parked).toMatchObject([
      { index: 4, cause: 'unknown-type' },
      { index: 5, cause: 'behind' },
      { index: 6, cause: 'behind' },
    ])
  })
})

describe('rules older than an event', () => {
  const entries = [100, 200]
  let known = -1
  let refreshes: (() => void)[] = []
  const follower = () =>
    createView(database, {
      bureau: 'state-tax',
      rules: () => rules,
      catalogues: () => [],
      fresh: {
        index: () => known,
        refresh: async () => refreshes.shift()?.(),
      },
      partitionOf,
      clock: () => now,
    })

  beforeEach(async () => {
    known = -1
    // the log only grows: the entries stay for every test
    await exchange.database.raw`
      insert into log.entries (index, kind, received, entry, leaf)
      select index, 'catalogue', now(), '{}', '' from unnest(${entries}::bigint[]) as new (index) on conflict do nothing`
  })

  test('are never what it is folded by: it waits until those of the log are read', async () => {
    await view.apply(logged)
    const expected = await rowsOf(database)
    await empty(database)
    const newest = rules
    rules = { ...newest, types: new Map([...newest.types].filter(([type]) => type !== 'tax.changed.v1')), kinds: new Map() }
    refreshes = [
      () => {
        // now the kind is known, but not yet the type
        rules = { ...rules, kinds: newest.kinds }
        known = 100
      },
      () => {
        rules = newest
        known = 200
      },
    ]
    await follower().apply(logged)
    expect(await rowsOf(database)).toEqual(expected)
    expect(refreshes).toEqual([])
  })

  test('that cannot be brought up to the log are a failure of the machine: nothing is applied', async () => {
    refreshes = []
    await expect(follower().apply(logged)).rejects.toThrow('the log has newer rules than this process')
    expect(await rowsOf(database)).toEqual({ records: [], parked: [], positions: [] })
    known = 200
    await follower().apply(logged)
    expect((await rowsOf(database)).positions).not.toEqual([])
  })
})

describe('the database going away', () => {
  test('parks nothing, moves nothing, and the same batch is taken when it is back', async () => {
    await view.apply(logged.slice(0, 2))
    const before = await rowsOf(database)
    const holder = await exchange.database.raw.reserve()
    try {
      // holds the position, so that the batch is under way when its connection is cut
      await holder`begin`
      await holder`select 1 from view_state_tax.positions for update`
      const applying = view.apply(logged)
      const failed = expect(applying).rejects.toThrow()
      await expect.poll(() => cutWaiting(exchange.database.raw), { timeout: 10_000, interval: 20 }).toBe(1)
      await failed
      await holder`rollback`
    } finally {
      holder.release()
    }
    // postgres.js tells the first caller after a reconnection of the old connection's end
    await expect.poll(() => rowsOf(database).catch(() => 'not yet'), { timeout: 10_000 }).toEqual(before)
    await view.apply(logged)
    expect((await rowsOf(database)).parked).toEqual([])
    expect(await view.readRecord('registration', companyA)).toMatchObject({ lastIndex: 6 })
  })

  /** Cuts the connections that wait for a lock; how many there were. */
  async function cutWaiting(sql: Database['raw']): Promise<number> {
    const cut = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%positions%'`
    return cut.length
  }

  test('a server that is not there is an error, not a parked event', async () => {
    const gone = connect('postgres://nobody@127.0.0.1:1/nowhere', { name: 'lianban test', connectTimeoutMs: 2000 })
    const unreachable = createView(gone, {
      bureau: 'state-tax',
      rules: () => rules,
      catalogues: () => [],
      partitionOf,
      clock: () => new Date(),
    })
    await expect(unreachable.apply(logged)).rejects.toThrow(/ECONNREFUSED|CONNECT/)
    await gone.close()
  })
})
