import type { Sql } from 'postgres'
import type { Subscriber } from './bus.ts'
import { readProgress } from './published.ts'
import type { Lagging } from './stall-watch.ts'

/**
 * What is published and not yet in the view, for the partitions that are this consumer's.
 *
 * @param topics by their name at the broker
 * @param assigned `<broker topic> <partition>`; undefined while the group was never joined: then every partition counts
 */
export async function laggingPartitions(
  sql: Sql,
  subscriber: Subscriber,
  topics: ReadonlyMap<string, { readonly topic: string }>,
  assigned: ReadonlySet<string> | undefined,
): Promise<readonly Lagging[]> {
  const progress = await readProgress(sql, [...topics.keys()])
  const positions = new Map((await subscriber.positions()).map(({ topic, partition, index }) => [`${topic} ${partition}`, index]))
  return [...progress.values()].flatMap(({ topic: brokerTopic, lastIndexes }) =>
    lastIndexes.flatMap((last, partition) => {
      const key = `${brokerTopic} ${partition}`
      const index = positions.get(`${topics.get(brokerTopic)?.topic} ${partition}`) ?? -1
      return index < last && (assigned === undefined || assigned.has(key)) ? [{ key, index }] : []
    }),
  )
}
