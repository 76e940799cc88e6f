import { randomUUID } from 'node:crypto'
import type { Kafka, KafkaMessage } from 'kafkajs'
import { claimOf } from '../bus/believe.ts'
import { GrowingPause } from '../bus/pause.ts'
import type { FoundEntries } from './found-entries.ts'

/** The broker's clock and ours may differ, and a message is written after its entry was received. */
const clockRoomMs = 3_600_000
/** A broker that brings nothing for so long is taken to be away. */
const silenceMs = 60_000

export interface KafkaMeans {
  readonly kafka: Kafka
  /** of topics */
  readonly prefix: string
  /** `received` of the restored log's last entry; undefined: the topics are read from their beginning */
  readonly since: Date | undefined
}

/**
 * Takes what the topics have of the lost range: events only, and each proven only by a leaf hash that is known, or later with its
 * whole range.
 *
 * @throws {Error} when the broker does not bring what it has
 */
export async function takeFromKafka(
  { kafka, prefix, since }: KafkaMeans,
  found: FoundEntries,
): Promise<{ readonly taken: number; readonly refused: number }> {
  const ends = await topicEnds(kafka, prefix, since)
  const left = new Set(ends.filter(({ low, high }) => low < high).map(({ topic, partition }) => `${topic} ${partition}`))
  const counts = { taken: 0, refused: 0 }
  if (left.size === 0) return counts
  const groupId = `${prefix}.recovery-${randomUUID()}`
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false })
  const highs = new Map(ends.map(({ topic, partition, high }) => [`${topic} ${partition}`, high]))
  let quietSince = performance.now()
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...new Set(ends.map(({ topic }) => topic))], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages }, heartbeat }) => {
        quietSince = performance.now()
        for (const message of messages) await take(message, topic, partition)
        const last = messages.at(-1)
        if (last !== undefined && Number(last.offset) + 1 >= (highs.get(`${topic} ${partition}`) ?? 0))
          left.delete(`${topic} ${partition}`)
        await heartbeat()
      },
    })
    for (const { topic, partition, low } of ends) consumer.seek({ topic, partition, offset: String(low) })
    const pauses = new GrowingPause(50, 500)
    while (left.size > 0) {
      if (performance.now() - quietSince > silenceMs)
        throw new Error(
          `the broker brought nothing for ${silenceMs / 1000} s, and ${left.size} partitions are not read to their end`,
        )
      await pauses.wait(new AbortController().signal)
    }
  } finally {
    await consumer.disconnect()
    await forgetGroup(kafka, groupId)
  }
  return counts

  async function take(message: KafkaMessage, topic: string, partition: number): Promise<void> {
    const claim = claimOf(message, { topic, kind: '', partition, partitions: 1 }, topic)
    if (claim === 'foreign' || !('value' in claim)) return
    const outcome = await found.take(claim.index, claim.value, false)
    if (outcome === 'taken') counts.taken += 1
    if (outcome === 'refused') counts.refused += 1
  }
}

interface End {
  readonly topic: string
  readonly partition: number
  /** first offset to read */
  readonly low: number
  /** after the last */
  readonly high: number
}

/** Whatever the catalogue of the time was, its topics begin with the prefix. */
async function topicEnds(kafka: Kafka, prefix: string, since: Date | undefined): Promise<readonly End[]> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}.`))
    const ends: End[] = []
    for (const topic of topics) {
      const marks = await admin.fetchTopicOffsets(topic)
      const starts = since && (await admin.fetchTopicOffsetsByTimestamp(topic, since.getTime() - clockRoomMs))
      for (const { partition, low, high } of marks) {
        const start = Number(starts?.find((one) => one.partition === partition)?.offset ?? low)
        ends.push({ topic, partition, low: Math.max(Number(low), start), high: Number(high) })
      }
    }
    return ends
  } finally {
    await admin.disconnect()
  }
}

async function forgetGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  // an empty group does no harm, and the broker forgets it by itself
  await admin.deleteGroups([groupId]).catch(() => undefined)
  await admin.disconnect()
}
