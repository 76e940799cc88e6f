import type { Sql } from 'postgres'
import type { Bus, Consumption, Delivery, Heartbeat, Subscriber } from './bus.ts'
import type { BusLog } from './bus-log.ts'
import { Leases } from './leases.ts'
import { type LoggedEvent, readEvents, type Stretch } from './log-reader.ts'
import { partitionOf } from './partition.ts'
import { GrowingPause, Pace, roundMs } from './pause.ts'
import { type KindTopics, UnknownKind } from './topics.ts'
import { Wake } from './wake.ts'

/** Notifications come at once; this is for those that are lost. */
const pollMs = 1000
const defaultHeartbeatMs = 10_000

export interface EmbeddedBusOptions {
  readonly sql: Sql
  readonly kinds: KindTopics
  readonly log: BusLog
  /** between two heartbeats of each partition */
  readonly heartbeatMs?: number
}

/**
 * The bus without a broker: every consumer reads the log table itself.
 *
 * Opens two connections beside the pool of `sql`, with its settings: one for its leases, one to listen.
 */
export function createEmbeddedBus({ sql, kinds, log, heartbeatMs = defaultHeartbeatMs }: EmbeddedBusOptions): Bus {
  const wake = new Wake(sql, log)
  const leases = new Leases(sql, log)
  const consumptions = new Set<Consumption>()
  return {
    name: 'embedded',
    consume(subscriber) {
      const consumption = consumeLog({ sql, kinds, log, wake, leases, heartbeatMs }, subscriber)
      consumptions.add(consumption)
      return consumption
    },
    publish: () => ({ state: () => 'running', stop: () => Promise.resolve() }),
    ends: () => Promise.resolve(new Map()),
    async close() {
      await Promise.all([...consumptions].map((consumption) => consumption.stop()))
      wake.close()
      await leases.close()
    },
  }
}

interface Means {
  readonly sql: Sql
  readonly kinds: KindTopics
  readonly log: BusLog
  readonly wake: Wake
  readonly leases: Leases
  readonly heartbeatMs: number
}

function consumeLog({ sql, kinds, log, wake, leases, heartbeatMs }: Means, subscriber: Subscriber): Consumption {
  const stopping = new AbortController()
  const { signal } = stopping
  let state: ReturnType<Consumption['state']> = 'starting'
  const ended = consumeUntilStopped()
  return {
    state: () => state,
    async stop() {
      stopping.abort()
      await ended
    },
  }

  async function consumeUntilStopped(): Promise<void> {
    const pauses = new GrowingPause(100, 5000)
    while (!signal.aborted) {
      const lease = await leases.acquire(`lianban consumer ${subscriber.bureau}`, signal)
      if (!lease) return
      try {
        await follow(() => lease.held(), pauses)
      } catch (error) {
        state = 'waiting'
        log.warn({ bureau: subscriber.bureau, error }, 'the consumer waits: the machine failed, nothing is lost')
        await pauses.wait(signal)
      } finally {
        await lease.release()
      }
    }
  }

  /** Reads and applies from the stored positions on, while the lease is held. */
  async function follow(held: () => Promise<boolean>, pauses: GrowingPause): Promise<void> {
    const reached = await startingIndexes(subscriber)
    let cursor = Math.min(...reached.values())
    let beatenAt = Number.NEGATIVE_INFINITY
    const pace = new Pace(roundMs)
    let ahead: Reading | undefined
    while (!signal.aborted) {
      pace.begin()
      const { mark, stretch } = ahead ?? read(cursor)
      const [{ events, scannedTo, more }, isHeld] = await Promise.all([stretch, held()])
      if (!isHeld) return
      // a full page is followed by another, which the database reads while this one is applied
      ahead = more ? read(scannedTo) : undefined
      const deliveries = events.flatMap((event) => deliveryOf(event, kinds, reached))
      const heartbeats = performance.now() - beatenAt >= heartbeatMs ? heartbeatsOf(subscriber, scannedTo, reached) : []
      if (heartbeats.length > 0) beatenAt = performance.now()
      if (deliveries.length + heartbeats.length > 0) await subscriber.apply(deliveries, heartbeats)
      cursor = scannedTo
      state = 'running'
      pauses.reset()
      if (ahead !== undefined) continue
      pace.end()
      await wake.wait(mark, pollMs, signal)
      await pace.wait(signal)
    }
  }

  function read(after: number): Reading {
    const reading = { mark: wake.mark, stretch: readEvents(sql, after) }
    // nobody may be left to await it when what comes before it can't be applied
    reading.stretch.catch(() => undefined)
    return reading
  }
}

interface Reading {
  /** of before it was asked for */
  readonly mark: number
  readonly stretch: Promise<Stretch>
}

/** By {@link placeOf}: the last index that was stored when the consumer began, or was handed over since. */
type Reached = Map<string, number>

const placeOf = (topic: string, partition: number): string => `${topic} ${partition}`

/** What was read of the log up to an index is all there is, for every partition. */
function heartbeatsOf(subscriber: Subscriber, readTo: number, reached: Reached): readonly Heartbeat[] {
  return subscriber.topics().flatMap(({ topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({
      topic,
      partition,
      size: readTo + 1,
      previous: reached.get(placeOf(topic, partition)),
      broker: undefined,
    })),
  )
}

/** Stored index of every partition of the subscriber's topics, -1 where nothing was stored. */
async function startingIndexes(subscriber: Subscriber): Promise<Reached> {
  const indexes: Reached = new Map()
  for (const { topic, partitions } of subscriber.topics()) {
    for (let partition = 0; partition < partitions; partition++) indexes.set(placeOf(topic, partition), -1)
  }
  for (const { topic, partition, index } of await subscriber.positions()) indexes.set(placeOf(topic, partition), index)
  return indexes
}

/** Says what came before it in its partition, so that a view which was emptied meanwhile reads what it lacks. */
function deliveryOf({ kind: id, subject, index, entry }: LoggedEvent, kinds: KindTopics, reached: Reached): Delivery[] {
  const kind = kinds().get(id)
  if (!kind) throw new UnknownKind(id)
  const { topic, partitions } = kind
  const partition = partitionOf(subject, partitions)
  const previous = reached.get(placeOf(topic, partition)) ?? -1
  if (index <= previous) return []
  reached.set(placeOf(topic, partition), index)
  return [{ topic, partition, index, previous, entry, broker: undefined }]
}
