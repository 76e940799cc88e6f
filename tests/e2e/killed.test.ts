import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { startLoad } from '../support/e2e-load.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

const prefix = `e2e-killed-${process.pid}-${Date.now()}`
const seed = Number(process.env.E2E_SEED ?? Date.now() % 1_000_000)

const gateway = ['gateway']
const publish = ['publish']
const consume = ['consume']
/** two of each role, so that another may go on */
const roles = [gateway, gateway, publish, publish, consume, consume]

describeWithKafka('an exchange whose processes die under load', () => {
  let brokers: string
  let database: TestDatabase
  let deployment: Deployment
  let views: Views
  const processes: Running[] = []

  beforeAll(async () => {
    brokers = (await sharedKafka()) ?? ''
    database = await testDatabase()
    deployment = await deploy({ DATABASE_URL: database.url, KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix })
    processes.push(await deployment.start(gateway))
    views = await viewsOf(database.url)
    await views.watch()
    processes.push(...(await Promise.all(roles.slice(1).map((role) => deployment.start(role)))))
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [`${prefix}.registration`] }).catch(() => undefined) // a run that failed early has none
    await admin.disconnect()
    await database?.close()
  })

  it(`loses nothing acknowledged and applies nothing twice while each is killed and started again (seed ${seed})`, {
    timeout: 180_000,
  }, async () => {
    console.log(`E2E_SEED=${seed} kills the same processes again`)
    const random = randomFrom(seed)
    const bureaus = await bureausOf(deployment.keysFolder())
    const urls = () => processes.map(({ url }) => url).filter((url) => url !== '')
    const load = startLoad(bureaus, { urls, subjects: 120, senders: 6, pauseMs: 25, retry: true })
    const acceptMore = async (events: number) => {
      const from = load.accepted()
      await eventually(async () => load.accepted() >= from + events, 90_000)
    }
    const startAgain = async (place: number) => {
      processes[place] = await deployment.start(roles[place] ?? [], {}, processes[place]?.dataDir)
    }
    const starts: Promise<void>[] = []
    try {
      await acceptMore(30)
      for (const place of shuffled([...roles.keys()], random)) {
        await processes[place]?.kill()
        await acceptMore(1 + Math.floor(random() * 40))
        // the next one may die while this one is still starting
        starts.push(startAgain(place))
        await acceptMore(1 + Math.floor(random() * 40))
      }
      await Promise.all(starts)
      await acceptMore(30)
    } finally {
      await Promise.allSettled([load.stop(), ...starts])
    }
    await load.stop()

    await load.expectInLog(views)
    await views.expectFold(60_000)
    await views.expectEachOnceInOrder()
    for (const { parked } of Object.values(await views.stored())) expect(parked).toEqual([])
  })
})

/** Numbers from 0 to below 1, the same for the same seed (Lehmer's generator). */
function randomFrom(start: number): () => number {
  let state = (start % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const keyed = items.map((item) => ({ item, key: random() }))
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item)
}
