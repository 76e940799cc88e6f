import { inspect } from 'node:util'
import { type Consumer, Partitioners } from 'kafkajs'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connectKafka } from '../../src/bus/kafka-client.ts'
import { partitionOf } from '../../src/bus/partition.ts'
import { appendEvents } from '../support/append-events.ts'
import { createSubscriber, partitions } from '../support/bus-subscriber.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { expectAllOnceInOrder, subjects, upTo } from './bus-contract.ts'
import { type KafkaFixture, kafkaFixture } from './kafka-fixture.ts'

describeWithKafka('the kafka bus, when others err', () => {
  let fixture: KafkaFixture

  beforeEach(async () => {
    fixture = await kafkaFixture((await sharedKafka())?.split(',') ?? [])
  })

  afterEach(() => fixture.close())

  it('delivers nothing that the log does not hold, and raises the alarm', async () => {
    const { sql, kafka, topic, log } = fixture
    let distrusted = 0
    const bus = fixture.open({ metrics: { distrusted: (_, messages) => (distrusted += messages) } })
    const subscriber = await createSubscriber(sql, 'commerce')
    const publishing = bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
    await publishing.stop()
    await appendEvents(sql, 10, subjects(10, 10))

    // the forger is faster than the publisher, and knows the right partition
    const [subject] = subjects(1, 10)
    const [logged] = await sql<{ entry: string }[]>`select entry from log.entries where index = 10`
    const partition = partitionOf(subject ?? '', partitions)
    const place = { key: subject ?? '', partition }
    const headers = (index: number) => ({ lianban_index: String(index), lianban_previous: '-1', lianban_message: 'event' })
    const genuine = logged?.entry ?? ''
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({
      topic,
      messages: [
        { ...place, value: genuine.replace('received', 'altered'), headers: headers(10) },
        { ...place, value: genuine, headers: headers(11) },
        { ...place, value: '{"kind":"event","jws":"never in the log"}', headers: headers(1000) },
        { ...place, partition: (partition + 1) % partitions, value: genuine, headers: headers(10) },
        { ...place, value: 'no headers' },
        { ...place, value: null },
      ],
    })
    await producer.disconnect()
    await eventually(async () => distrusted === 6)
    expect(await subscriber.applied()).toHaveLength(10)

    bus.publish()
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(20)))
    expect(
      (await subscriber.applied()).every(({ index, entry }) => entry.includes(`"received"`) && entry.includes(`"${index}.`)),
    ).toBe(true)
    expect(log.lines.some(({ level, message }) => level === 'error' && message.startsWith('ALARM'))).toBe(true)
  })

  it('believes no heartbeat that the log contradicts, and takes the true ones', async () => {
    const { sql, kafka, topic, log } = fixture
    let distrusted = 0
    const bus = fixture.open({ metrics: { distrusted: (_, messages) => (distrusted += messages) } })
    const subscriber = await createSubscriber(sql, 'commerce')
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
    await eventually(async () => subscriber.heartbeats >= partitions)
    const before = subscriber.heartbeats

    const home = partitionOf(subjects(1)[0] ?? '', partitions)
    const heartbeat = (partition: number, previous: number, size: number | string) => ({
      partition,
      value: '{}',
      headers: { lianban_message: 'heartbeat', lianban_previous: String(previous), lianban_size: String(size) },
    })
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const lies = [
      heartbeat(home, 0, 11),
      heartbeat((home + 1) % partitions, 0, 10),
      heartbeat(home, 9_999, 10_000),
      heartbeat(home, 0, 'ten'),
      heartbeat(home, 0, 0),
    ]
    await producer.send({ topic, messages: [...lies, heartbeat(home, 0, 1)] })
    await producer.disconnect()
    await eventually(async () => distrusted === lies.length && subscriber.heartbeats > before)
    expect(subscriber.heard.get(home)).toMatchObject({ previous: 0, size: 1 })
    expect(log.lines.some(({ level, message }) => level === 'error' && message.startsWith('ALARM'))).toBe(true)
  })

  it('builds a stalled consumer anew, and goes on where the view stands', async () => {
    const { sql, topic } = fixture
    const consumers: Consumer[] = []
    const rebuilt: string[] = []
    const bus = fixture.open({
      stallMs: 1500,
      metrics: { rebuilt: (_, why) => rebuilt.push(why) },
      connect: (settings, log) => {
        const kafka = connectKafka(settings, log)
        const make = kafka.consumer.bind(kafka)
        kafka.consumer = (config) => {
          const consumer = make(config)
          consumers.push(consumer)
          return consumer
        }
        return kafka
      },
    })
    const subscriber = await createSubscriber(sql, 'commerce')
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))

    consumers[0]?.pause([{ topic }])
    await appendEvents(sql, 10, subjects(30, 10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(40)))
    expect(rebuilt).toEqual(['stalled'])
    expect(consumers).toHaveLength(2)
  })

  it('leaves a consumer alone that only waits for its database', async () => {
    const { sql } = fixture
    const rebuilt: string[] = []
    const bus = fixture.open({ stallMs: 400, metrics: { rebuilt: (_, why) => rebuilt.push(why) } })
    const subscriber = await createSubscriber(sql, 'commerce')
    let broken = true
    subscriber.before = async () => {
      if (broken) throw new Error('database away')
    }
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(10))
    await eventually(async () => subscriber.calls >= 5)
    broken = false
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
    expect(rebuilt).toEqual([])
  })

  it('sends again after a crash of the publisher before it noted its progress, and every view ignores the copies', async () => {
    const { sql, topic } = fixture
    let published = 0
    const metrics = { published: (_: string, events: number) => (published += events) }
    const first = fixture.open({ metrics })
    const subscriber = await createSubscriber(sql, 'commerce')
    await appendEvents(sql, 0, subjects(40))
    const publishing = first.publish()
    await eventually(async () => published === 40)
    await publishing.stop()
    const at = (count: number) =>
      Array.from({ length: partitions }, (_, p) =>
        Math.max(-1, ...upTo(count).filter((i) => partitionOf(subjects(1, i)[0] ?? '', partitions) === p)),
      )
    await sql`update log.published set index = 14, last_indexes = ${JSON.stringify(at(15))}::text::jsonb where topic = ${topic}`

    first.publish()
    await eventually(async () => published === 65)
    first.consume(subscriber)
    await appendEvents(sql, 40, subjects(10, 40))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(50)))
    expect(subscriber.gaps).toBe(0)
  })

  it('has one publisher at a time; another takes over when its connection to the database dies', async () => {
    const { sql, prefix } = fixture
    const counts = { one: 0, other: 0 }
    const one = fixture.open({ metrics: { published: (_, events) => (counts.one += events) } })
    const other = fixture.open({ metrics: { published: (_, events) => (counts.other += events) } })
    const subscriber = await createSubscriber(sql, 'commerce')
    const first = one.publish()
    await eventually(async () => first.state() === 'running')
    const second = other.publish()
    one.consume(subscriber)
    await appendEvents(sql, 0, subjects(10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
    expect(counts).toEqual({ one: 10, other: 0 })
    expect(second.state()).toBe('starting')

    const lock = `lianban publisher ${prefix}`
    await sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
      and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${lock}, 0)`
    for (let size = 10; size < 60; size += 5) await appendEvents(sql, size, subjects(5, size))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(60)))
    await first.stop()
    await appendEvents(sql, 60, subjects(10, 60))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(70)))
    expect(counts.other).toBeGreaterThanOrEqual(10)
  })

  it('goes on from the log when the topic was deleted', async () => {
    const { sql, kafka, topic } = fixture
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'commerce')
    const publishing = bus.publish()
    const consuming = bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(20))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(20)))
    await consuming.stop()
    await appendEvents(sql, 20, subjects(20, 20))
    await eventually(async () => (await sql`select 1 from log.published where index = 39`).count === 1)
    await publishing.stop()

    const admin = kafka.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await eventually(async () => !(await admin.listTopics()).includes(topic))
    await admin.disconnect()
    bus.publish()
    bus.consume(subscriber)
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(40)))
    await appendEvents(sql, 40, subjects(10, 40))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(50)))
  })

  it.each([
    ['the publisher began with', partitions, 3, `has ${partitions} partitions at the broker, but 3 in log.published`],
    ['the catalogue says', 5, undefined, `has 5 partitions at the broker, but ${partitions} by the catalogue`],
  ])('says what to do when the topic has other partitions than %s, and brings nothing', async (_, found, stored, message) => {
    const { sql, topic, log } = fixture
    if (stored !== undefined) await sql`insert into log.published values (${topic}, ${stored}, -1, '[-1, -1, -1]')`
    const { kafka } = fixture
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: found }] })
    await admin.disconnect()
    const bus = fixture.open()
    const parts = [bus.publish(), bus.consume(await createSubscriber(sql, 'state-tax'))]
    await appendEvents(sql, 0, subjects(3))
    await eventually(async () => parts.every((part) => part.state() === 'waiting'))
    const said = log.lines.filter(({ level, fields }) => level === 'warn' && inspect(fields).includes(message))
    expect(said.length).toBeGreaterThanOrEqual(2)
  })

  it('shows its lag to the tools of Kafka', async () => {
    const { sql, kafka, topic, prefix } = fixture
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'state-tax')
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(50))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(50)))
    const admin = kafka.admin()
    await admin.connect()
    try {
      await eventually(async () => {
        const [committed] = await admin.fetchOffsets({ groupId: `${prefix}.state-tax`, topics: [topic] })
        const ends = await admin.fetchTopicOffsets(topic)
        for (const { partition, high } of ends) {
          const { offset } = committed?.partitions.find((one) => one.partition === partition) ?? { offset: '-1' }
          expect({ partition, offset: Math.max(0, Number(offset)) }).toEqual({ partition, offset: Number(high) })
        }
      })
    } finally {
      await admin.disconnect()
    }
  })

  it('brings an event to the view in a fraction of a second at small load', async () => {
    const { sql, url } = fixture
    const bus = fixture.open()
    const subscriber = await createSubscriber(sql, 'commerce')
    const arrivals = new Map<number, number>()
    subscriber.before = async (deliveries) => {
      for (const { index } of deliveries) arrivals.set(index, performance.now())
    }
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(sql, 0, subjects(1))
    await eventually(async () => arrivals.has(0))
    const writer = postgres(url, { max: 1, onnotice: () => undefined })
    const tookMs: number[] = []
    for (let index = 1; index <= 100; index++) {
      const before = performance.now()
      await appendEvents(writer, index, subjects(1, index))
      await eventually(async () => arrivals.has(index))
      tookMs.push((arrivals.get(index) ?? 0) - before)
    }
    await writer.end()
    tookMs.sort((a, b) => a - b)
    if (process.env.BUS_LOG) console.log(`append to apply(): median ${tookMs[50]} ms, p99 ${tookMs[98]} ms`)
    expect(tookMs[50]).toBeLessThan(100)
  })
})
