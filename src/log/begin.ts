import { catalogueDigests } from '../catalogue/load.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import { catalogueEntryText, receivedText } from './entry.ts'
import type { LogKey } from './log-key.ts'
import { leafHash } from './merkle.ts'
import { emptyEdge, extend, frontierBytes } from './right-edge.ts'

/** Whether the log has its first entry. */
export async function isBegun(sql: RawSql): Promise<boolean> {
  const rows = await sql`select 1 from log.head`
  return rows.length > 0
}

/**
 * Begins an empty log with the catalogue as index 0. Processes that begin it together agree on one beginning: the
 * others find it begun.
 */
export async function beginLog(sql: RawSql, key: LogKey, rules: Rules): Promise<void> {
  await inTransaction(sql, async (tx) => {
    // nothing to lock yet: the table itself orders those who begin
    await tx`lock table log.head in exclusive mode`
    const [head] = await tx`select 1 from log.head`
    if (head !== undefined) return
    const [clock] = await tx<{ now: Date }[]>`select date_trunc('milliseconds', clock_timestamp()) as now`
    if (clock === undefined) throw new Error('the database has no clock')
    const files = catalogueDigests(rules.files)
    const entry = catalogueEntryText({ received: receivedText(clock.now), rules: rules.catalogue.rules, files })
    const leaf = leafHash(entry)
    const { edge, root } = extend(emptyEdge, [leaf])
    for (const [name, digest] of Object.entries(files))
      await tx`insert into log.blobs values (${digest}, ${rules.files.get(name) ?? ''}) on conflict do nothing`
    await tx`insert into log.entries (index, kind, received, entry, leaf) values (0, 'catalogue', ${clock.now}, ${entry}, ${leaf})`
    await tx`
      insert into log.head (id, origin, size, frontier, root, checkpoint, last_received, rules_index)
      values (1, ${key.origin}, 1, ${frontierBytes(edge)}, ${root}, ${key.signCheckpoint(1, root)}, ${clock.now}, 0)`
  })
}
