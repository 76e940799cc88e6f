import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { appendEvents } from '../support/append-events.ts'
import { createSubscriber } from '../support/bus-subscriber.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, type RunningKafka, startKafka } from '../support/kafka.ts'
import { expectAllOnceInOrder, subjects, upTo } from './bus-contract.ts'
import { type KafkaFixture, kafkaFixture } from './kafka-fixture.ts'

describeWithKafka('the kafka bus, when the broker dies', () => {
  let kafka: RunningKafka
  let fixture: KafkaFixture

  beforeAll(async () => {
    kafka = await startKafka()
  })
  afterAll(() => kafka.stop())
  beforeEach(async () => {
    fixture = await kafkaFixture([kafka.brokers])
  })
  afterEach(() => fixture.close())

  it('loses nothing, applies nothing twice and keeps order while the broker is killed and restarted under traffic', {
    timeout: 180_000,
  }, async () => {
    const { sql } = fixture
    const one = fixture.open({ stallMs: 5000 })
    const other = fixture.open({ stallMs: 5000 })
    const bureaus = await Promise.all(['commerce', 'state-tax'].map((bureau) => createSubscriber(sql, bureau)))
    one.publish()
    other.publish()
    for (const subscriber of bureaus) {
      one.consume(subscriber)
      other.consume(subscriber)
    }

    let size = 0
    let slowestAppendMs = 0
    let flowing = true
    const flow = (async () => {
      while (flowing) {
        const before = performance.now()
        await appendEvents(sql, size, subjects(5, size))
        slowestAppendMs = Math.max(slowestAppendMs, performance.now() - before)
        size += 5
        await setTimeout(20)
      }
    })()
    const someApplied = async (more: number) => {
      const from = (await bureaus[0]?.applied())?.length ?? 0
      await eventually(async () => ((await bureaus[0]?.applied())?.length ?? 0) >= from + more, 60_000)
    }

    await someApplied(50)
    await kafka.kill()
    const atKill = size
    await eventually(async () => size >= atKill + 100)
    await kafka.restart()
    await someApplied(200)
    await kafka.kill()
    await kafka.restart()
    await someApplied(200)
    flowing = false
    await flow

    for (const subscriber of bureaus) await eventually(() => expectAllOnceInOrder(subscriber, upTo(size)), 60_000)
    // senders wait for the log alone
    expect(slowestAppendMs).toBeLessThan(5000)
  })

  it('starts while the broker is away, and catches up when it comes', { timeout: 180_000 }, async () => {
    const { sql } = fixture
    await kafka.kill()
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'commerce')
    const publishing = bus.publish()
    const consuming = bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(50))
    await eventually(async () => publishing.state() === 'waiting' && consuming.state() === 'waiting')
    await kafka.restart()
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(50)), 60_000)
  })

  it('stops in a few seconds while the broker is away', { timeout: 180_000 }, async () => {
    const { sql } = fixture
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'commerce')
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
    await kafka.kill()
    await appendEvents(sql, 10, subjects(10, 10))
    const before = performance.now()
    await bus.close()
    expect(performance.now() - before).toBeLessThan(15_000)
    await kafka.restart()
  })
})
