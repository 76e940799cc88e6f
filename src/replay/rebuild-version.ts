import { migrationLock } from '../database/migrate.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Rebuild } from './rebuild.ts'
import { saveRebuild } from './rebuild-store.ts'

export interface VersionMeans {
  readonly bureau: string
  readonly live: string
  readonly clock: () => Date
}

/**
 * Keeps the live view's tables as they are until the transaction ends: migrations wait for it.
 *
 * @returns false while one of them runs
 */
export async function holdMigrations(tx: Transaction): Promise<boolean> {
  const [row] = await tx<{ held: boolean }[]>`select pg_try_advisory_xact_lock(${migrationLock}) as held`
  return row?.held === true
}

/**
 * Ends a rebuild whose tables are older than the live view's. This process made them, so it is older than the one that migrated the
 * live view, and the newer ones could not read what it would put there.
 *
 * @param tx its search_path is the rebuild's schema; the rebuild's row is locked
 * @returns whether it was ended
 */
export async function refuseOlder(tx: Transaction, { bureau, live, clock }: VersionMeans, rebuild: Rebuild): Promise<boolean> {
  // a migration is known by when it was made, as Drizzle knows it
  const [row] = await tx<{ migrations: number }[]>`
    select count(*)::int as migrations from ${tx(live)}.__drizzle_migrations
    where created_at > (select coalesce(max(created_at), 0) from __drizzle_migrations)`
  const migrations = row?.migrations ?? 0
  if (migrations === 0) return false
  const note = `the live view has ${migrations} ${migrations === 1 ? 'migration' : 'migrations'} that the process which consumes for ${bureau} does not know: run it in the newer version, then ask for the rebuild again`
  await saveRebuild(tx, { ...rebuild, state: 'cancelled', note }, clock())
  return true
}
