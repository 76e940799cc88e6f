import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bureaus, bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { startLoad } from '../support/e2e-load.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, type RunningKafka, startKafka } from '../support/kafka.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

/** readiness that waited for a broker would take as long as kafkajs tries to reach one */
const promptMs = 3000

describeWithKafka('an exchange whose broker dies', () => {
  let kafka: RunningKafka
  let database: TestDatabase
  let deployment: Deployment
  let exchange: Running
  let bureaus: Bureaus
  let views: Views

  beforeAll(async () => {
    ;[kafka, database] = await Promise.all([startKafka(), testDatabase()])
    deployment = await deploy({ DATABASE_URL: database.url, KAFKA_BROKERS: kafka.brokers, KAFKA_PREFIX: 'killed' })
    exchange = await deployment.start(['serve'])
    bureaus = await bureausOf(deployment.keysFolder())
    views = await viewsOf(database.url)
    await views.watch()
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    await kafka?.stop()
    await database?.close()
  })

  it('takes every event, stays ready, and then brings each view to the log’s end, each event applied once and in order', {
    timeout: 180_000,
  }, async () => {
    const health = watchHealth(exchange.url)
    const load = startLoad(bureaus, { urls: () => [exchange.url], subjects: 200, senders: 8, pauseMs: 60, retry: false })
    const reached = async () => {
      const [row] = await views.sql<{ index: number }[]>`select coalesce(max(index), -1)::int as index from watched.writes`
      return row?.index ?? -1
    }
    const acceptMore = async (events: number) => {
      const from = load.accepted()
      await eventually(async () => load.accepted() >= from + events, 60_000)
    }

    try {
      await acceptMore(100)
      await eventually(async () => (await reached()) > 50, 60_000)
      for (const _ of ['once', 'twice']) {
        await kafka.kill()
        const atKill = await logSize(views)
        await acceptMore(200)
        const [, back] = [await kafka.restart(), await logSize(views)]
        expect(back).toBeGreaterThan(atKill)
        await eventually(async () => (await reached()) > back, 60_000)
      }
      await acceptMore(100)
    } finally {
      await Promise.all([load.stop(), health.stop()])
    }

    await load.expectInLog(views)
    await views.expectFold(60_000)
    await views.expectEachOnceInOrder()
    const stored = await views.stored()
    for (const { records, parked } of Object.values(stored)) {
      expect(records.length).toBeLessThanOrEqual(200)
      expect(parked).toEqual([])
    }
    expect(health.statuses()).toEqual(new Set([200]))
    expect(health.slowestMs()).toBeLessThan(promptMs)
  })
})

async function logSize({ sql }: Views): Promise<number> {
  const [row] = await sql<{ size: number }[]>`select size from log.head`
  return row?.size ?? 0
}

/** Asks for readiness all the time, as a load balancer does. */
function watchHealth(url: string) {
  const statuses = new Set<number>()
  let slowestMs = 0
  let stopped = false
  const running = (async () => {
    while (!stopped) {
      const before = performance.now()
      const response = await fetch(`${url}/health/ready`)
      await response.text()
      slowestMs = Math.max(slowestMs, performance.now() - before)
      statuses.add(response.status)
      await setTimeout(100)
    }
  })()
  return {
    statuses: () => statuses,
    slowestMs: () => slowestMs,
    stop: async () => {
      stopped = true
      await running
    },
  }
}
