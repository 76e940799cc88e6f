import { afterEach, beforeEach, expect, it } from 'vitest'
import { partitionOf } from '../../src/bus/partition.ts'
import { appendEvents, appendRefusals } from '../support/append-events.ts'
import { createSubscriber, partitions } from '../support/bus-subscriber.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { readTopicEvents } from '../support/topic-events.ts'
import { expectAllOnceInOrder, subjects, upTo } from './bus-contract.ts'
import { type KafkaFixture, kafkaFixture } from './kafka-fixture.ts'

/** More than the publisher reads at once. */
const size = 1300
const stretch = { from: 300, to: 1100 }

describeWithKafka('a stretch of the log that an operator wants published again', () => {
  let fixture: KafkaFixture

  beforeEach(async () => {
    fixture = await kafkaFixture((await sharedKafka())?.split(',') ?? [])
  })
  afterEach(() => fixture.close())

  const partitionAt = (index: number) => partitionOf(subjects(1, index)[0] ?? '', partitions)
  const previousOf = (index: number) => upTo(index).findLast((i) => partitionAt(i) === partitionAt(index)) ?? -1

  it('comes once more, in order, each event with what truly came before it; views ignore it, and new events go between', async () => {
    const { sql } = fixture
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'commerce')
    await appendEvents(sql, 0, subjects(size))
    const publishing = bus.publish()
    bus.consume(subscriber)
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(size)))
    // asked for while nobody publishes, and half of it sent by one that died
    await publishing.stop()
    await sql`insert into log.republications (id, from_index, to_index, sent_to, events, party, reason, created_at)
      values (7, ${stretch.from}, ${stretch.to}, ${stretch.from + 199}, 200, 'operator', 'test', now())`
    bus.publish()
    for (let more = size; more < size + 50; more += 10) await appendEvents(sql, more, subjects(10, more))
    await eventually(async () => (await sql`select 1 from log.republications where finished_at is not null`).length === 1)
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(size + 50)))
    expect(subscriber.gaps).toBe(0)

    const messages = await readTopicEvents(fixture.kafka, fixture.topic)
    const again = upTo(stretch.to + 1).slice(stretch.from + 200)
    const seen = new Set<number>()
    const repeated = messages.filter(({ index }) => seen.size === seen.add(index).size)
    for (let partition = 0; partition < partitions; partition++)
      expect(repeated.filter((one) => one.partition === partition).map(({ index }) => index)).toEqual(
        again.filter((index) => partitionAt(index) === partition),
      )
    for (const { index, previous } of messages) expect({ index, previous }).toEqual({ index, previous: previousOf(index) })
    const [row] = await sql`select sent_to::int as sent, events::int as events from log.republications`
    expect(row).toEqual({ sent: stretch.to, events: stretch.to - stretch.from + 1 })
  })

  it('goes on behind more refusals than are read at once', async () => {
    const { sql } = fixture
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'commerce')
    await appendEvents(sql, 0, subjects(5))
    await appendRefusals(sql, 5, 1200)
    await appendEvents(sql, 1205, subjects(5, 5))
    bus.publish()
    bus.consume(subscriber)
    const events = [...upTo(5), ...upTo(1210).slice(1205)]
    await eventually(() => expectAllOnceInOrder(subscriber, events))
    // a new topic may have taken some messages of a send that failed, and take them again
    const before = await timesSent()
    expect([...before.keys()].toSorted((a, b) => a - b)).toEqual(events)
    await sql`insert into log.republications (id, from_index, to_index, sent_to, events, party, reason, created_at)
      values (7, 0, 1209, -1, 0, 'operator', 'test', now())`
    await eventually(async () => (await sql`select 1 from log.republications where finished_at is not null`).length === 1)
    const after = await timesSent()
    expect([...after.keys()].toSorted((a, b) => a - b)).toEqual(events)
    for (const index of events) expect(after.get(index), String(index)).toBeGreaterThan(before.get(index) ?? 0)

    async function timesSent(): Promise<ReadonlyMap<number, number>> {
      const times = new Map<number, number>()
      for (const { index } of await readTopicEvents(fixture.kafka, fixture.topic)) times.set(index, (times.get(index) ?? 0) + 1)
      return times
    }
  })
})
