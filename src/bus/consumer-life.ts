import { setTimeout as sleep } from 'node:timers/promises'
import type { EachBatchPayload, Kafka } from 'kafkajs'
import type { Sql } from 'postgres'
import { Applier, maxApplied } from './applier.ts'
import { believe, believeHeartbeats, type Claim, claimOf, type HeartbeatClaim } from './believe.ts'
import type { BrokerAdmin } from './broker-admin.ts'
import { ensureTopics } from './broker-topics.ts'
import type { Delivery, Subscriber } from './bus.ts'
import type { BusLog, BusMetrics, RebuildReason } from './bus-log.ts'
import { whileHeartbeating } from './heartbeating.ts'
import { kafkaRetry } from './kafka-client.ts'
import { logWaiting } from './kafka-fault.ts'
import { laggingPartitions } from './lag.ts'
import { GrowingPause, pause } from './pause.ts'
import { placeAssignment } from './place-assignment.ts'
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
export async function consumeOnce(
  means: ConsumerMeans,
  subscriber: Subscriber,
  stop: AbortSignal,
  report: (state: 'running' | 'waiting') => void,
): Promise<Ending> {
  const { sql, kafka, admin, prefix, kinds, log, metrics, stallMs } = means
  const { bureau } = subscriber
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, stop])
  const consumer = kafka.consumer({
    groupId: `${prefix}.${bureau}`,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    maxWaitTimeInMs: fetchWaitMs,
    allowAutoTopicCreation: false,
    // restarting is ours: kafkajs gives up for good on errors that it thinks final
    retry: { ...kafkaRetry, restartOnFailure: async () => false },
  })
  const applier = new Applier<Claim | HeartbeatClaim | Delivery>(applyBelieved, failed, signal)
  const placed = new Set<string>()
  const uncommitted = new Map<string, { topic: string; partition: number; offset: string }>()
  let assigned: ReadonlySet<string> | undefined
  let generation = 0
  let committing = false

  const crashed = new Promise<Ending>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => resolve({ why: 'crashed', cause: payload.error }))
  })
  const stopped = new Promise<Ending>((resolve) => {
    if (stop.aborted) resolve({ why: 'stopped' })
    stop.addEventListener('abort', () => resolve({ why: 'stopped' }), { once: true, signal: over.signal })
  })
  const topics = new Map(subscriber.topics().map(({ topic, partitions }) => [`${prefix}.${topic}`, { topic, partitions }]))

  try {
    return await Promise.race([stopped, crashed, start().then(watch)])
  } catch (cause) {
    return { why: 'crashed', cause }
  } finally {
    over.abort()
    await applier.idle()
    await Promise.race([commit().then(() => consumer.disconnect()), sleep(disconnectTimeoutMs, undefined, { ref: false })]).catch(
      (error: unknown) => log.debug({ bureau, error: String(error) }, 'the old consumer did not end well'),
    )
  }

  async function start(): Promise<void> {
    const wanted = [...topics].map(([topic, { partitions }]) => ({ topic, partitions }))
    const counts = await ensureTopics(admin, sql, wanted, log)
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => joined(payload.memberAssignment, counts))
    await consumer.connect()
    // what the stored positions don't say is never left out by beginning too late
    await consumer.subscribe({ topics: [...topics.keys()], fromBeginning: true })
    const partitionsConsumedConcurrently = [...counts.values()].reduce((sum, count) => sum + count, 0)
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently,
      eachBatch: (batch) => take(batch, counts),
    })
  }

  /**
   * kafkajs calls it before it fetches with the new assignment, and does not wait for it. So the partitions pause at once, and
   * each goes on when its starting point is known.
   */
  function joined(assignment: Readonly<Record<string, readonly number[]>>, counts: ReadonlyMap<string, number>): void {
    generation += 1
    const mine = generation
    placed.clear()
    const partitions = Object.entries(assignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    )
    assigned = new Set(partitions.map(({ topic, partition }) => keyOf(topic, partition)))
    for (const [topic, numbers] of Object.entries(assignment)) consumer.pause([{ topic, partitions: [...numbers] }])
    const current = () => !signal.aborted && mine === generation
    void placePatiently(partitions, counts, current)
  }

  async function placePatiently(
    partitions: readonly { topic: string; partition: number }[],
    counts: ReadonlyMap<string, number>,
    current: () => boolean,
  ) {
    const pauses = new GrowingPause(100, 3000)
    while (current()) {
      try {
        const missing = partitions.filter(({ topic, partition }) => !placed.has(keyOf(topic, partition)))
        await placeAssignment(
          {
            sql,
            admin,
            kinds,
            topics,
            counts,
            subscriber,
            current,
            goOn,
            apply: (deliveries) => applier.take(deliveries, current),
            log,
            metrics,
          },
          missing,
        )
        if (current()) report('running')
        return
      } catch (error) {
        failed(error)
        await pauses.wait(signal)
      }
    }
  }

  function goOn(topic: string, partition: number, offset: number): void {
    consumer.seek({ topic, partition, offset: String(offset) })
    placed.add(keyOf(topic, partition))
    // what was read from the log instead shows as taken, too
    uncommitted.set(keyOf(topic, partition), { topic, partition, offset: String(offset) })
    consumer.resume([{ topic, partitions: [partition] }])
  }

  async function take(
    { batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload,
    counts: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { topic: brokerTopic, partition } = batch
    const topic = topics.get(brokerTopic)?.topic
    const kind = [...kinds()].find(([, of]) => of.topic === topic)?.[0]
    const key = keyOf(brokerTopic, partition)
    let waitingFor = true
    const wanted = () => waitingFor && !signal.aborted && isRunning() && !isStale() && placed.has(key)
    if (topic === undefined || kind === undefined)
      throw new Error(`topic ${brokerTopic} is of no kind that the catalogue in force has`)
    const place = { topic, kind, partition, partitions: counts.get(brokerTopic) ?? 0 }

    try {
      for (let at = 0; at < batch.messages.length && wanted(); at += maxApplied) {
        const messages = batch.messages.slice(at, at + maxApplied)
        const claims = messages.map((message) => claimOf(message, place, brokerTopic))
        distrust(claims.filter((claim) => claim === 'foreign').length)
        const known = claims.filter((claim) => typeof claim === 'object')
        const applied = await whileHeartbeating(applier.take(known, wanted), heartbeat, heartbeatIntervalMs)
        const last = messages.at(-1)
        if (!applied || !last) return
        resolveOffset(last.offset)
        uncommitted.set(key, { topic: brokerTopic, partition, offset: String(Number(last.offset) + 1) })
        report('running')
      }
    } finally {
      waitingFor = false
    }
  }

  async function applyBelieved(items: readonly (Claim | HeartbeatClaim | Delivery)[]): Promise<void> {
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
    distrust(events.distrusted + beats.distrusted)
    // a topic may hold an event twice, after a publisher's crash; the later copy says best where to go on
    const byIndex = new Map<number, Delivery>()
    for (const item of items) if ('entry' in item) byIndex.set(item.index, item)
    for (const delivery of events.deliveries) byIndex.set(delivery.index, delivery)
    const ordered = [...byIndex.values()].sort((one, other) => one.index - other.index)
    if (ordered.length + beats.heartbeats.length > 0) await subscriber.apply(ordered, beats.heartbeats)
  }

  function distrust(messages: number): void {
    if (messages === 0) return
    metrics.distrusted?.(bureau, messages)
    log.error(
      { bureau, messages },
      'ALARM: the broker holds messages that the log does not; somebody else writes there. They were ignored',
    )
  }

  function failed(error: unknown): void {
    report('waiting')
    logWaiting(log, { bureau }, error, 'the consumer waits: the machine failed, nothing is lost')
  }

  /** Commits, looks for a stall and for other topics, until one is found. */
  async function watch(): Promise<Ending> {
    const stalls = new StallWatch(stallMs)
    const everyMs = Math.min(commitIntervalMs, stallMs / 4)
    while (!signal.aborted) {
      await pause(everyMs, signal)
      void commit()
      if (subscriber.topics().some(({ topic }) => !topics.has(`${prefix}.${topic}`))) return { why: 'topics-changed' }
      const lagging = applier.busy ? undefined : await laggingPartitions(sql, subscriber, topics, assigned).catch(() => undefined)
      // an apply under way, or a database that doesn't answer, is not kafkajs standing still
      if (lagging === undefined) stalls.forget()
      else if (stalls.observe(lagging, performance.now())) return { why: 'stalled' }
    }
    return { why: 'stopped' }
  }

  async function commit(): Promise<void> {
    const offsets = new Map(uncommitted)
    if (offsets.size === 0 || committing) return
    committing = true
    uncommitted.clear()
    try {
      await consumer.commitOffsets([...offsets.values()])
    } catch (error) {
      log.debug({ bureau, error: String(error) }, 'offsets could not be committed to Kafka; the next round tries again')
      for (const [key, offset] of offsets) if (!uncommitted.has(key)) uncommitted.set(key, offset)
    }
    committing = false
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic} ${partition}`
}
