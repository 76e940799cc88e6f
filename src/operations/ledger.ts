import type { RawSql } from '../database/connect.ts'
import { isLostConnection } from '../database/database-error.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { payloadOfLogged } from '../identity/compact.ts'
import type { Logger } from '../logger.ts'
import type { Act, ActRecord, PreparedAct } from './act.ts'

/** Entries carried out between two looks for more. */
const pageEntries = 100

export interface LedgerOptions {
  readonly sql: RawSql
  readonly acts: readonly Act[]
  /** actions for which the catalogue in force wants a second person */
  readonly twoPersons: () => readonly string[]
  readonly logger: Logger
}

/**
 * Carries out what operators asked for, from the log's `operation` entries: each in one transaction with the place it has come
 * to. A crash between a request's record and its effect loses nothing, and nothing is done twice.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #acts: ReadonlyMap<string, Act>
  #running: Promise<void> = Promise.resolve()

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#acts = new Map(options.acts.map((act) => [act.action, act]))
  }

  act(action: string): Act | undefined {
    return this.#acts.get(action)
  }

  /**
   * Returns when everything that was on record when it was called is carried out.
   *
   * @throws what an operation failed of: it is tried again the next time, and no later one is carried out before it
   */
  carryOut(): Promise<void> {
    this.#running = this.#running
      // whoever asked for that run was told
      .catch(() => undefined)
      .then(async () => {
        while ((await inTransaction(this.#options.sql, (tx) => this.#next(tx))) === 'more');
      })
    return this.#running
  }

  async #next(tx: Transaction): Promise<'more' | 'done'> {
    await tx`insert into operations.ledger (id, carried_to) values (1, -1) on conflict do nothing`
    const [place] = await tx<{ carriedTo: number }[]>`
      select carried_to as "carriedTo" from operations.ledger where id = 1 for update`
    const rows = await tx<{ index: number; received: Date; entry: string }[]>`
      select index, received, entry from log.entries
      where kind = 'operation' and index > ${place?.carriedTo ?? -1}::bigint order by index limit ${pageEntries}`
    // readings pass by; an act has a transaction to itself
    const first = rows.findIndex(({ entry }) => this.#acts.has(String(JSON.parse(entry).action)))
    const done = first === -1 ? rows.at(-1) : rows[first]
    if (done === undefined) return 'done'
    if (first !== -1) await this.#carryOutOne(tx, done)
    await tx`update operations.ledger set carried_to = ${done.index}::bigint`
    return 'more'
  }

  async #carryOutOne(tx: Transaction, { index, received, entry }: { index: number; received: Date; entry: string }) {
    const { action, party, kid, request }: Record<'action' | 'party' | 'kid' | 'request', string> = JSON.parse(entry)
    const { logger, twoPersons } = this.#options
    try {
      const payload = payloadOfLogged(request)
      const record = { index, received, party, kid, reason: String(payload.reason) }
      const prepared = this.#acts.get(action)?.prepare(payload)
      const waits = prepared !== undefined && twoPersons().includes(action) && (await isWeighty(tx, prepared, record))
      if (waits) await propose(tx, action, payload, record)
      else await prepared?.carryOut(tx, record)
      logger.info(
        { index, action, party, kid },
        waits ? 'an operation waits for a second person' : 'an operation was carried out',
      )
    } catch (error) {
      if (!(error instanceof RefusedRequest)) {
        // a lost connection says nothing of this one; whatever else it fails of, it may fail of every time
        if (!isLostConnection(error))
          logger.error(
            { index, action, error },
            'an operation on record failed: it is tried again, and every later one waits for it',
          )
        throw error
      }
      // an older or newer program took it: the record stays, and so does the reason why nothing came of it
      logger.error({ index, action, why: error.refusal.detail.en }, 'an operation on record can not be carried out')
    }
  }
}

async function isWeighty(tx: Transaction, { weighty }: PreparedAct, record: ActRecord): Promise<boolean> {
  return typeof weighty === 'boolean' ? weighty : weighty(tx, record)
}

async function propose(tx: Transaction, action: string, payload: JsonObject, record: ActRecord): Promise<void> {
  const { index, received, party, kid, reason } = record
  await tx`
    insert into operations.proposals (id, action, party, kid, reason, details, state, created_at)
    values (${index}, ${action}, ${party}, ${kid}, ${reason}, ${JSON.stringify(payload)}::text::jsonb, 'waiting', ${received})`
}
