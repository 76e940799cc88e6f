import type { Sql } from 'postgres'
import type { Lease } from './leases.ts'

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
      { topic, partitions, index: Number(index), lastIndexes: indexesIn(JSON.parse(last)) },
    ]),
  )
}

/** Stores it on the lease's own connection: who has lost the lease can't. */
export async function storeProgress({ sql, pid }: Lease, progress: readonly Progress[]): Promise<void> {
  const rows = progress.map(({ topic, index, lastIndexes }) => ({ topic, index, last_indexes: lastIndexes }))
  const stored = await sql`
    update log.published as p set index = n.index, last_indexes = n.last_indexes
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as n (topic text, index bigint, last_indexes jsonb)
    where p.topic = n.topic and p.index <= n.index and pg_backend_pid() = ${pid}`
  if (stored.count !== progress.length) throw new Error('another process publishes now')
}

/** Notes that every partition has been told how far its topic goes; also on the lease's own connection. */
export async function noteHeartbeats({ sql, pid }: Lease, progress: readonly Progress[], sentTo: number): Promise<void> {
  const topics = progress.map(({ topic }) => topic)
  const noted = await sql`
    update log.published set heartbeat_at = now(), heartbeat_size = greatest(index, ${sentTo}) + 1
    where topic in (select jsonb_array_elements_text(${JSON.stringify(topics)}::text::jsonb)) and pg_backend_pid() = ${pid}`
  if (noted.count !== topics.length) throw new Error('another process publishes now')
}

/** The last index in each partition, as a row holds them. */
export function indexesIn(stored: unknown): readonly number[] {
  if (!Array.isArray(stored) || !stored.every((one) => typeof one === 'number'))
    throw new Error('the last indexes of the partitions are no list of numbers')
  return stored
}
