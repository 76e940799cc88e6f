import { type Kafka, Partitioners, type Producer } from 'kafkajs'
import type { Sql } from 'postgres'
import type { BrokerAdmin } from './broker-admin.ts'
import { ensureTopics } from './broker-topics.ts'
import type { Consumption } from './bus.ts'
import type { BusLog, BusMetrics } from './bus-log.ts'
import { kafkaRetry } from './kafka-client.ts'
import { logWaiting } from './kafka-fault.ts'
import type { Lease, Leases } from './leases.ts'
import { type LoggedEvent, maxRead, readEvents } from './log-reader.ts'
import { heartbeatsOf, messagesFor } from './messages.ts'
import { GrowingPause, Pace, publisherRoundMs } from './pause.ts'
import { noteHeartbeats, type Progress, readProgress, storeProgress } from './published.ts'
import { noteSentAgain, readAgain, readRepublication } from './republication.ts'
import { type KindTopics, UnknownKind } from './topics.ts'
import type { Wake } from './wake.ts'

const pollMs = 1000
/** One request may go to one partition whole, and brokers take batches of at most 1 MiB unless told otherwise. */
const maxRequestBytes = 768 * 1024
/** Stretches without an event (refusals) are noted this often, so that they are not read again: more than fit one read would stop it. */
const noteAfterEntries = maxRead / 2

export interface PublisherMeans {
  readonly sql: Sql
  readonly kafka: Kafka
  readonly admin: BrokerAdmin
  readonly prefix: string
  readonly kinds: KindTopics
  readonly wake: Wake
  readonly leases: Leases
  readonly log: BusLog
  readonly metrics: BusMetrics
  readonly heartbeatMs: number
}

/**
 * Brings every event of the log to its topic, in index order. One process at a time does; progress is stored after the
 * broker's acknowledgement, so a crash sends again and never skips. Every partition gets a heartbeat at once and then again and
 * again. Whatever fails, it waits and tries again.
 */
