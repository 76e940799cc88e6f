import { orOneByOne } from '../completeness/fold-anew.ts'
import type { RawSql } from '../database/connect.ts'
import { isLockTimeout } from '../database/lent-connection.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import type { applyEvents } from '../view/apply-events.ts'
import type { Rebuild } from './rebuild.ts'
import { type FollowMeans, followIn } from './rebuild-follow.ts'
import { lockRebuild, saveRebuild } from './rebuild-store.ts'
import { holdMigrations, refuseOlder } from './rebuild-version.ts'

export interface SwapMeans extends FollowMeans {
  readonly bureau: string
  /** the schema that becomes the view */
  readonly schema: string
  /** what the live view's schema is called from then on; there is none of that name */
  readonly replaced: string
}

type Swapped = 'swapped' | 'refused' | 'later'

/** Events beyond the rebuilt view that are taken in while the consumers are held off; more are taken in before. */
const mostHeldOff = 500
/** The consumers wait behind the swap's own waiting: longer than this they are let go first. */
const lockTimeoutMs = 2_000

/**
 * Puts the rebuilt view in the place of the live one, in one transaction. The lock keeps every writer of the live view off; whoever
 * waits for it finds the rebuilt one by the same name, since Postgres looks names up anew after a wait, and forgets every prepared
 * statement when a schema is renamed.
 *
 * @returns `later` when it can't be yet: the rebuild's note says why where that is somebody's doing; `refused` when it never can be
 */
export async function trySwap(sql: RawSql, means: SwapMeans, { id }: Rebuild): Promise<Swapped> {
  try {
    return await orOneByOne((apply) => inTransaction(sql, (tx) => swapIn(tx, means, id, apply)))
  } catch (error) {
    if (isLockTimeout(error)) return 'later'
    throw error
  }
}

async function swapIn(tx: Transaction, means: SwapMeans, id: number, apply: typeof applyEvents): Promise<Swapped> {
  const { bureau, live, schema, replaced, clock } = means
  const rebuild = await lockRebuild(tx, id)
  if (rebuild?.state !== 'swapping') return 'later'
  const [replay] = await tx<{ id: number }[]>`
    select id from operations.replays where bureau = ${bureau} and state = 'running' order by id limit 1`
  if (replay !== undefined) {
    await saveRebuild(tx, { ...rebuild, note: `waits for replay ${replay.id}: pause it, or let it end` }, clock())
    return 'later'
  }
  // one that came into force since takes the rebuild back to its beginning
  if ((await catalogueInForce(tx)) !== rebuild.progress?.catalogue) return 'later'
  if (!(await holdMigrations(tx))) return 'later'
  if (await refuseOlder(tx, means, rebuild)) return 'refused'
  await tx`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`
  // every writer of a view locks its positions first: it is done, or has not begun
  await tx`lock table ${tx(live)}.positions in exclusive mode`
  if ((await eventsBeyond(tx)) > mostHeldOff || (await followIn(tx, means, apply)) !== 'done') return 'later'
  await carryOver(tx, live)
  await tx`alter schema ${tx(live)} rename to ${tx(replaced)}`
  await tx`alter schema ${tx(schema)} rename to ${tx(live)}`
  await saveRebuild(tx, { ...rebuild, state: 'swapped', note: null }, clock())
  return 'swapped'
}

/** Asks for both kinds first, as the index of both wants it. */
async function catalogueInForce(tx: Transaction): Promise<number | undefined> {
  const [row] = await tx<{ index: number }[]>`
    select index from log.entries where kind in ('key', 'catalogue') and kind = 'catalogue' order by index desc limit 1`
  return row?.index
}

async function eventsBeyond(tx: Transaction): Promise<number> {
  const [row] = await tx<{ events: number }[]>`
    select count(*)::int as events from (
      select 1 from log.entries where kind = 'event' and index > (select min(index) from positions) limit ${mostHeldOff + 1}) as beyond`
  return row?.events ?? 0
}

/** What the log does not say: where the broker is, since when an event waits and how often it was tried, the checks for holes. */
async function carryOver(tx: Transaction, live: string): Promise<void> {
  await tx`
    insert into positions (topic, partition, index, broker_topic, broker_offset, heard_size, heard_at)
    select topic, partition, index, broker_topic, broker_offset, heard_size, heard_at from ${tx(live)}.positions
    on conflict (topic, partition) do update set index = greatest(positions.index, excluded.index),
      broker_topic = excluded.broker_topic, broker_offset = excluded.broker_offset,
      heard_size = excluded.heard_size, heard_at = excluded.heard_at`
  await tx`
    update parked set parked_at = l.parked_at, tries = l.tries, replay = l.replay
    from ${tx(live)}.parked l where l.index = parked.index and l.cause = parked.cause`
  await tx`
    insert into completeness
      (id, checked_to, started_at, completed_at, completed_size, completed_behind, healed_in_round, healed, healed_at, asked, answered)
    select id, -1, started_at, completed_at, completed_size, completed_behind, 0, healed, healed_at, asked, answered
    from ${tx(live)}.completeness
    on conflict do nothing`
}
