import type { Kind } from '../catalogue/catalogue.ts'
import type { Transaction } from '../database/transaction.ts'
import type { AcceptedEvent } from '../domain/record.ts'
import { eventOfEntry } from './entry-event.ts'

/** The same function for every bus and every view. */
export type PartitionOf = (subject: string, partitions: number) => number

/** Rows of the log looked at in one transaction while a gap is filled; events of other partitions count too. */
const pageRows = 5_000
/** Events taken from them: as many as a batch from the bus may have, or few more. */
const pageEvents = 512

/**
 * Reads from the log what a consumer missed in one partition.
 *
 * @param after the last index it has
 * @param before the index of the message that it was given
 * @returns the missed events, and the index up to which nothing is missing any more; below `before - 1` when there is more
 */
export async function readMissed(
  tx: Transaction,
  { kind, partition, after, before, partitionOf }: MissedRange,
): Promise<{ readonly events: readonly AcceptedEvent[]; readonly upTo: number }> {
  const rows = await tx<{ index: number; subject: string }[]>`
    select index, subject from log.entries
    where kind = 'event' and subject_kind = ${kind.id} and index > ${after}::bigint and index < ${before}::bigint
    order by index limit ${pageRows}`
  const mine = rows.filter(({ subject }) => partitionOf(subject, kind.partitions) === partition)
  const page = mine.slice(0, pageEvents)
  const entries = await tx<{ index: number; entry: string }[]>`
    select index, entry from log.entries where index = any(${page.map(({ index }) => index)}::bigint[]) order by index`
  const lastTaken = page.at(-1)?.index ?? after
  const lastLooked = rows.length < pageRows ? before - 1 : (rows.at(-1)?.index ?? after)
  return {
    events: entries.map(({ index, entry }) => eventOfEntry(entry, index, kind.id)),
    upTo: page.length < mine.length ? lastTaken : lastLooked,
  }
}

interface MissedRange {
  readonly kind: Kind
  readonly partition: number
  readonly after: number
  readonly before: number
  readonly partitionOf: PartitionOf
}
