import type { Sql } from 'postgres'
import type { BrokerAdmin } from './broker-admin.ts'
import type { Delivery, Subscriber } from './bus.ts'
import type { BusLog, BusMetrics } from './bus-log.ts'
import { readEvents } from './log-reader.ts'
import { partitionOf } from './partition.ts'
import { readProgress } from './published.ts'
import { startingPoint, type Watermarks } from './starting-point.ts'
import type { KindTopics } from './topics.ts'

export interface Placing {
  readonly sql: Sql
  readonly admin: BrokerAdmin
  readonly kinds: KindTopics
  /** by their name at the broker */
  readonly topics: ReadonlyMap<string, { readonly topic: string }>
  /** partitions of each, by the same name */
  readonly counts: ReadonlyMap<string, number>
  readonly subscriber: Subscriber
  /** false once the group has another assignment */
  current(): boolean
  /** lets the broker's messages of a partition come, from this offset on */
  goOn(brokerTopic: string, partition: number, offset: number): void
  /** @returns false when they were dropped because the assignment is not current any more */
  apply(deliveries: readonly Delivery[]): Promise<boolean>
  readonly log: BusLog
  readonly metrics: BusMetrics
}

interface FromLog {
  readonly brokerTopic: string
  readonly partition: number
  readonly after: number
  readonly high: number
}

/** Begins every assigned partition at its starting point: at once by its offset, or after what the log has for it. */
export async function placeAssignment(
  placing: Placing,
  partitions: readonly { topic: string; partition: number }[],
): Promise<void> {
  const { sql, admin, topics, subscriber, current, goOn } = placing
  // before positions, progress and log: what they then say is at least as new as the watermarks
  const marks = await readWatermarks(admin, [...new Set(partitions.map(({ topic }) => topic))])
  const positions = await subscriber.positions()
  const progress = await readProgress(sql, [...topics.keys()])
  if (!current()) return

  const fromLog: FromLog[] = []
  for (const { topic: brokerTopic, partition } of partitions) {
    const topic = topics.get(brokerTopic)?.topic
    const stored = positions.find((position) => position.topic === topic && position.partition === partition)
    const mark = marks.get(`${brokerTopic} ${partition}`)
    if (!mark) throw new Error(`the broker does not know ${brokerTopic} partition ${partition} yet`)
    const start = startingPoint(stored, brokerTopic, mark, progress.get(brokerTopic), partition)
    if (start.from === 'offset') goOn(brokerTopic, partition, start.offset)
    else fromLog.push({ brokerTopic, partition, after: start.after, high: mark.high })
  }
  if (fromLog.length > 0) await catchUpFromLog(placing, fromLog)
}

async function catchUpFromLog(
  { sql, kinds, topics, counts, current, goOn, apply, subscriber, log, metrics }: Placing,
  fromLog: readonly FromLog[],
): Promise<void> {
  const { bureau } = subscriber
  const wanted = new Map(fromLog.map((one) => [`${topics.get(one.brokerTopic)?.topic} ${one.partition}`, one]))
  let cursor = Math.min(...fromLog.map(({ after }) => after))
  let read = 0
  while (current()) {
    const { events, scannedTo, more } = await readEvents(sql, cursor)
    const deliveries = events.flatMap(({ kind, subject, index, entry }): Delivery[] => {
      const topic = kinds().get(kind)?.topic
      const count = [...topics].flatMap(([brokerTopic, one]) => (one.topic === topic ? [counts.get(brokerTopic) ?? 0] : [])).at(0)
      if (topic === undefined || count === undefined) return []
      const partition = partitionOf(subject, count)
      const one = wanted.get(`${topic} ${partition}`)
      return one && index > one.after ? [{ topic, partition, index, previous: undefined, entry, broker: undefined }] : []
    })
    if (deliveries.length > 0) {
      if (!(await apply(deliveries))) return
      metrics.readFromLog?.(bureau, deliveries.length)
      if (read === 0) log.warn({ bureau }, 'the topic does not hold what the view needs next: it is read from the log instead')
      read += deliveries.length
    }
    const finished = events.length === 0 && !more
    cursor = scannedTo
    if (!finished) continue
    if (read > 0)
      log.info({ bureau, events: read }, 'what the topic did not hold was read from the log; the view goes on with the topic')
    for (const { brokerTopic, partition, high } of fromLog) if (current()) goOn(brokerTopic, partition, high)
    return
  }
}

async function readWatermarks(admin: BrokerAdmin, brokerTopics: readonly string[]): Promise<ReadonlyMap<string, Watermarks>> {
  const marks = new Map<string, Watermarks>()
  for (const topic of brokerTopics) {
    const offsets = await admin.use((asked) => asked.fetchTopicOffsets(topic))
    for (const { partition, low, high } of offsets) marks.set(`${topic} ${partition}`, { low: Number(low), high: Number(high) })
  }
  return marks
}
