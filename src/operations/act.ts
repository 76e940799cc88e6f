import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'

/** One request of an operator as the log records it. */
export interface ActRecord {
  /** of its `operation` entry */
  readonly index: number
  readonly received: Date
  readonly party: string
  /** the key that signed it: a person's */
  readonly kid: string
  readonly reason: string
}

/** Something that operators do. */
export interface Act {
  /** as the signed request names it */
  readonly action: string
  /** @throws {RefusedRequest} `invalid-request` when the request lacks what the act needs */
  prepare(payload: JsonObject): PreparedAct
}

/** One request of it. */
export interface PreparedAct {
  /**
   * Is it weighty enough for the two-person rule, where the catalogue has that for its action? What depends on what was done
   * before is asked in the ledger's transaction, so in the order of the log.
   */
  readonly weighty: boolean | ((tx: RawSql, record: ActRecord) => Promise<boolean>)
  /** Asked before it is recorded: why it can't be done, or that it is done already. */
  before(
    by: Pick<ActRecord, 'party' | 'kid'>,
  ): Promise<{ readonly refusal: Refusal } | { readonly already: JsonObject } | undefined>
  /**
   * Carries it out, in the transaction that moves the ledger on. It may find nothing left to do: what `before` saw may have
   * changed since.
   */
  carryOut(tx: Transaction, record: ActRecord): Promise<void>
  /** what the requester is told beside index and receipt, once it is carried out */
  answer?(index: number): Promise<JsonObject>
}
