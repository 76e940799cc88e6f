import type { PendingQuery, Row } from 'postgres'
import type { RawSql } from '../database/connect.ts'
import type { AlarmDetails, AlarmKind, Finding } from './alarm.ts'

/** Nobody is told of an alarm of this age any more: its row goes. */
const keptDays = 30

/** A change of an alarm's state that the webhook has not been told. */
export interface Untold {
  readonly id: number
  readonly kind: AlarmKind
  readonly about: string
  readonly state: 'raised' | 'cleared'
  readonly details: AlarmDetails
  readonly raisedAt: Date
  readonly clearedAt: Date | null
  readonly tries: number
}

/**
 * The alarms of the whole exchange, in the database: whichever process finds something wrong, it is one alarm, and it stays
 * one over restarts.
 */
export class Alarms {
  readonly #sql: RawSql

  constructor(sql: RawSql) {
    this.#sql = sql
  }

  /** Raises an alarm, or notes that it still holds. Any process may. @returns whether it is new */
  async raise(kind: AlarmKind, { about, details }: Finding): Promise<boolean> {
    const [row] = await this.#sql<{ isNew: boolean }[]>`
      insert into operations.alarms (kind, about, state, details, raised_at, seen_at, told, tries, next_try_at)
      values (${kind}, ${about}, 'raised', ${JSON.stringify(details)}::text::jsonb, now(), now(), 'nothing', 0, now())
      on conflict (kind, about) where state = 'raised' do update set seen_at = excluded.seen_at, details = excluded.details
      returning xmax = 0 as "isNew"`
    return row?.isNew === true
  }

  /**
   * Clears what is not so any more. Whoever was not told of an alarm need not hear of its end.
   *
   * @param except what it is still about
   * @param unread bureaus of which nobody knows: what begins with one of them stays
   * @returns what was cleared
   */
  async clearOthers(kind: AlarmKind, except: readonly string[], unread: readonly string[] = []): Promise<readonly string[]> {
    const texts = (list: readonly string[]) => this.#sql.array([...list], 1009)
    return this.#clear(kind, this.#sql`about <> all (${texts(except)}) and split_part(about, ' ', 1) <> all (${texts(unread)})`)
  }

  /** Clears alarms that processes raise as things happen, when nothing has happened for so long. */
  async clearQuiet(kind: AlarmKind, quietMs: number): Promise<readonly string[]> {
    return this.#clear(kind, this.#sql`seen_at <= now() - ${quietMs} * interval '1 ms'`)
  }

  /** In one statement: what is raised meanwhile by another process is not among what it finds. */
  async #clear(kind: AlarmKind, which: PendingQuery<Row[]>): Promise<readonly string[]> {
    const rows = await this.#sql<{ about: string }[]>`
      update operations.alarms set state = 'cleared', cleared_at = now(), tries = 0, next_try_at = now(),
        told = case when told = 'nothing' then 'cleared' else told end
      where kind = ${kind} and state = 'raised' and ${which}
      returning about`
    return rows.map(({ about }) => about)
  }

  async raisedCounts(): Promise<readonly { readonly kind: AlarmKind; readonly count: number }[]> {
    return await this.#sql<{ kind: AlarmKind; count: number }[]>`
      select kind, count(*)::int as count from operations.alarms where state = 'raised' group by kind`
  }

  /** What is due to be told, oldest first. */
  async untold(limit: number): Promise<readonly Untold[]> {
    return await this.#sql<Untold[]>`
      select id, kind, about, state, details, raised_at as "raisedAt", cleared_at as "clearedAt", tries
      from operations.alarms where told <> state and next_try_at <= now() order by id limit ${limit}`
  }

  /** @param state that was told; the alarm may have another by now, which is told next */
  async told(id: number, state: Untold['state']): Promise<void> {
    await this.#sql`update operations.alarms set told = ${state}, tries = 0, next_try_at = now() where id = ${id}`
  }

  async failed(id: number, pauseMs: number): Promise<void> {
    await this.#sql`
      update operations.alarms set tries = tries + 1, next_try_at = now() + ${pauseMs} * interval '1 ms' where id = ${id}`
  }

  /** Gives up the oldest of more than `most` that wait to be told. @returns how many */
  async dropOldest(most: number): Promise<number> {
    const dropped = await this.#sql`
      update operations.alarms set told = state
      where id in (select id from operations.alarms where told <> state order by id desc offset ${most})`
    return dropped.count
  }

  /** Everything is as good as told: there is no webhook. */
  async tellNobody(): Promise<void> {
    await this.#sql`update operations.alarms set told = state where told <> state`
  }

  async forgetOld(): Promise<void> {
    await this.#sql`
      delete from operations.alarms where state = 'cleared' and told = state and cleared_at < now() - ${keptDays} * interval '1 day'`
  }
}
