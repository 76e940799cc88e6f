import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Rebuild } from './rebuild.ts'

/** Rebuilds in one answer at most. */
const maxListed = 100

export async function readRebuild(sql: RawSql, id: number): Promise<Rebuild | undefined> {
  const [row] = await sql<Rebuild[]>`select ${columns(sql)} from operations.rebuilds where id = ${id}::bigint`
  return row
}

/** The row of one rebuild, locked until the transaction ends: whoever changes it or its schema holds it. */
export async function lockRebuild(tx: Transaction, id: number): Promise<Rebuild | undefined> {
  const [row] = await tx<Rebuild[]>`select ${columns(tx)} from operations.rebuilds where id = ${id}::bigint for update`
  return row
}

/** The newest first. */
export function listRebuilds(sql: RawSql, bureau: string | undefined): Promise<Rebuild[]> {
  return sql<Rebuild[]>`
    select ${columns(sql)} from operations.rebuilds
    ${bureau === undefined ? sql`` : sql`where bureau = ${bureau}`} order by id desc limit ${maxListed}`
}

/** The one of a bureau that is not through; there is one at most. */
export async function openRebuild(sql: RawSql, bureau: string): Promise<Rebuild | undefined> {
  const [row] = await sql<Rebuild[]>`
    select ${columns(sql)} from operations.rebuilds
    where bureau = ${bureau} and state in ('building', 'ready', 'swapping') order by id limit 1`
  return row
}

/** Writes what a step changed of a rebuild's row. */
export async function saveRebuild(tx: RawSql, { id, state, progress, result, note }: Rebuild, now: Date): Promise<void> {
  await tx`
    update operations.rebuilds set state = ${state}, failure = ${note}, updated_at = ${now},
      progress = ${progress === null ? null : JSON.stringify(progress)}::text::jsonb,
      result = ${result === null ? null : JSON.stringify(result)}::text::jsonb
    where id = ${id}::bigint`
}

function columns(sql: RawSql) {
  return sql`id, bureau, dry_run as "dryRun", state, progress, result, failure as note, party, reason,
    created_at as "createdAt", updated_at as "updatedAt"`
}
