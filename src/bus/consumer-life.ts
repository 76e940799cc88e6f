import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { Sql } from 'postgres'
import { Applier, maxApplied } from './applier.ts'
import { Assignment } from './assignment.ts'
import { believe, believeHeartbeats, type Claim, claimOf, type HeartbeatClaim } from './believe.ts'
import type { BrokerAdmin } from './broker-admin.ts'
import { ensureTopics } from './broker-topics.ts'
import type { Delivery, Subscriber } from './bus.ts'
import type { BusLog, BusMetrics, RebuildReason } from './bus-log.ts'
import { whileHeartbeating } from './heartbeating.ts'
import { kafkaRetry } from './kafka-client.ts'
import { logWaiting } from './kafka-fault.ts'
import { laggingPartitions } from './lag.ts'
import { pause } from './pause.ts'
import { ShownOffsets } from './shown-offsets.ts'
import { StallWatch } from './stall-watch.ts'
import type { KindTopics } from './topics.ts'

/** kafkajs' default of 30 s makes the successor of a killed consumer wait that long. */
const sessionTimeoutMs = 6000
const heartbeatIntervalMs = 1500
const rebalanceTimeoutMs = 15_000
/** The broker answers sooner when there is anything; this bounds how long an idle stop takes. */
const fetchWaitMs = 200
/** Offsets go to Kafka only so that its own tools show the lag. */
const commitIntervalMs = 1000
/** A kafkajs consumer that doesn't end by then is left behind: nothing it brings is taken any more. */
const disconnectTimeoutMs = 5000

export interface ConsumerMeans {
  readonly sql: Sql
  readonly kafka: Kafka
  readonly admin: BrokerAdmin
  readonly prefix: string
  readonly kinds: KindTopics
  readonly log: BusLog
  readonly metrics: BusMetrics
  /** how long a consumer may stand still while it is behind */
  readonly stallMs: number
}

export interface Ending {
  readonly why: RebuildReason | 'stopped'
  readonly cause?: unknown
}

/** The life of one kafkajs consumer. Always returns, never throws. */
export function consumeOnce(
  means: ConsumerMeans,
  subscriber: Subscriber,
  stop: AbortSignal,
  report: (state: 'running' | 'waiting') => void,
): Promise<Ending> {
  return new ConsumerLife(means, subscriber, stop, report).live()
}

type Item = Claim | HeartbeatClaim | Delivery

/** Partitions of each topic, by its name at the broker. */
type PartitionCounts = ReadonlyMap<string, number>

class ConsumerLife {
  readonly #means: ConsumerMeans
  readonly #subscriber: Subscriber
  readonly #stop: AbortSignal
  readonly #report: (state: 'running' | 'waiting') => void
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  readonly #consumer: Consumer
  readonly #applier: Applier<Item>
  readonly #offsets: ShownOffsets
  readonly #assignment: Assignment
  /** by their name at the broker */
  readonly #topics: ReadonlyMap<string, { readonly topic: string; readonly partitions: number }>

