import { textArray } from '../database/array-literal.ts'
import { type Commit, type Transaction, tryPart } from '../database/transaction.ts'
import type { Dismissal } from '../domain/provenance.ts'
import {
  type AcceptedEvent,
  foldDismissed,
  foldRecord,
  type Law,
  nameIn,
  type Parked,
  type RecordRules,
  type ViewRecord,
} from '../domain/record.ts'
import { rowsOf, upsertRecords } from './upsert-records.ts'

/** What events are folded by. */
export interface Judging {
  rulesOf(kind: string): RecordRules
  /** the order an event was judged by, undefined where today's is the same */
  lawOf(event: AcceptedEvent): Law | undefined
  /** where events are folded that an operator may have dismissed before */
  dismissalOf?(event: AcceptedEvent): Dismissal | undefined
}

/** An event that can't be applied, and why. */
export interface Rejected extends Parked {
  readonly event: AcceptedEvent
}

/** What a view has of some subjects. */
export interface KnownSubjects {
  /** by {@link subjectKey}: those that were looked up, there or not */
  readonly asked: ReadonlySet<string>
  readonly records: ReadonlyMap<string, ViewRecord>
  /** index of the first parked event of a subject */
  readonly blocked: ReadonlyMap<string, number>
}

export interface ApplyMeans {
  /** read under the lock that the caller holds; the subjects that are not among them are read here */
  readonly known?: KnownSubjects | undefined
  /** sent with the last statements, where nothing comes after them */
  readonly commit?: Commit
}

/**
 * Folds events into a view: upserts their subjects' records and parks what cannot be applied.
 *
 * The caller holds the position rows of the events' partitions, which order every writer of those subjects.
 *
 * @param events in index order
 * @throws {Error} a PostgresError of class 22, 23 or 54 when the database refuses a row; the transaction is lost then
 */
export async function applyEvents(
  tx: Transaction,
  events: readonly AcceptedEvent[],
  rules: Judging,
  now: Date,
  { known, commit }: ApplyMeans = {},
): Promise<void> {
  if (events.length === 0) return
  const { records, blocked: blockedBefore } = await withUnknown(tx, known, events)
  const blocked = new Map(blockedBefore)
  const changed = new Map<string, ViewRecord>()
  const rejected: Rejected[] = []
  for (const event of events) {
    const key = subjectKey(event)
    const behind = blocked.get(key)
    const dismissal = rules.dismissalOf?.(event)
    if (dismissal !== undefined) {
      const before = changed.get(key) ?? records.get(key)
      // behind a parked event it waits for the replay, which folds it in
      const after = behind === undefined && foldDismissed(before, event, rules.rulesOf(event.kind), dismissal, rules.lawOf(event))
      if (after) changed.set(key, after)
      continue
    }
    if (behind !== undefined) {
      rejected.push({ event, cause: 'behind', detail: `waits for the event at index ${behind}` })
      continue
    }
    const folded = foldRecord(changed.get(key) ?? records.get(key), event, rules.rulesOf(event.kind), rules.lawOf(event))
    if ('record' in folded) {
      changed.set(key, folded.record)
      continue
    }
    rejected.push({ event, ...folded.parked })
    blocked.set(key, event.index)
  }
  // made ready before anything is sent: what fails here must not be committed in part
  const [folded, parked] = [rowsOf([...changed.values()]), parkedRowsOf(rejected, rules)]
  await Promise.all([upsertRecords(tx, folded, now), parkEvents(tx, parked, now), commit?.()])
}

/**
 * The same, but an event whose row the database refuses is parked alone: the batch is split until it is found.
 * Slower by a savepoint for each part, so it is the second try.
 */
export async function applyEventsOneByOneIfNeeded(
  tx: Transaction,
  events: readonly AcceptedEvent[],
  rules: Judging,
  now: Date,
): Promise<void> {
  const failed = await tryPart(
    tx,
    () => applyEvents(tx, events, rules, now),
    (error) => refusedRow(error) !== undefined,
  )
  if (!failed) return
  const [only, another] = events
  if (only !== undefined && another === undefined)
    return parkEvents(
      tx,
      parkedRowsOf([{ event: only, cause: 'constraint', detail: refusedRow(failed.error) ?? '' }], rules),
      now,
    )
  const middle = Math.ceil(events.length / 2)
  await applyEventsOneByOneIfNeeded(tx, events.slice(0, middle), rules, now)
  await applyEventsOneByOneIfNeeded(tx, events.slice(middle), rules, now)
}

