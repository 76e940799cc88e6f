import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import type { Sql } from 'postgres'
import { BrokerAdmin } from './broker-admin.ts'
import type { Bus, Consumption, PartitionEnds } from './bus.ts'
import type { BusLog, BusMetrics } from './bus-log.ts'
import { connectKafka, type KafkaSettings } from './kafka-client.ts'
import { consumeFromKafka } from './kafka-consumer.ts'
import { Leases } from './leases.ts'
import { publishToKafka } from './publisher.ts'
import type { KindTopics } from './topics.ts'
import { Wake } from './wake.ts'

export interface KafkaBusOptions extends KafkaSettings {
  /** of topics and consumer groups */
  readonly prefix: string
  /** two connections are opened beside its pool, with its settings: one for the publisher's lease, one to listen */
  readonly sql: Sql
  readonly kinds: KindTopics
  readonly log: BusLog
  readonly metrics?: BusMetrics
  /** between two heartbeats of each partition */
  readonly heartbeatMs?: number
  /** how long a consumer may stand still while its topic has more for it, before it is built anew */
  readonly stallMs?: number
  /** makes the client; a test looks on here */
  readonly connect?: (settings: KafkaSettings, log: BusLog) => Kafka
}

const defaultStallMs = 20_000
const defaultHeartbeatMs = 10_000
/** Somebody waits at the desk. */
const endsTimeoutMs = 3000

/** The bus over Apache Kafka. The broker may be away at any time, also now: publisher and consumers wait for it. */
export function createKafkaBus(options: KafkaBusOptions): Bus {
  const { prefix, sql, kinds, log, metrics = {}, connect = connectKafka } = options
  const { stallMs = defaultStallMs, heartbeatMs = defaultHeartbeatMs } = options
  const kafka = connect(options, log)
  const admin = new BrokerAdmin(kafka)
  const wake = new Wake(sql, log)
  const leases = new Leases(sql, log)
  const consumptions = new Set<Consumption>()
  const kept = (consumption: Consumption) => {
    consumptions.add(consumption)
    return consumption
  }
  return {
    name: 'kafka',
    consume: (subscriber) => kept(consumeFromKafka({ sql, kafka, admin, prefix, kinds, log, metrics, stallMs }, subscriber)),
    publish: () => kept(publishToKafka({ sql, kafka, admin, prefix, kinds, wake, leases, log, metrics, heartbeatMs })),
    ends: (topics) => topicEnds(admin, prefix, topics),
    async close() {
      await Promise.all([...consumptions].map((consumption) => consumption.stop()))
      wake.close()
      await leases.close()
      await admin.close()
    },
  }
}

/** A topic that the broker does not have is left out. */
async function topicEnds(
  admin: BrokerAdmin,
  prefix: string,
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly PartitionEnds[]>> {
  const existing = new Set(
    await within(
      endsTimeoutMs,
      admin.use((asked) => asked.listTopics()),
    ),
  )
  const ends = new Map<string, readonly PartitionEnds[]>()
  for (const topic of topics) {
    const name = `${prefix}.${topic}`
    if (!existing.has(name)) continue
    const offsets = await within(
      endsTimeoutMs,
      admin.use((asked) => asked.fetchTopicOffsets(name)),
    )
    const numbers = offsets.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
    ends.set(
      topic,
      numbers.toSorted((one, other) => one.partition - other.partition),
    )
  }
  return ends
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(ms, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`the broker did not answer within ${ms / 1000} s`)
  })
  late.catch(() => undefined) // the work was faster
  return await Promise.race([work, late]).finally(() => timer.abort())
}
