import type { RawSql } from '../database/connect.ts'
import type { ParkedCause } from '../domain/record.ts'
import type { Fate } from './queries.ts'

/** What became of an event that was not simply applied. */
export interface Met {
  readonly fate: Extract<Fate, { readonly state: 'parked' | 'dismissed' }>
  /** of a parked one */
  readonly parked?: { readonly parkedAt: string; readonly tries: number }
}

/**
 * What a view has parked and dismissed of one subject, by index, and how far it has come in the subject's partition.
 *
 * @param sql its search_path is the view's schema
 */
export async function readMet(
  sql: RawSql,
  {
    kind,
    subject,
    topic,
    partition,
  }: { readonly kind: string; readonly subject: string; readonly topic: string; readonly partition: number },
): Promise<{ readonly met: ReadonlyMap<number, Met>; readonly position: number }> {
  // the position first: whoever moved it over an event has parked that one in the same transaction
  const [position] = await sql<{ index: number }[]>`
    select index from positions where topic = ${topic} and partition = ${partition}`
  const parked = await sql<{ index: number; cause: ParkedCause; detail: string; parkedAt: Date; tries: number }[]>`
    select index, cause, detail, parked_at as "parkedAt", tries from parked
    where kind = ${kind} and subject = ${subject} order by index`
  const dismissed = await sql<{ index: number; operation: number; reason: string }[]>`
    select index, operation, reason from dismissed where kind = ${kind} and subject = ${subject}`
  const [first] = parked
  return {
    position: position?.index ?? -1,
    met: new Map<number, Met>([
      ...parked.map(({ index, cause, detail, parkedAt, tries }): [number, Met] => [
        index,
        {
          fate: { state: 'parked', cause, detail, ...(cause === 'behind' && first ? { behind: first.index } : {}) },
          parked: { parkedAt: parkedAt.toISOString(), tries },
        },
      ]),
      ...dismissed.map(({ index, ...by }): [number, Met] => [index, { fate: { state: 'dismissed', ...by } }]),
    ]),
  }
}
