import type { Sql } from 'postgres'
import type { BrokerAdmin } from './broker-admin.ts'
import type { BusLog } from './bus-log.ts'
import { readProgress } from './published.ts'

/**
 * A topic at the broker has another number of partitions than the catalogue says, or than the publisher began with: views would
 * look for a subject's position, and for what they missed, in another partition than its events come by.
 */
export class PartitionsDiffer extends Error {
  override readonly name = 'PartitionsDiffer'

  constructor(topic: string, found: number, expected: string) {
    super(
      `topic ${topic} has ${found} partitions at the broker, but ${expected}; ` +
        'delete the topic and let it be created again (consumers then go on from the log), or use another KAFKA_PREFIX',
    )
  }
}

/**
 * Makes sure that the topics exist, and that log.published knows them.
 *
 * @param wanted topics with prefix, and their partitions by the catalogue, which never change
 * @returns number of partitions of each
 * @throws {PartitionsDiffer}
 */
export async function ensureTopics(
  admin: BrokerAdmin,
  sql: Sql,
  wanted: readonly { readonly topic: string; readonly partitions: number }[],
  log: BusLog,
): Promise<ReadonlyMap<string, number>> {
  const names = wanted.map(({ topic }) => topic)
  const progress = await readProgress(sql, names)
  const { existing, found } = await admin.use(async (asked) => {
    const existing = new Set(await asked.listTopics())
    const missing = wanted.filter(({ topic }) => !existing.has(topic))
    for (const { topic } of missing) {
      if ((progress.get(topic)?.index ?? -1) >= 0)
        log.error(
          { topic },
          'ALARM: the broker has lost a topic; it is made anew. `bus republish --from 0` brings back what was in it',
        )
    }
    const topics = missing.map(({ topic, partitions }) => ({ topic, numPartitions: partitions }))
    // the broker's default replication; another process may have been faster, which is as good
    if (topics.length > 0) await asked.createTopics({ topics, waitForLeaders: true })
    const { topics: metadata } = await asked.fetchTopicMetadata({ topics: names })
    return { existing, found: new Map(metadata.map(({ name, partitions }) => [name, partitions.length])) }
  })

  for (const { topic, partitions } of wanted) {
    const count = found.get(topic)
    if (count === undefined) throw new Error(`the broker has not made topic ${topic} known yet`)
    const stored = progress.get(topic)?.partitions
    if (count !== partitions) throw new PartitionsDiffer(topic, count, `${partitions} by the catalogue`)
    if (stored !== undefined && stored !== count) throw new PartitionsDiffer(topic, count, `${stored} in log.published`)
    if (stored === undefined) {
      if (existing.has(topic))
        log.warn(
          { topic },
          'how far the topic is published is not known: the whole log is sent to it, once more where it was there',
        )
      await sql`insert into log.published (topic, partitions, index, last_indexes)
        values (${topic}, ${count}, -1, to_jsonb(array_fill(-1, array[${count}::int]))) on conflict do nothing`
    }
  }
  return found
}
