import { setTimeout as pause } from 'node:timers/promises'
import type { RawSql } from '../database/connect.ts'
import { Announcer } from './announcer.ts'
import { answerTo, appendedAnswer, type Signed } from './answer.ts'
import {
  type Appendable,
  type Appended,
  changesRules,
  type EventToAppend,
  type OperationToAppend,
  type RulesToAppend,
} from './appendable.ts'
import { checkedUnder, decide } from './decide.ts'
import { receivedText } from './entry.ts'
import type { LogKey } from './log-key.ts'
import { earlierRefusals, type Head, lock, lookUp } from './look-up.ts'
import { extend } from './right-edge.ts'
import { planRows, type Row, rowOf, statesOf } from './rows.ts'
import type { RulesInForce, RulesKeeper } from './rules-in-force.ts'
import type { SeenTree } from './seen-tree.ts'
import { readLeavesFrom } from './tile-store.ts'
import { type Connection, LastingConnection, mostTransactionMs, onOwnConnection } from './transaction.ts'
import { writeAndCommit } from './write-batch.ts'

/** The channel that tells gateways of new keys and catalogues. */
export const rulesChannel = 'lianban_rules'

type Item = EventToAppend | OperationToAppend

/** Reading new rules takes milliseconds; behind it all other commits wait. */
const mostRefreshMs = 5000

/**
 * Appends batches: one transaction each, ordered among all gateways by the lock on the head's row.
 *
 * A batch takes two round trips, `begin` with the lock and every look-up, then every insert with the head and `commit`;
 * a third only when something in it is refused, or for the first batch after another gateway's.
 */
export class LogCommit {
  readonly #sql: RawSql
  readonly #connection: LastingConnection
  readonly #keeper: RulesKeeper
  readonly #key: LogKey
  readonly #onCommitted: (size: number, checkpoint: string) => void
  readonly #announcer: Announcer
  readonly #seen: SeenTree

  /**
   * @param seen what this gateway has signed before
   * @param onCommitted hears of every checkpoint once it is durable
   */
  constructor(
    sql: RawSql,
    keeper: RulesKeeper,
    key: LogKey,
    seen: SeenTree,
    onCommitted: (size: number, checkpoint: string) => void,
  ) {
    this.#sql = sql
    this.#connection = new LastingConnection(sql)
    this.#keeper = keeper
    this.#key = key
    this.#seen = seen
    this.#onCommitted = onCommitted
    this.#announcer = new Announcer(sql)
  }

  /**
   * @param batch at most 512; a change of the rules stands alone in it
   * @returns an answer for each item, all of them durable
   * @throws {LogInconsistent} when the database has lost what was signed: nothing more may be appended; what the database threw when
   *   it failed: then nobody knows whether the batch is durable, and sending it again is safe
   */
  async commit(batch: readonly Appendable[]): Promise<readonly Appended[]> {
    try {
      const [change] = batch.filter(changesRules)
      if (change === undefined) return await this.#commitItems(batch.filter((item) => !changesRules(item)))
      if (batch.length > 1) throw new Error('a change of the rules is committed alone')
      return await this.#commitRules(change)
    } catch (error) {
      if (!isDataError(error)) throw error
      if (batch.length === 1)
        return [{ outcome: 'refused', refusal: { code: 'invalid-event', detail: notStorable }, index: undefined }]
      const half = Math.ceil(batch.length / 2)
      return [...(await this.commit(batch.slice(0, half))), ...(await this.commit(batch.slice(half)))]
    }
  }

