import type { Position } from './bus.ts'
import type { Progress } from './published.ts'

/** First offset that the broker still has, and the one after its last, of a partition. */
export interface Watermarks {
  readonly low: number
  readonly high: number
}

/** Where a consumer begins in a partition it was assigned. */
export type StartingPoint =
  | { readonly from: 'offset'; readonly offset: number }
  /** the topic can't be trusted to hold what comes next: read the log after this index, then go on at the high watermark */
  | { readonly from: 'log'; readonly after: number }

/**
 * The stored position decides, never what the broker remembers of the group.
 *
 * Its offset is good while the topic still has it, and unless the topic ends there although more was published: then the topic
 * was made anew or lost its end. Before the first event of a partition, a topic that begins at 0 is good too.
 *
 * @param stored of this partition; undefined when nothing was stored yet
 * @param marks read *before* the log is read: the log then holds everything below `high`
 */
export function startingPoint(
  stored: Position | undefined,
  brokerTopic: string,
  marks: Watermarks,
  progress: Progress | undefined,
  partition: number,
): StartingPoint {
  const index = stored?.index ?? -1
  const published = progress?.lastIndexes[partition] ?? -1
  const offset = knownOffset(stored, brokerTopic)
  const complete = offset < marks.high || index >= published
  if (offset >= marks.low && offset <= marks.high && complete) return { from: 'offset', offset }
  // what was published of this partition is all known: only what came after can be new
  return { from: 'log', after: index >= published ? Math.max(index, progress?.index ?? -1) : index }
}

/** @returns -1 when none is known for this topic */
function knownOffset(stored: Position | undefined, brokerTopic: string): number {
  if (stored === undefined || stored.index === -1) return 0
  return stored.broker?.topic === brokerTopic ? stored.broker.nextOffset : -1
}
