import type { Sql } from 'postgres'
import type { Lease } from './leases.ts'
import { type LoggedEvent, readEvents } from './log-reader.ts'
import { partitionOf } from './partition.ts'
import { indexesIn, type Progress } from './published.ts'

/** Rows looked at in one query, on the way back to each partition's event before the stretch. */
const pageRows = 5_000

/** What is left to send of a stretch of the log that an operator wants in the topics again. */
export interface Republication {
  readonly id: number
  /** last index of the stretch */
  readonly to: number
  /** as if it were the publisher's own: up to where it was sent again, and what stands before in each partition */
  readonly progress: readonly Progress[]
}

/** Reads the oldest request that is not through. @param topics the publisher's */
export async function readRepublication(
  { sql }: Lease,
  topics: readonly Progress[],
  topicOf: (event: Placed) => string,
): Promise<Republication | undefined> {
  const [row] = await sql<{ id: string; to: string; sentTo: string; last: string | null }[]>`
    select id::text as id, to_index::text as to, sent_to::text as "sentTo", last_indexes::text as last
    from log.republications r where finished_at is null order by r.id limit 1`
  if (row === undefined) return undefined
  const sentTo = Number(row.sentTo)
  const last = row.last === null ? await lastBefore(sql, sentTo + 1, topics, topicOf) : lastIndexesIn(row.last)
  const progress = topics.map(({ topic, partitions }) => ({
    topic,
    partitions,
    index: sentTo,
    lastIndexes: last.get(topic) ?? Array.from({ length: partitions }, () => -1),
  }))
  return { id: Number(row.id), to: Number(row.to), progress }
}

/** The next events of it, up to where they are all of it, and whether they are the last. */
export async function readAgain(
  sql: Sql,
  { to, progress }: Republication,
): Promise<{ readonly events: readonly LoggedEvent[]; readonly upTo: number; readonly through: boolean }> {
  const { events, scannedTo, more } = await readEvents(sql, Math.min(...progress.map(({ index }) => index)))
  return { events: events.filter(({ index }) => index <= to), upTo: Math.min(scannedTo, to), through: scannedTo >= to || !more }
}

/** Notes on the lease's own connection how far it is: who has lost the lease can't. */
export async function noteSentAgain(
  { sql, pid }: Lease,
  { id, progress }: Republication,
  { events, through }: { readonly events: number; readonly through: boolean },
): Promise<void> {
  const last = Object.fromEntries(progress.map(({ topic, lastIndexes }) => [topic, lastIndexes]))
  const sentTo = Math.max(...progress.map(({ index }) => index))
  const noted = await sql`
    update log.republications set sent_to = ${sentTo}, last_indexes = ${JSON.stringify(last)}::text::jsonb,
      events = events + ${events}, finished_at = case when ${through} then now() end
    where id = ${id} and pg_backend_pid() = ${pid}`
  if (noted.count !== 1) throw new Error('another process publishes now')
}

type Placed = Pick<LoggedEvent, 'kind' | 'subject'>

/** The last event before an index in each partition, so that what is sent again says the truth about what came before it. */
async function lastBefore(
  sql: Sql,
  before: number,
  topics: readonly Progress[],
  topicOf: (event: Placed) => string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const last = new Map(topics.map(({ topic, partitions }) => [topic, Array.from({ length: partitions }, () => -1)]))
  let missing = topics.reduce((sum, { partitions }) => sum + partitions, 0)
  for (let at = before; missing > 0; ) {
    const rows = await sql<{ index: string; kind: string; subject: string }[]>`
      select index::text as index, subject_kind as kind, subject from log.entries e
      where e.kind = 'event' and e.index < ${at} order by e.index desc limit ${pageRows}`
    for (const row of rows) {
      const indexes = last.get(topicOf(row))
      const partition = indexes === undefined ? 0 : partitionOf(row.subject, indexes.length)
      if (indexes?.[partition] !== -1) continue
      indexes[partition] = Number(row.index)
      missing -= 1
    }
    if (rows.length < pageRows) break
    at = Number(rows.at(-1)?.index)
  }
  return last
}

function lastIndexesIn(json: string): ReadonlyMap<string, readonly number[]> {
  const stored: Record<string, unknown> = JSON.parse(json)
  return new Map(Object.entries(stored).map(([topic, last]) => [topic, indexesIn(last)]))
}
