import type { Position } from '../bus/bus.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import type { PartitionOf } from './missed.ts'
import type { PartitionState } from './partition-states.ts'
import { indexesByPlace, type Partition, placeText } from './positions.ts'

/** A lag is counted up to here: beyond it the number says "at least". */
export const maxLagCounted = 10_000

/** How far a view is behind the log. */
export interface Lag {
  readonly events: number
  /** `received` of the oldest of them that was counted; undefined when there is none */
  readonly since: Date | undefined
  /** the same events by {@link placeText} */
  readonly byPartition: ReadonlyMap<string, number>
}

/**
 * Event entries that a view has not taken in yet, counted back from the end of the log.
 *
 * @param heard of the view's partitions, read after the positions: without them every event behind the position of a quiet partition
 *   is looked at
 */
export async function lagOf(
  sql: RawSql,
  rules: Rules,
  positions: readonly Position[],
  partitionOf: PartitionOf,
  heard: readonly Heard[] = [],
): Promise<Lag> {
  const reached = indexesByPlace(await completePositions(sql, positions, heard))
  const lowest = Math.min(
    ...[...rules.kinds.values()].flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => reached.get(placeText({ topic, partition })) ?? -1),
    ),
  )
  const rows = await sql<{ index: number; subjectKind: string; subject: string; received: Date }[]>`
    select index, subject_kind as "subjectKind", subject, received from log.entries
    where kind = 'event' and index > ${lowest} order by index desc limit ${maxLagCounted}`
  let events = 0
  let since: Date | undefined
  const byPartition = new Map<string, number>()
  for (const { index, subjectKind, subject, received } of rows) {
    const kind = rules.kinds.get(subjectKind)
    const place = kind && placeText({ topic: kind.topic, partition: partitionOf(subject, kind.partitions) })
    if (place !== undefined && index <= (reached.get(place) ?? -1)) continue
    events += 1
    // from the end of the log backwards: the last one seen is the oldest
    since = received
    if (place !== undefined) byPartition.set(place, (byPartition.get(place) ?? 0) + 1)
  }
  return { events, since, byPartition }
}

type Heard = Pick<PartitionState, 'topic' | 'partition' | 'heardSize'>

/**
 * Up to where a view is complete in each partition, also where nothing has happened for long.
 *
 * Without a broker the consumer has read the log itself as far as its heartbeat says. Where a broker brought the heartbeat, what it leaves
 * out can't be told from it, and the lag is what would show it: there the publisher's own notes say what was the partition's last
 * event. A log that is shorter than it was is believed, and neither of them.
 */
async function completePositions(
  sql: RawSql,
  positions: readonly Position[],
  heard: readonly Heard[],
): Promise<readonly (Partition & { readonly index: number })[]> {
  if (heard.length === 0) return positions
  const sizes = new Map(heard.map((one) => [placeText(one), one.heardSize ?? 0]))
  const topics = positions.flatMap(({ broker }) => (broker === undefined ? [] : [broker.topic]))
  const published = await sql<{ topic: string; index: number; lastIndexes: readonly number[] }[]>`
    select topic, index, last_indexes as "lastIndexes" from log.published where topic = any(${sql.array([...new Set(topics)], 1009)})`
  const [head] = await sql<{ index: number }[]>`select coalesce(max(index), -1) as index from log.entries`
  return positions.map((position) => {
    const complete = completeTo(position)
    return complete > position.index && complete <= (head?.index ?? -1) ? { ...position, index: complete } : position
  })

  function completeTo({ topic, partition, index, broker }: Position): number {
    if (broker === undefined) return (sizes.get(placeText({ topic, partition })) ?? 0) - 1
    const progress = published.find((one) => one.topic === broker.topic)
    const last = progress?.lastIndexes[partition]
    return progress !== undefined && last !== undefined && index >= last ? progress.index : -1
  }
}
