import type { RawSql } from '../database/connect.ts'
import { type Change, dataChanges, foldUnchecked, stateChanges } from '../domain/changes.ts'
import { type AcceptedEvent, foldDismissed, foldRecord, type RecordRules, type ViewRecord } from '../domain/record.ts'
import type { Judging } from './apply-events.ts'
import { decodeIndexCursor, encodeCursor } from './cursor.ts'
import { eventOfEntry } from './entry-event.ts'
import { judgingOf } from './judging.ts'
import { type Met, readMet } from './met.ts'
import type { ProjectionOptions } from './project.ts'
import { type Fate, maxPage } from './queries.ts'
import { operatorsMask } from './record-json.ts'
import { takesIn } from './record-rules.ts'

/** Entries read at once: about 400 KB. */
const readEntries = 200

/** One event about a subject, as one view met it. */
export interface EventInHistory {
  readonly index: number
  readonly type: string
  readonly sender: string
  /** the sender's, RFC 3339 */
  readonly time: string
  /** when the log took it, RFC 3339 UTC */
  readonly received: string
  readonly fate: Fate
  /** of a parked one: RFC 3339 UTC */
  readonly parkedAt?: string
  readonly tries?: number
  /** what it changed in the record's data, or would change were it and those before it applied; masked for operators */
  readonly changes: readonly Change[]
  /** the same of its states */
  readonly states: readonly Change[]
}

export interface SubjectHistory {
  /** what its events call it so far; null where none says a name */
  readonly name: string | null
  readonly events: readonly EventInHistory[]
  /** asks for the page after this one; absent on the last */
  readonly next?: string
}

export interface HistoryQueries {
  /**
   * Every event about a subject that the bureau receives or sends, and every other that its view parked, in order of index.
   * Each page folds the log from the subject's first event on, by the rules in force.
   *
   * @param cursor as a page before gave it
   * @returns undefined when the log has no event about it
   * @throws {RefusedRequest} `invalid-request` for a cursor that no page gave
   */
  historyOf(kind: string, subject: string, cursor?: string): Promise<SubjectHistory | undefined>
}

/** @param sql its search_path is the view's schema */
export function createHistoryQueries(sql: RawSql, { bureau, rules, catalogues, partitionOf }: ProjectionOptions): HistoryQueries {
  return {
    async historyOf(kind, subject, cursor) {
      const inForce = rules()
      const ofKind = inForce.kinds.get(kind)
      if (ofKind === undefined || subject.includes('\0')) return undefined
      const after = cursor === undefined ? -1 : decodeIndexCursor(cursor)
      const partition = partitionOf(subject, ofKind.partitions)
      const { met, position } = await readMet(sql, { kind, subject, topic: ofKind.topic, partition })
      const judging = judgingOf(bureau, inForce, catalogues())
      const mask = operatorsMask(inForce, kind)
      const isShown = ({ index, type, sender }: AcceptedEvent): boolean => {
        const known = inForce.types.get(type)
        return index > after && (met.has(index) || known === undefined || takesIn(known, bureau, sender))
      }

      const events: EventInHistory[] = []
      let name: string | null | undefined
      for await (const { event, before, record } of folded(sql, { kind, subject, met, judging })) {
        name = record?.name ?? null
        if (!isShown(event)) continue
        const last = events.at(-1)
        if (last && events.length === maxPage) return { name, events, next: encodeCursor(String(last.index)) }
        const { index, type, sender, time, received } = event
        const row = met.get(index)
        events.push({
          ...{ index, type, sender, time, received },
          fate: row?.fate ?? { state: index > position ? 'pending' : 'applied' },
          ...(row?.parked ?? {}),
          changes: dataChanges(before, record, event, judging.rulesOf(kind), mask),
          states: stateChanges(before, record),
        })
      }
      return name === undefined ? undefined : { name, events }
    },
  }
}

interface Folding {
  readonly kind: string
  readonly subject: string
  readonly met: ReadonlyMap<number, Met>
  readonly judging: Judging
}

/** Every event about a subject with the record before and after it. */
async function* folded(sql: RawSql, { kind, subject, met, judging }: Folding) {
  let record: ViewRecord | undefined
  for (let read = -1, more = true; more; ) {
    const rows = await sql<{ index: number; entry: string }[]>`
      select index, entry from log.entries
      where kind = 'event' and subject_kind = ${kind} and subject = ${subject} and index > ${read}::bigint
      order by index limit ${readEntries}`
    for (const { index, entry } of rows) {
      const event = eventOfEntry(entry, index, kind)
      const before = record
      record = foldOne(before, event, judging.rulesOf(kind), judging, met.get(index))
      yield { event, before, record }
    }
    read = rows.at(-1)?.index ?? read
    more = rows.length === readEntries
  }
}

function foldOne(
  before: ViewRecord | undefined,
  event: AcceptedEvent,
  rules: RecordRules,
  judging: Judging,
  met: Met | undefined,
): ViewRecord | undefined {
  const law = judging.lawOf(event)
  const { index } = event
  if (met?.fate.state === 'dismissed') return foldDismissed(before, event, rules, { index, ...met.fate }, law)
  const applied = foldRecord(before, event, rules, law)
  return 'record' in applied ? applied.record : foldUnchecked(before, event, rules, law)
}
