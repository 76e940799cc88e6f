import { Kafka, type KafkaMessage, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bureaus, bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { type Example, examples } from '../support/examples.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

const bureauIds = ['commerce', 'state-tax', 'local-tax']
const prefix = `e2e-${process.pid}-${Date.now()}`
const topic = `${prefix}.registration`

const a = '91210203XTEXT0018E'
const b = '91210202XTEXT0026T'
const c = '91210204XTEXT0034J'
const both = (stateTax: string, localTax: string) => ({ tax: { 'state-tax': stateTax, 'local-tax': localTax } })

/** What every view says after each example: its subject, status and tax registers. */
const statesAfter: readonly (readonly [string, string, object])[] = [
  [a, 'active', {}],
  [a, 'active', { tax: { 'state-tax': 'normal' } }],
  [a, 'active', both('normal', 'normal')],
  [a, 'active', both('normal', 'normal')],
  [a, 'active', both('normal', 'normal')],
  [a, 'active', both('clearing', 'clearing')],
  [a, 'cancelled', both('deregistered', 'deregistered')],
  [b, 'active', {}],
  [b, 'active', { tax: { 'state-tax': 'normal' } }],
  [b, 'active', both('normal', 'normal')],
  [b, 'active', both('abnormal', 'normal')],
  [b, 'revoked', both('abnormal', 'normal')],
  [b, 'active', both('abnormal', 'normal')],
  [c, 'active', {}],
  [c, 'active', { tax: { 'state-tax': 'normal' } }],
  [c, 'active', both('normal', 'normal')],
  [c, 'active', both('normal', 'normal')],
  [c, 'active', both('normal', 'deregistered')],
]

describeWithKafka('the history of three companies over Kafka, every role a process of its own', () => {
  let database: TestDatabase
  let deployment: Deployment
  let views: Views
  let bureaus: Bureaus
  let kafka: Kafka
  let gateways: readonly Running[]
  let firstPublisher: Running
  const accepted: { readonly example: Example; readonly id: string; readonly index: number }[] = []

  beforeAll(async () => {
    const brokers = (await sharedKafka()) ?? ''
    kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
    database = await testDatabase()
    deployment = await deploy({ DATABASE_URL: database.url, KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix })
    const gateway = await deployment.start(['gateway'])
    const consumers = bureauIds.map((bureau) => deployment.start(['consume', '--bureau', bureau]))
    const [second, publisher] = await Promise.all([deployment.start(['gateway']), deployment.start(['publish']), ...consumers])
    gateways = [gateway, second]
    firstPublisher = publisher
    bureaus = await bureausOf(deployment.keysFolder())
    views = await viewsOf(database.url)
    await views.watch()
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    const admin = kafka.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] }).catch(() => undefined) // a run that failed early has none
    await admin.disconnect()
    await database?.close()
  })

  const gatewayOf = (turn: number): string => gateways[turn % gateways.length]?.url ?? ''

  it('brings all three views to the state that the reference says after each event, also when the publisher changes', {
    timeout: 120_000,
  }, async () => {
    expect(statesAfter).toHaveLength(examples().length)
    for (const [turn, example] of examples().entries()) {
      // the one that stood by goes on
      if (turn === 6) await deployment.start(['publish'])
      if (turn === 9) expect(await firstPublisher.stop()).toBe(0)
      const id = `history-${turn + 1}`
      const index = indexOf(await bureaus.post(gatewayOf(turn), example, id))
      accepted.push({ example, id, index })
      const [subject, status, layers] = statesAfter[turn] ?? []
      await eventually(async () => {
        for (const bureau of bureauIds) {
          const { body } = await bureaus.record(gatewayOf(turn + 1), bureau, 'registration', subject ?? '')
          expect({ at: turn + 1, bureau, lastIndex: body.lastIndex, status: body.status, layers: body.layers }).toEqual({
            at: turn + 1,
            bureau,
            lastIndex: index,
            status,
            layers,
          })
        }
      })
    }
  })

  it('leaves every view equal to a fold of the log from nothing, each event applied once', async () => {
    await views.expectFold()
    await views.expectEachOnceInOrder()
    const stored = await views.stored()
    for (const bureau of bureauIds) {
      expect(stored[bureau]?.records).toHaveLength(3)
      expect(stored[bureau]?.parked).toEqual([])
    }
  })

  it('refuses what comes too early at either gateway, though the other took the event before it', async () => {
    const cancelled: Example = {
      type: 'registration.cancelled.v1',
      source: 'commerce',
      subject: c,
      data: {
        ...example('registration.cancelled.v1').data,
        ...identityOf(c),
        effectiveDate: '2017-11-16',
        approvalDate: '2017-11-16',
      },
    }
    for (const { url } of gateways) {
      const { status, body } = await bureaus.post(url, cancelled)
      expect({ status, code: body.code, retryable: body.retryable }).toEqual({
        status: 409,
        code: 'tax-clearance-missing',
        retryable: true,
      })
    }
  })

  it('tells each sender through either gateway what became of its events', async () => {
    for (const {
      example: { source },
      id,
      index,
    } of accepted) {
      const { body } = await bureaus.get(gatewayOf(index), `/v1/events?id=${id}`, source)
      expect(body.index).toBe(index)
      expect(body.fate).toEqual(Object.fromEntries(bureauIds.map((bureau) => [bureau, { state: 'applied' }])))
    }
  })

  it('shows any Kafka client the log’s own bytes, keys and headers, in Kafka’s own partitions', async () => {
    const all = await readTopic(kafka, accepted.length)
    // what others' consumers do to leave heartbeats out
    const messages = all.filter(({ headers }) => headers.lianban_message === 'event')
    const partitioner = Partitioners.DefaultPartitioner()
    const metadata = Array.from({ length: 12 }, (_, partitionId) => ({
      partitionId,
      leader: 1,
      isr: [1],
      replicas: [1],
      partitionErrorCode: 0,
    }))
    const previous = new Map<number, number>()
    const entries = await views.sql<{ index: number; entry: string }[]>`select index, entry from log.entries where kind = 'event'`
    const entryOf = new Map(entries.map(({ index, entry }) => [index, entry]))

    expect(messages.map(({ headers }) => Number(headers.lianban_index)).toSorted((x, y) => x - y)).toEqual(
      accepted.map(({ index }) => index),
    )
    for (const { partition, key, value, headers } of messages) {
      const index = Number(headers.lianban_index)
      const one = accepted.find((each) => each.index === index)
      if (one === undefined) throw new Error(`nobody posted what stands at ${index}`)
      expect(key).toBe(one.example.subject)
      expect(value).toBe(entryOf.get(index))
      expect(partition).toBe(partitioner({ topic, partitionMetadata: metadata, message: { key, value } }))
      expect(headers).toEqual({
        ce_id: one.id,
        ce_type: one.example.type,
        ce_source: `/bureaus/${one.example.source}`,
        ce_subject: one.example.subject,
        lianban_index: String(index),
        lianban_previous: String(previous.get(partition) ?? -1),
        lianban_message: 'event',
      })
      previous.set(partition, index)
    }
    const last = new Map<number, Read>()
    for (const message of all) if (message.headers.lianban_message === 'heartbeat') last.set(message.partition, message)
    expect(last.size).toBe(12)
    for (const { partition, key, value, headers } of last.values()) {
      expect(Object.keys(headers).toSorted()).toEqual(['lianban_message', 'lianban_previous', 'lianban_size'])
      expect([key, value]).toEqual(['null', '{"kind":"heartbeat"}'])
      const { lianban_previous, lianban_size } = headers
      const before = accepted.filter(({ index }) => index < Number(lianban_size)).map(({ index }) => index)
      const mine = messages.filter((each) => each.partition === partition && before.includes(Number(each.headers.lianban_index)))
      expect(Number(lianban_previous)).toBe(Math.max(-1, ...mine.map((each) => Number(each.headers.lianban_index))))
    }
  })

  it('shows Kafka’s own tools one group for each bureau, without lag', async () => {
    const admin = kafka.admin()
    await admin.connect()
    try {
      const ends = await admin.fetchTopicOffsets(topic)
      expect(ends).toHaveLength(12)
      for (const bureau of bureauIds) {
        await eventually(async () => {
          const [group] = await admin.fetchOffsets({ groupId: `${prefix}.${bureau}`, topics: [topic] })
          for (const { partition, offset } of group?.partitions ?? []) {
            const high = ends.find((end) => end.partition === partition)?.high
            if (high !== '0') expect({ bureau, partition, offset }).toEqual({ bureau, partition, offset: high })
          }
          expect(group?.partitions.length).toBeGreaterThan(0)
        })
      }
    } finally {
      await admin.disconnect()
    }
  })
})

