import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Dismissal } from '../domain/provenance.ts'
import type { AcceptedEvent } from '../domain/record.ts'
import { payloadOfLogged } from '../identity/compact.ts'

/**
 * Brings back into a view that is made anew what operators have dismissed from it, from the log's `operation` entries: those that
 * were carried out, and where a second person had to approve, were approved. It is input of the fold, so it comes before the first event.
 *
 * @param sql its search_path is the view's schema
 * @returns how many events are dismissed that were not before
 */
export async function restoreDismissed(sql: RawSql, bureau: string): Promise<number> {
  const requests = await sql<{ index: number; received: Date; party: string; entry: string }[]>`
    select index, received, party, entry from log.entries e
    where kind = 'operation' and entry like '%"action":"dismiss"%' and index <= (select carried_to from operations.ledger)
      and not exists (select from operations.proposals p where p.id = e.index and p.state <> 'approved')
    order by index`
  let restored = 0
  for (const { index, received, party, entry } of requests) {
    const { action, request }: Record<'action' | 'request', string> = JSON.parse(entry)
    const { bureau: of, indexes, reason } = payloadOfLogged(request)
    if (action !== 'dismiss' || of !== bureau || !Array.isArray(indexes)) continue
    const { count } = await sql`
      insert into dismissed (index, kind, subject, type, operation, party, reason, dismissed_at)
      select index, subject_kind, subject, type, ${index}::bigint, ${party}, ${String(reason)}, ${received}::timestamptz
      from log.entries where kind = 'event' and index = any(${indexes.map(Number)}::bigint[])
      on conflict do nothing`
    restored += count
  }
  return restored
}

/** The last event that was dismissed from a view; -1 without one. A view that has followed the log is past it. */
export async function lastDismissed(tx: Transaction): Promise<number> {
  const [last] = await tx<{ index: number }[]>`select coalesce(max(index), -1) as index from dismissed`
  return last?.index ?? -1
}

/** Which of some events were dismissed before they are folded. */
export async function dismissedAmong(
  tx: Transaction,
  events: readonly AcceptedEvent[],
): Promise<(event: AcceptedEvent) => Dismissal | undefined> {
  if (events.length === 0) return () => undefined
  const rows = await tx<Dismissal[]>`
    select index, operation, reason from dismissed where index = any(${events.map(({ index }) => index)}::bigint[])`
  const dismissals = new Map(rows.map((row) => [row.index, row]))
  return ({ index }) => dismissals.get(index)
}