/**
 * What a database error says, if it is the data's fault: data exceptions (22), constraints (23), limits of a row or an
 * index (54). Its message is left out, since that quotes the row.
 */
export function refusedRow(error: unknown): string | undefined {
  if (!isDatabaseError(error) || !/^(22|23|54)/.test(error.code)) return undefined
  return `the database refuses the record: ${error.code}${error.constraint_name ? `, constraint ${error.constraint_name}` : ''}`
}

function isDatabaseError(error: unknown): error is Error & { readonly code: string; readonly constraint_name?: string } {
  return error instanceof Error && error.name === 'PostgresError' && 'code' in error && typeof error.code === 'string'
}

export const subjectKey = ({ kind, subject }: { readonly kind: string; readonly subject: string }): string =>
  `${kind}\n${subject}`

/** @returns what is known, and read what is not */
async function withUnknown(
  tx: Transaction,
  known: KnownSubjects | undefined,
  events: readonly AcceptedEvent[],
): Promise<KnownSubjects> {
  if (known === undefined) return await readSubjects(tx, events)
  const unknown = events.filter((event) => !known.asked.has(subjectKey(event)))
  if (unknown.length === 0) return known
  const read = await readSubjects(tx, unknown)
  return {
    asked: new Set([...known.asked, ...read.asked]),
    records: new Map([...known.records, ...read.records]),
    blocked: new Map([...known.blocked, ...read.blocked]),
  }
}

/** Looks up the subjects of some events. Its statements are sent when this returns. */
export async function readSubjects(tx: Transaction, events: readonly AcceptedEvent[]): Promise<KnownSubjects> {
  if (events.length === 0) return { asked: new Set(), records: new Map(), blocked: new Map() }
  const subjects = new Map(events.map((event) => [subjectKey(event), event]))
  const kinds = [...subjects.values()].map(({ kind }) => kind)
  const codes = [...subjects.values()].map(({ subject }) => subject)
  const [records, blocked] = await Promise.all([
    tx<ViewRecord[]>`
      select kind, subject, status, layers, name, jurisdiction, office, data, provenance, state,
        first_index as "firstIndex", last_index as "lastIndex", events
      from records join unnest(${kinds}::text[], ${codes}::text[]) as wanted (kind, subject) using (kind, subject)`,
    tx<{ kind: string; subject: string; index: number }[]>`
      select kind, subject, min(index) as index
      from parked join unnest(${kinds}::text[], ${codes}::text[]) as wanted (kind, subject) using (kind, subject)
      group by kind, subject`,
  ])
  return {
    asked: new Set(subjects.keys()),
    records: new Map(records.map((record) => [subjectKey(record), record])),
    blocked: new Map(blocked.map((row) => [subjectKey(row), row.index])),
  }
}

/** Events that can't be applied, as the parameters of their insert. */
export function parkedRowsOf(rejected: readonly Rejected[], rules: Judging) {
  return {
    count: rejected.length,
    indexes: rejected.map(({ event }) => event.index),
    kinds: rejected.map(({ event }) => event.kind),
    subjects: rejected.map(({ event }) => event.subject),
    types: rejected.map(({ event }) => event.type),
    names: textArray(rejected.map(({ event }) => nameIn(event, rules.rulesOf(event.kind)))),
    causes: rejected.map(({ cause }) => cause),
    details: rejected.map(({ detail }) => detail),
  }
}

/** Stores events that can't be applied. */
export async function parkEvents(tx: Transaction, rows: ReturnType<typeof parkedRowsOf>, now: Date): Promise<void> {
  if (rows.count === 0) return
  await tx`
    insert into parked (index, kind, subject, type, name, cause, detail, parked_at, tries)
    select index, kind, subject, type, name, cause, detail, ${now}::timestamptz, 1
    from unnest(
      ${rows.indexes}::bigint[], ${rows.kinds}::text[], ${rows.subjects}::text[], ${rows.types}::text[],
      ${rows.names}::text::text[], ${rows.causes}::text[], ${rows.details}::text[]
    ) as failed (index, kind, subject, type, name, cause, detail)`
}
