import type { RawSql } from '../database/connect.ts'

/** How far a view is in one partition, for whoever looks after it. */
export interface PartitionState {
  readonly topic: string
  readonly partition: number
  /** -1: nothing yet */
  readonly index: number
  /** where it goes on in the broker's topic; null without a broker */
  readonly nextOffset: number | null
  /** entries of the log that the last heartbeat named, and when it was taken */
  readonly heardSize: number | null
  readonly heardAt: Date | null
}

/** @param sql its search_path is the view's schema */
export async function readPartitions(sql: RawSql): Promise<readonly PartitionState[]> {
  return await sql<PartitionState[]>`
    select topic, partition, index, broker_offset as "nextOffset", heard_size as "heardSize", heard_at as "heardAt"
    from positions order by topic, partition`
}

/** The oldest of the partitions' last heartbeats; undefined before the first. */
export function oldestHeard(partitions: readonly PartitionState[]): Date | undefined {
  const times = partitions.flatMap(({ heardAt }) => (heardAt === null ? [] : [heardAt.getTime()]))
  return times.length === 0 ? undefined : new Date(Math.min(...times))
}