  /** Gives back its connection; nothing may be committed meanwhile. */
  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#announcer.close()])
  }

  async #commitItems(batch: readonly Item[]): Promise<readonly Appended[]> {
    const answers = await this.#connection.run((connection) =>
      this.#append(connection, batch, (head) =>
        this.#keeper.inForce.index === head.rulesIndex ? this.#keeper.inForce : undefined,
      ),
    )
    if (answers !== undefined) return answers
    // read while the lock is held, since another gateway that registers key after key would win every race
    const slower = await this.#slowly((connection, stillHeld) =>
      this.#append(connection, batch, async (head) => {
        const rules = await this.#rulesAt(head)
        stillHeld()
        return rules
      }),
    )
    if (slower === undefined) throw new Error('the log has rules that its entries do not say')
    return slower
  }

  /** @returns undefined when the rules that hold are not at hand; nothing was appended then */
  async #append(
    sql: Connection,
    batch: readonly Item[],
    rulesAt: (head: Head) => Promise<RulesInForce> | RulesInForce | undefined,
  ): Promise<readonly Appended[] | undefined> {
    const since = this.#seen.sharedFrom
    const [[head], lookedUp, leaves] = await Promise.all([
      lock(sql),
      lookUp(sql, batch),
      since === undefined ? undefined : readLeavesFrom(sql, since),
    ])
    if (head === undefined) throw new Error('the log has no head: it was never begun')
    this.#seen.expectIn(head)
    const rules = await rulesAt(head)
    if (rules === undefined) {
      await sql`rollback`
      return undefined
    }
    const current = batch.map((item) => checkedUnder(rules, item, head.received))
    // what another check makes of an event may ask for other states
    const known = current.every((item, i) => item === batch[i]) ? lookedUp : await lookUp(sql, current)
    const decisions = decide(current, known, head.received)
    const plan = planRows(decisions, head.size, head.received, await earlierRefusals(sql, decisions))
    if (plan.rows.length === 0) {
      await sql`commit`
      return decisions.map((decision) => answerTo(decision, plan, head, undefined))
    }
    const signed = await this.#extend(sql, head, plan.rows, leaves)
    const states = statesOf(decisions, plan.indexes)
    await writeAndCommit(sql, { rows: plan.rows, states, ...signed, head, rulesIndex: head.rulesIndex })
    this.#committed(signed)
    return decisions.map((decision) => answerTo(decision, plan, head, signed))
  }

  async #commitRules(item: RulesToAppend): Promise<readonly Appended[]> {
    const answer = await this.#slowly((connection, stillHeld) => this.#appendRules(connection, item, stillHeld))
    // it is durable, whatever becomes of this: who needs the rules next asks for them again
    if (answer.outcome === 'appended') await Promise.race([this.#refreshed(), pause(mostRefreshMs, undefined, { ref: false })])
    return [answer]
  }

  #refreshed(): Promise<unknown> {
    return this.#keeper.refresh(this.#sql).catch(() => undefined)
  }

  #slowly<T>(work: (connection: Connection, stillHeld: () => void) => Promise<T>): Promise<T> {
    return onOwnConnection(this.#sql, work, mostTransactionMs)
  }

  async #appendRules(sql: Connection, item: RulesToAppend, stillHeld: () => void): Promise<Appended> {
    const [head] = await lock(sql)
    if (head === undefined) throw new Error('the log has no head: it was never begun')
    this.#seen.expectIn(head)
    const refusal = await item.refuse(await this.#rulesAt(head))
    stillHeld()
    if (refusal !== undefined) return { outcome: 'refused', refusal, index: undefined }
    const row = rowOf(head.size, item.kind, item.text(receivedText(head.received)), { party: item.party })
    const signed = await this.#extend(sql, head, [row])
    for (const [digest, content] of item.blobs ?? [])
      await sql`insert into log.blobs values (${digest}, ${content}) on conflict do nothing`
    await sql`select pg_notify(${rulesChannel}, ${String(head.size)})`
    await writeAndCommit(sql, { rows: [row], states: new Map(), ...signed, head, rulesIndex: head.size })
    this.#committed(signed)
    return appendedAnswer(row, head, signed, [])
  }

  /** The rules that hold while the lock is held; another connection reads the same as the one that holds it. */
  async #rulesAt({ rulesIndex }: Head): Promise<RulesInForce> {
    const { inForce } = this.#keeper
    return inForce.index === rulesIndex ? inForce : this.#keeper.refresh(this.#sql)
  }

  #committed({ tree, checkpoint }: Signed): void {
    this.#seen.saw(tree.edge, tree.root)
    this.#onCommitted(tree.edge.size, checkpoint)
    this.#announcer.announce()
  }

  /** @param since leaves behind our edge, when they were asked for already */
  async #extend(sql: Connection, head: Head, rows: readonly Row[], since?: readonly Buffer[]): Promise<Signed> {
    const edge = await this.#seen.edgeAt(sql, head, since)
    const tree = extend(
      edge,
      rows.map(({ leaf }) => leaf),
    )
    return { tree, checkpoint: this.#key.signCheckpoint(tree.edge.size, tree.root) }
  }
}

/**
 * Does Postgres refuse the data themselves: class 22 (data exception), 23 (constraint), 54 (limits)? A double index or tile is
 * no fault of theirs: the head lags behind its rows then, and nothing may be appended.
 */
function isDataError(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  const constraint = 'constraint_name' in error ? String(error.constraint_name) : ''
  return /^(22|23|54)/.test(error.code) && !/^(entries_pkey|tiles_)/.test(constraint)
}

const notStorable = {
  en: 'the database cannot hold this event; it was not stored, and its neighbours were. Please report it with its id',
  zh: '数据库无法保存此事件；该事件未保存，其他事件不受影响。请连同 id 一并报告',
}