interface Read {
  readonly partition: number
  readonly key: string
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

/** Everything in the topic, by a consumer that knows nothing of the exchange. */
async function readTopic(kafka: Kafka, atLeast: number): Promise<readonly Read[]> {
  const read: Read[] = []
  const consumer = kafka.consumer({ groupId: `${prefix}.looker-on` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ eachMessage: async ({ partition, message }) => void read.push(textOf(partition, message)) })
    const admin = kafka.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
    const total = ends.reduce((sum, { high }) => sum + Number(high), 0)
    expect(total).toBeGreaterThanOrEqual(atLeast)
    await eventually(async () => read.length === total)
    return read
  } finally {
    await consumer.disconnect()
  }
}

function textOf(partition: number, { key, value, headers = {} }: KafkaMessage): Read {
  const texts = Object.entries(headers).map(([name, text]) => [name, String(text)] as const)
  return { partition, key: String(key), value: String(value), headers: Object.fromEntries(texts) }
}

function example(type: string): Example {
  const found = examples().find((one) => one.type === type)
  if (found === undefined) throw new Error(`no example of ${type}`)
  return found
}

function identityOf(uscc: string): Example['data'] {
  const {
    enterpriseName = '',
    registrationAuthority = '',
    registrationAuthorityName = '',
  } = examples().find(({ subject }) => subject === uscc)?.data ?? {}
  return { uscc, enterpriseName, registrationAuthority, registrationAuthorityName }
}