  constructor(means: ConsumerMeans, subscriber: Subscriber, stop: AbortSignal, report: (state: 'running' | 'waiting') => void) {
    const { kafka, prefix, log } = means
    const { bureau } = subscriber
    this.#means = means
    this.#subscriber = subscriber
    this.#stop = stop
    this.#report = report
    this.#signal = AbortSignal.any([this.#over.signal, stop])
    this.#consumer = kafka.consumer({
      groupId: `${prefix}.${bureau}`,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: fetchWaitMs,
      allowAutoTopicCreation: false,
      // restarting is ours: kafkajs gives up for good on errors that it thinks final
      retry: { ...kafkaRetry, restartOnFailure: async () => false },
    })
    this.#applier = new Applier<Item>(
      (items) => this.#applyBelieved(items),
      (error) => this.#failed(error),
      this.#signal,
    )
    this.#offsets = new ShownOffsets(this.#consumer, (error) =>
      log.debug({ bureau, error }, 'offsets could not be committed to Kafka; the next round tries again'),
    )
    this.#topics = new Map(subscriber.topics().map(({ topic, partitions }) => [`${prefix}.${topic}`, { topic, partitions }]))
    this.#assignment = new Assignment({
      placing: { ...means, topics: this.#topics, subscriber },
      consumer: this.#consumer,
      offsets: this.#offsets,
      signal: this.#signal,
      apply: (deliveries, current) => this.#applier.take(deliveries, current),
      placed: () => report('running'),
      failed: (error) => this.#failed(error),
    })
  }

  async live(): Promise<Ending> {
    try {
      return await Promise.race([this.#stopped(), this.#crashed(), this.#start().then(() => this.#watch())])
    } catch (cause) {
      return { why: 'crashed', cause }
    } finally {
      this.#over.abort()
      await this.#applier.idle()
      await this.#leave()
    }
  }

  #stopped(): Promise<Ending> {
    return new Promise((resolve) => {
      const end = () => resolve({ why: 'stopped' })
      if (this.#stop.aborted) end()
      this.#stop.addEventListener('abort', end, { once: true, signal: this.#over.signal })
    })
  }

  #crashed(): Promise<Ending> {
    const consumer = this.#consumer
    return new Promise((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve({ why: 'crashed', cause: payload.error }))
    })
  }

  async #leave(): Promise<void> {
    const left = this.#offsets.commit().then(() => this.#consumer.disconnect())
    const { log } = this.#means
    const { bureau } = this.#subscriber
    await Promise.race([left, sleep(disconnectTimeoutMs, undefined, { ref: false })]).catch((error: unknown) =>
      log.debug({ bureau, error }, 'the old consumer did not end well'),
    )
  }

  async #start(): Promise<void> {
    const { admin, sql, log } = this.#means
    const consumer = this.#consumer
    const wanted = [...this.#topics].map(([topic, { partitions }]) => ({ topic, partitions }))
    const counts = await ensureTopics(admin, sql, wanted, log)
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => this.#assignment.join(payload.memberAssignment, counts))
    await consumer.connect()
    // what the stored positions don't say is never left out by beginning too late
    await consumer.subscribe({ topics: [...this.#topics.keys()], fromBeginning: true })
    const partitionsConsumedConcurrently = [...counts.values()].reduce((sum, count) => sum + count, 0)
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently,
      eachBatch: (batch) => this.#take(batch, counts),
    })
  }

  async #take({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload, counts: PartitionCounts): Promise<void> {
    const { topic: brokerTopic, partition } = batch
    const place = this.#placeOf(brokerTopic, partition, counts)
    let waitingFor = true
    const isPlaced = () => this.#assignment.isPlaced(brokerTopic, partition)
    const wanted = () => waitingFor && !this.#signal.aborted && isRunning() && !isStale() && isPlaced()

    try {
      for (let at = 0; at < batch.messages.length && wanted(); at += maxApplied) {
        const messages = batch.messages.slice(at, at + maxApplied)
        const claims = messages.map((message) => claimOf(message, place, brokerTopic))
        this.#distrust(claims.filter((claim) => claim === 'foreign').length)
        const known = claims.filter((claim) => typeof claim === 'object')
        const applied = await whileHeartbeating(this.#applier.take(known, wanted), heartbeat, heartbeatIntervalMs)
        const last = messages.at(-1)
        if (!applied || !last) return
        resolveOffset(last.offset)
        this.#offsets.note(brokerTopic, partition, Number(last.offset) + 1)
        this.#report('running')
      }
    } finally {
      waitingFor = false
    }
  }

  #placeOf(brokerTopic: string, partition: number, counts: PartitionCounts) {
    const topic = this.#topics.get(brokerTopic)?.topic
    const kind = [...this.#means.kinds()].find(([, of]) => of.topic === topic)?.[0]
    if (topic === undefined || kind === undefined)
      throw new Error(`topic ${brokerTopic} is of no kind that the catalogue in force has`)
    return { topic, kind, partition, partitions: counts.get(brokerTopic) ?? 0 }
  }

  async #applyBelieved(items: readonly Item[]): Promise<void> {
    const { sql } = this.#means
    const [events, beats] = await Promise.all([
      believe(
        sql,
        items.filter((item) => 'value' in item),
      ),
      believeHeartbeats(
        sql,
        items.filter((item) => 'size' in item),
      ),
    ])
    this.#distrust(events.distrusted + beats.distrusted)
    // a topic may hold an event twice, after a publisher's crash; the later copy says best where to go on
    const byIndex = new Map<number, Delivery>()
    for (const item of items) if ('entry' in item) byIndex.set(item.index, item)
    for (const delivery of events.deliveries) byIndex.set(delivery.index, delivery)
    const ordered = [...byIndex.values()].sort((one, other) => one.index - other.index)
    if (ordered.length + beats.heartbeats.length > 0) await this.#subscriber.apply(ordered, beats.heartbeats)
  }

  #distrust(messages: number): void {
    if (messages === 0) return
    const { metrics, log } = this.#means
    const { bureau } = this.#subscriber
    metrics.distrusted?.(bureau, messages)
    log.error(
      { bureau, messages },
      'ALARM: the broker holds messages that the log does not; somebody else writes there. They were ignored',
    )
  }

  #failed(error: unknown): void {
    this.#report('waiting')
    const { bureau } = this.#subscriber
    logWaiting(this.#means.log, { bureau }, error, 'the consumer waits: the machine failed, nothing is lost')
  }

  /** Commits, looks for a stall and for other topics, until one is found. */
  async #watch(): Promise<Ending> {
    const { stallMs, prefix } = this.#means
    const stalls = new StallWatch(stallMs)
    const everyMs = Math.min(commitIntervalMs, stallMs / 4)
    while (!this.#signal.aborted) {
      await pause(everyMs, this.#signal)
      void this.#offsets.commit()
      if (this.#subscriber.topics().some(({ topic }) => !this.#topics.has(`${prefix}.${topic}`))) return { why: 'topics-changed' }
      const lagging = await this.#lagging()
      // an apply under way, or a database that doesn't answer, is not kafkajs standing still
      if (lagging === undefined) stalls.forget()
      else if (stalls.observe(lagging, performance.now())) return { why: 'stalled' }
    }
    return { why: 'stopped' }
  }

  async #lagging(): Promise<Awaited<ReturnType<typeof laggingPartitions>> | undefined> {
    if (this.#applier.busy) return undefined
    return laggingPartitions(this.#means.sql, this.#subscriber, this.#topics, this.#assignment.all).catch(() => undefined)
  }
}
