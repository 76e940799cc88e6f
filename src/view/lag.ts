import type { Position } from '../bus/bus.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import type { PartitionOf } from './missed.ts'
import { indexesByPlace, placeText } from './positions.ts'

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

/** Event entries that a view has not taken in yet, counted back from the end of the log. */
export async function lagOf(sql: RawSql, rules: Rules, positions: readonly Position[], partitionOf: PartitionOf): Promise<Lag> {
  const reached = indexesByPlace(positions)
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
