import { createHash } from 'node:crypto'
import type { Sql } from 'postgres'

/**
 * Appends events straight into the log table, as the log's own append leaves them, and tells whoever listens.
 *
 * @param subjects one event for each, in this order
 * @param firstIndex the log's size
 */
export async function appendEvents(sql: Sql, firstIndex: number, subjects: readonly string[]): Promise<void> {
  const rows = subjects.map((subject, i) => {
    const index = firstIndex + i
    const entry = `{"kind":"event","received":"2026-11-23T00:00:00.000Z","jws":"${index}.${subject}"}`
    return {
      ...common(index, 'event', entry),
      event_id: `id-${index}`,
      type: 'registration.changed.v1',
      subject_kind: 'registration',
      subject,
    }
  })
  await insert(sql, rows)
}

/** Appends refusals: entries that no bus carries. */
export async function appendRefusals(sql: Sql, firstIndex: number, count: number): Promise<void> {
  await insert(
    sql,
    Array.from({ length: count }, (_, i) => common(firstIndex + i, 'refusal', `{"kind":"refusal","n":${firstIndex + i}}`)),
  )
}

function common(index: number, kind: string, entry: string) {
  const leaf = createHash('sha256')
    .update(Buffer.from([0]))
    .update(entry)
    .digest()
  return { index, kind, received: new Date(Date.UTC(2026, 10, 23)), entry, leaf, party: 'commerce', digest: leaf }
}

async function insert(sql: Sql, rows: readonly object[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`insert into log.entries ${tx(rows)}`
    // not tx.notify(): postgres.js sends that over another connection, before the commit
    await tx`select pg_notify('lianban_log', '')`
  })
}
