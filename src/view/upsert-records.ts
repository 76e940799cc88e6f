import { textArray } from '../database/array-literal.ts'
import { jsonLines, lines } from '../database/lines.ts'
import type { Transaction } from '../database/transaction.ts'
import type { ViewRecord } from '../domain/record.ts'

/** Records as the parameters of their insert: whoever stores page after page makes them ready while the one before is stored. */
export type RecordRows = ReturnType<typeof rowsOf>

/**
 * One parameter for each column, so that a batch of any size has the same number of parameters. Texts that may hold a line break
 * travel as arrays, the others as lines.
 */
export function rowsOf(records: readonly ViewRecord[]) {
  return {
    count: records.length,
    kinds: textArray(records.map(({ kind }) => kind)),
    subjects: textArray(records.map(({ subject }) => subject)),
    statuses: textArray(records.map(({ status }) => status)),
    names: textArray(records.map(({ name }) => name)),
    jurisdictions: textArray(records.map(({ jurisdiction }) => jurisdiction)),
    offices: textArray(records.map(({ office }) => office)),
    layers: jsonLines(records.map(({ layers }) => layers)),
    data: jsonLines(records.map(({ data }) => data)),
    provenances: jsonLines(records.map(({ provenance }) => provenance)),
    states: jsonLines(records.map(({ state }) => state)),
    firstIndexes: lines(records.map(({ firstIndex }) => firstIndex)),
    lastIndexes: lines(records.map(({ lastIndex }) => lastIndex)),
    events: lines(records.map(({ events }) => events)),
  }
}

/** @param table one like `records` */
export async function upsertRecords(tx: Transaction, rows: RecordRows, now: Date, table = 'records'): Promise<void> {
  if (rows.count === 0) return
  await tx`
    insert into ${tx(table)} (kind, subject, status, layers, name, jurisdiction, office, data, provenance, state, first_index, last_index, events, updated_at)
    select kind, subject, status, layers::json, name, jurisdiction, office, data::json, provenance::json, state::json,
      first_index::bigint, last_index::bigint, events::int, ${now}::timestamptz
    from rows from (
      unnest(
        ${rows.kinds}::text::text[], ${rows.subjects}::text::text[], ${rows.statuses}::text::text[],
        ${rows.names}::text::text[], ${rows.jurisdictions}::text::text[], ${rows.offices}::text::text[]),
      string_to_table(${rows.layers}, E'\n'),
      string_to_table(${rows.data}, E'\n'),
      string_to_table(${rows.provenances}, E'\n'),
      string_to_table(${rows.states}, E'\n'),
      string_to_table(${rows.firstIndexes}, E'\n'),
      string_to_table(${rows.lastIndexes}, E'\n'),
      string_to_table(${rows.events}, E'\n')
    ) as folded (kind, subject, status, name, jurisdiction, office, layers, data, provenance, state, first_index, last_index, events)
    on conflict (kind, subject) do update set
      status = excluded.status, layers = excluded.layers, name = excluded.name, jurisdiction = excluded.jurisdiction,
      office = excluded.office, data = excluded.data, provenance = excluded.provenance, state = excluded.state,
      first_index = excluded.first_index, last_index = excluded.last_index, events = excluded.events,
      updated_at = excluded.updated_at`
}
