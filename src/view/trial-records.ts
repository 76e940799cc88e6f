import { type Transaction, tryPart } from '../database/transaction.ts'
import type { ViewRecord } from '../domain/record.ts'
import { refusedRow } from './apply-events.ts'
import { rowsOf, upsertRecords } from './upsert-records.ts'

/** A table of the session with the rules of `records`: what is stored there, the view never sees. */
const trialTable = 'trial_records'

/**
 * Lets the database have its say on records, without a lock and without touching the view.
 *
 * @param tx its search_path is the view's schema
 * @returns what it says, when it refuses one of them
 */
export async function tryRecords(tx: Transaction, records: readonly ViewRecord[], now: Date): Promise<string | undefined> {
  // no row is worth being compressed, since none outlives the transaction
  await tx`
    create temporary table if not exists ${tx(trialTable)} (like records including all)
    with (toast_tuple_target = 8160) on commit drop`
  const refused = await tryPart(
    tx,
    () => upsertRecords(tx, rowsOf(records), now, trialTable),
    (error) => refusedRow(error) !== undefined,
  )
  return refused && (refusedRow(refused.error) ?? 'the database refuses the record')
}