export function publishToKafka(means: PublisherMeans): Consumption {
  const { sql, kafka, admin, prefix, kinds, wake, leases, log, metrics, heartbeatMs } = means
  const stopping = new AbortController()
  const { signal } = stopping
  let state: ReturnType<Consumption['state']> = 'starting'
  /** kept when the broker or the lease is lost: the rate of heartbeats is bounded all the same */
  let beatenAt = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  const ended = publishUntilStopped()
  return {
    state: () => state,
    async stop() {
      stopping.abort()
      await ended
    },
  }

  async function publishUntilStopped(): Promise<void> {
    const pauses = new GrowingPause(100, 3000)
    while (!signal.aborted) {
      const lease = await leases.acquire(`lianban publisher ${prefix}`, signal)
      if (!lease) return
      const producer = kafka.producer({
        createPartitioner: Partitioners.DefaultPartitioner,
        allowAutoTopicCreation: false,
        maxInFlightRequests: 1,
        retry: kafkaRetry,
      })
      try {
        await producer.connect()
        await publishWhileHeld(lease, producer, pauses)
      } catch (error) {
        state = 'waiting'
        logWaiting(log, {}, error, 'the publisher waits: the log goes on taking events and is published later')
        await pauses.wait(signal)
      } finally {
        await producer.disconnect().catch(() => undefined) // a new one is built anyway
        await lease.release()
      }
    }
  }

  async function publishWhileHeld(lease: Lease, producer: Producer, pauses: GrowingPause): Promise<void> {
    let progress = await loadProgress()
    const pace = new Pace(publisherRoundMs)
    while (!signal.aborted) {
      if (kindsAreNew(progress)) progress = await loadProgress()
      pace.begin()
      const mark = wake.mark
      const from = Math.min(...progress.map(({ index }) => index))
      const { events, scannedTo, more: goesOn } = await readEvents(sql, from)
      for (const request of requestsOf(events)) {
        const upTo = request.at(-1)?.index ?? from
        progress = await send(producer, progress, request, upTo)
        await storeProgress(lease, progress)
      }
      if (scannedTo - Math.min(...progress.map(({ index }) => index)) >= noteAfterEntries) {
        progress = progress.map((one) => ({ ...one, index: Math.max(one.index, scannedTo) }))
        await storeProgress(lease, progress)
      }
      if (performance.now() - beatenAt >= heartbeatMs) {
        beatenAt = performance.now()
        await beat(lease, producer, progress, scannedTo)
      }
      state = 'running'
      pauses.reset()
      const more = await sendAgain(lease, producer, progress)
      if (more || goesOn) continue
      pace.end()
      await wake.wait(mark, pollMs, signal)
      await pace.wait(signal)
    }
  }

  function kindsAreNew(progress: readonly Progress[]): boolean {
    const known = new Set(progress.map(({ topic }) => topic))
    return [...kinds().values()].some(({ topic }) => !known.has(`${prefix}.${topic}`))
  }

  async function loadProgress(): Promise<readonly Progress[]> {
    const wanted = [...kinds().values()].map(({ topic, partitions }) => ({ topic: `${prefix}.${topic}`, partitions }))
    await ensureTopics(admin, sql, wanted, log)
    return [
      ...(
        await readProgress(
          sql,
          wanted.map(({ topic }) => topic),
        )
      ).values(),
    ]
  }

  /** @returns the progress once all of the request is acknowledged by every replica in sync */
  async function send(
    producer: Producer,
    progress: readonly Progress[],
    events: readonly LoggedEvent[],
    upTo: number,
  ): Promise<readonly Progress[]> {
    const batches = progress.map((one) =>
      messagesFor(
        one,
        events.filter((event) => topicOf(event) === one.topic && event.index > one.index),
      ),
    )
    const topicMessages = batches
      .filter(({ messages }) => messages.length > 0)
      .map(({ topic, messages }) => ({ topic, messages }))
    if (topicMessages.length > 0) await producer.sendBatch({ acks: -1, topicMessages })
    for (const { topic, messages } of topicMessages) metrics.published?.(topic, messages.length)
    return batches.map(({ topic, partitions, index, lastIndexes }) => ({
      topic,
      partitions,
      index: Math.max(index, upTo),
      lastIndexes,
    }))
  }

  /** Tells each partition that everything up to an index was sent, and what of it was the partition's last. */
  async function beat(lease: Lease, producer: Producer, progress: readonly Progress[], sentTo: number): Promise<void> {
    const topicMessages = progress.map((one) => ({ topic: one.topic, messages: heartbeatsOf(one, sentTo) }))
    await producer.sendBatch({ acks: -1, topicMessages })
    await noteHeartbeats(lease, progress, sentTo)
    metrics.heartbeats?.(topicMessages.reduce((sum, { messages }) => sum + messages.length, 0))
  }

  /** Sends a part of what an operator wants again, between what is new. @returns whether there was anything to send */
  async function sendAgain(lease: Lease, producer: Producer, topics: readonly Progress[]): Promise<boolean> {
    if (performance.now() - askedAt < pollMs) return false
    const republication = await readRepublication(lease, topics, topicOf)
    if (republication === undefined) {
      askedAt = performance.now()
      return false
    }
    const { events, upTo, through } = await readAgain(sql, republication)
    let { progress } = republication
    for (const request of requestsOf(events)) progress = await send(producer, progress, request, request.at(-1)?.index ?? upTo)
    progress = progress.map((one) => ({ ...one, index: Math.max(one.index, upTo) }))
    await noteSentAgain(lease, { ...republication, progress }, { events: events.length, through })
    if (through) log.info({ republication: republication.id, to: republication.to }, 'a stretch of the log was sent again')
    return true
  }

  function topicOf({ kind }: Pick<LoggedEvent, 'kind'>): string {
    const found = kinds().get(kind)
    if (!found) throw new UnknownKind(kind)
    return `${prefix}.${found.topic}`
  }
}

/** Cuts a stretch into requests that a broker takes. An entry is at most 65,535 bytes. */
function requestsOf(events: readonly LoggedEvent[]): readonly (readonly LoggedEvent[])[] {
  const requests: LoggedEvent[][] = []
  let sizeBytes = Number.POSITIVE_INFINITY
  for (const event of events) {
    const eventBytes = Buffer.byteLength(event.entry) + 512
    if (sizeBytes + eventBytes > maxRequestBytes) {
      requests.push([])
      sizeBytes = 0
    }
    requests.at(-1)?.push(event)
    sizeBytes += eventBytes
  }
  return requests
}
