import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadLogKey } from '../../src/log/log-key.ts'
import { viewSchema } from '../../src/view/view-schema.ts'
import { root } from '../docs/documents.ts'
import { auditLog } from '../support/audited-log.ts'
import { type Bureaus, bureausOf, origin } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { type Load, startLoad } from '../support/e2e-load.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { type EarlierBuild, earlierBuild } from '../support/earlier-build.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { mainFile } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

/** Before views counted the events of each record: four migrations ago, one of which writes to every record. */
const earlierVersion = '4e4ab57f3b9dffd46b1df9caa3b1c598836de4c9'
const bureauIds = ['commerce', 'state-tax', 'local-tax']
const prefix = `e2e-upgrade-${process.pid}-${Date.now()}`

/** One process of the deployment, whichever version it runs. */
interface Place {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  running: Running | undefined
}

describeWithKafka('an exchange that is upgraded under load', () => {
  let brokers: string
  let earlier: EarlierBuild
  let database: TestDatabase
  let deployment: Deployment
  let views: Views
  let bureaus: Bureaus
  let urls: readonly string[]
  let load: Load
  let gateways: readonly Place[]
  let publisher: Place
  let consumers: readonly Place[]

  beforeAll(async () => {
    brokers = (await sharedKafka()) ?? ''
    earlier = await earlierBuild(earlierVersion)
    database = await testDatabase()
    deployment = await deploy({
      DATABASE_URL: database.url,
      KAFKA_BROKERS: brokers,
      KAFKA_PREFIX: prefix,
      CHECK_EVERY_SECONDS: '1',
    })
    const ports = [String(await freePort()), String(await freePort())]
    gateways = ports.map((port) => ({ args: ['gateway'], env: { PORT: port }, running: undefined }))
    publisher = { args: ['publish'], env: {}, running: undefined }
    consumers = bureauIds.map((bureau) => ({ args: ['consume', '--bureau', bureau], env: {}, running: undefined }))
    for (const gateway of gateways) await start(gateway, earlier.main)
    await Promise.all([publisher, ...consumers].map((place) => start(place, earlier.main)))
    views = await viewsOf(database.url)
    bureaus = await bureausOf(deployment.keysFolder())
    // the small round-robin before them
    urls = ports.map((port) => `http://127.0.0.1:${port}`)
  })
  afterAll(async () => {
    await load?.stop().catch(() => undefined) // the test has told of it
    await views?.close()
    await deployment?.close()
    await earlier?.remove()
    const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [`${prefix}.registration`] }).catch(() => undefined) // a run that failed early has none
    await admin.disconnect()
    await database?.close()
  })

  async function start(place: Place, main: string): Promise<void> {
    place.running = await deployment.start(place.args, place.env, place.running?.dataDir, main)
  }

  async function stop(place: Place): Promise<void> {
    expect(await place.running?.stop(), place.args.join(' ')).toBe(0)
  }

  const acceptMore = async (events: number) => {
    const from = load.accepted()
    await eventually(async () => load.accepted() >= from + events)
  }

  /** As docs/deploy.md says. */
  async function replaceAll(main: string, betweenConsumers: () => Promise<void>): Promise<void> {
    await Promise.all(consumers.map(stop))
    await betweenConsumers()
    for (const place of [...gateways, publisher]) {
      await acceptMore(20)
      await stop(place)
      await acceptMore(20)
      await start(place, main)
    }
    await acceptMore(20)
    await Promise.all(consumers.map((place) => start(place, main)))
    await acceptMore(40)
  }

  /** Replaces all of it while senders post, to whom no answer but an acceptance is forgiven. */
  async function replaceUnderLoad(main: string, firstSubject: number, betweenConsumers = async () => {}): Promise<void> {
    load = startLoad(bureaus, { urls: () => urls, subjects: 60, firstSubject, senders: 4, pauseMs: 20, retry: true })
    await acceptMore(60)
    await replaceAll(main, betweenConsumers)
    await load.stop()
  }

  async function expectLogVerifies(): Promise<void> {
    const { vkey } = await loadLogKey(deployment.logKeyFile, origin)
    await auditLog(views.sql, vkey)
  }

  it('from a version with fewer migrations: no sender is refused, no event is lost, no view is wrong', {
    timeout: 180_000,
  }, async () => {
    expect((await migrationsIn(root)).length).toBeGreaterThan((await migrationsIn(earlier.folder)).length)
    await replaceUnderLoad(mainFile, 0)

    await load.expectInLog(views)
    await expectLogVerifies()
    await views.expectFold(60_000)
    for (const { parked } of Object.values(await views.stored())) expect(parked).toEqual([])
    // each view has looked itself through since, and lacked nothing
    for (const bureau of bureauIds) {
      await eventually(async () => {
        const schema = views.sql(`view_${bureau.replace('-', '_')}`)
        const [round] = await views.sql`select completed_size > 60 as later, healed from ${schema}.completeness`
        expect(round).toEqual({ later: true, healed: 0 })
      })
    }
    expect(await views.sql`select kind, about from operations.alarms where kind = 'hole'`).toEqual([])
  })

  it('and the way back to it: the log’s tables stay migrated, the views are folded anew', { timeout: 180_000 }, async () => {
    const before = await countEvents(views.sql)
    await replaceUnderLoad(earlier.main, 1000, async () => {
      for (const bureau of bureauIds) await views.sql`drop schema ${views.sql(viewSchema(bureau))} cascade`
    })

    expect(await countEvents(views.sql)).toBe(before + load.accepted())
    await expectLogVerifies()
    await eventually(async () => expect(withoutCounts(await views.stored())).toEqual(withoutCounts(await views.folded())))
  })
})

async function countEvents(sql: Views['sql']): Promise<number> {
  const [row] = await sql<{ events: number }[]>`select count(*)::int as events from log.entries where kind = 'event'`
  return row?.events ?? 0
}

/** The earlier version does not count the events of a record. */
function withoutCounts(views: Awaited<ReturnType<Views['stored']>>) {
  return Object.entries(views).map(([bureau, { records, parked }]) => ({
    bureau,
    parked,
    records: records.map(({ events: _, ...record }) => record),
  }))
}

async function migrationsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(join(folder, 'drizzle'), { recursive: true })
  return names.filter((name) => name.endsWith('.sql'))
}
