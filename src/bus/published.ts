import type { Sql } from 'postgres'

/** How far the publisher has come with one topic of the broker. */
export interface Progress {
  /** with prefix */
  readonly topic: string
  readonly partitions: number
  /** every event up to it is in the topic */
  readonly index: number
  /** last index in each partition, -1 where there is none */
  readonly lastIndexes: readonly number[]
}

/** @returns by topic with prefix; a topic that nobody has published to yet is absent */
export async function readProgress(sql: Sql, topics: readonly string[]): Promise<ReadonlyMap<string, Progress>> {
  const rows = await sql<{ topic: string; partitions: number; index: string; last: string }[]>`
    select topic, partitions, index::text as index, last_indexes::text as last
    from log.published where topic = any(${sql.array([...topics], 1009)})`
  return new Map(
    rows.map(({ topic, partitions, index, last }) => [
      topic,
      { topic, partitions, index: Number(index), lastIndexes: numbers(last) },
    ]),
  )
}

function numbers(json: string): readonly number[] {
  const list: unknown = JSON.parse(json)
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'number'))
    throw new Error('log.published: last_indexes is no list of numbers')
  return list
}
