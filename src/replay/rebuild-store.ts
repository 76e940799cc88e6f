import { isDeepStrictEqual } from 'node:util'
import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Rebuild, RebuildProgress, RebuildState } from './rebuild.ts'

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

/**
 * The same, when nobody else has moved it on: a process whose lease was lost may not know that another one goes on with its rebuild.
 *
 * @param seen as this process read or wrote it last
 * @returns undefined when it is through, was cancelled, or stands elsewhere
 */
export async function lockAsSeen(tx: Transaction, id: number, seen: RebuildProgress | null): Promise<Rebuild | undefined> {
  const rebuild = await lockRebuild(tx, id)
  if (rebuild === undefined || !isOpen(rebuild.state)) return undefined
  return isDeepStrictEqual(rebuild.progress, seen) ? rebuild : undefined
}

const openStates: readonly RebuildState[] = ['building', 'ready', 'swapping']
const isOpen = (state: RebuildState): boolean => openStates.includes(state)

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
    where bureau = ${bureau} and state = any(${openStates}::text[]) order by id limit 1`
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
