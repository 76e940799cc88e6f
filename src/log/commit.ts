import type { ReservedSql } from 'postgres'
import type { RawSql } from '../database/connect.ts'
import type { SubjectState } from '../domain/order.ts'
import { problemOf } from '../domain/problems.ts'
import type { Appendable, Appended, RulesToAppend } from './appendable.ts'
import { checkedUnder, type Decision, decide, type Known, kindAndSubject, type Predecessor, senderAndId } from './decide.ts'
import { eventEntryText, maxEntryBytes, receivedText, refusalEntryText } from './entry.ts'
import type { LogKey } from './log-key.ts'
import { leafHash } from './merkle.ts'
import { receiptText } from './receipt.ts'
import { type Extended, extend, frontierBytes, type RightEdge } from './right-edge.ts'
import type { RulesInForce, RulesKeeper } from './rules-in-force.ts'
import { readEdge } from './tile-store.ts'

/** The channel that wakes publishers and consumers after a commit. */
export const logChannel = 'lianban_log'
/** The channel that tells gateways of new keys and catalogues. */
export const rulesChannel = 'lianban_rules'

/** The same refusal of the same request is one entry for this long. */
const refusalMemory = '24 hours'

type Connection = ReservedSql<{ bigint: number }>

interface Head {
  readonly size: number
  readonly rulesIndex: number
  /** of this commit: never before that of the entry before it */
  readonly received: Date
}

/**
 * Appends batches: one transaction each, ordered among all gateways by the lock on the head's row.
 *
 * A batch takes two round trips, `begin` with the lock and every look-up, then every insert with the head and `commit`;
 * a third only when something in it is refused or another gateway has appended meanwhile.
 */
export class LogCommit {
  readonly #sql: RawSql
  readonly #keeper: RulesKeeper
  readonly #key: LogKey
  readonly #onCommitted: (size: number, checkpoint: string) => void
  /** the tree's right side after our own last commit; read again when somebody else has appended */
  #edge: RightEdge | undefined

  /** @param onCommitted hears of every checkpoint once it is durable */
  constructor(sql: RawSql, keeper: RulesKeeper, key: LogKey, onCommitted: (size: number, checkpoint: string) => void) {
    this.#sql = sql
    this.#keeper = keeper
    this.#key = key
    this.#onCommitted = onCommitted
  }

  /**
   * @param batch at most 512; a change of the rules stands alone in it
   * @returns an answer for each item, all of them durable
   * @throws what the database threw when it failed: then nobody knows whether the batch is durable, and sending it again is safe
   */
  async commit(batch: readonly Appendable[]): Promise<readonly Appended[]> {
    try {
      return await this.#transaction(batch)
    } catch (error) {
      if (!isDataError(error)) throw error
      if (batch.length === 1)
        return [{ outcome: 'refused', refusal: { code: 'invalid-event', detail: notStorable }, index: undefined }]
      const half = Math.ceil(batch.length / 2)
      return [...(await this.commit(batch.slice(0, half))), ...(await this.commit(batch.slice(half)))]
    }
  }

  async #transaction(batch: readonly Appendable[]): Promise<readonly Appended[]> {
    const connection = await this.#sql.reserve()
    try {
      const answers = await this.#append(connection, batch)
      if (batch.some(({ kind }) => kind === 'key' || kind === 'catalogue')) await this.#keeper.refresh(connection)
      return answers
    } catch (error) {
      this.#edge = undefined
      // the connection may be the thing that failed: then the server rolls back by itself
      await connection`rollback`.catch(() => undefined)
      throw error
    } finally {
      connection.release()
    }
  }

  async #append(sql: Connection, batch: readonly Appendable[]): Promise<readonly Appended[]> {
    const [[head], lookedUp] = await Promise.all([lock(sql), lookUp(sql, batch)])
    if (head === undefined) throw new Error('the log has no head: it was never begun')
    const rules = head.rulesIndex === this.#keeper.inForce.index ? this.#keeper.inForce : await this.#keeper.refresh(sql)
    const [only] = batch
    if (only !== undefined && (only.kind === 'key' || only.kind === 'catalogue')) return this.#appendRules(sql, only, head, rules)
    const current = batch.map((item) => checkedUnder(rules, item, head.received))
    // what another check makes of an event may ask for other states
    const known = current.every((item, i) => item === batch[i]) ? lookedUp : await lookUp(sql, current)
    const decisions = decide(current, known, head.received)
    const plan = await planRows(sql, decisions, head)
    if (plan.rows.length > 0) {
      const { tree, checkpoint } = await this.#extend(sql, head, plan.rows)
      await writeAndCommit(sql, {
        rows: plan.rows,
        states: statesOf(decisions, plan.indexes),
        tree,
        checkpoint,
        head,
        rulesIndex: head.rulesIndex,
      })
      this.#committed(tree, checkpoint)
      return decisions.map((decision) => answerTo(decision, plan, head, { tree, checkpoint }))
    }
    await sql`commit`
    return decisions.map((decision) => answerTo(decision, plan, head, undefined))
  }

  async #appendRules(sql: Connection, item: RulesToAppend, head: Head, rules: RulesInForce): Promise<readonly Appended[]> {
    const refusal = await item.refuse(rules)
    if (refusal !== undefined) {
      await sql`rollback`
      return [{ outcome: 'refused', refusal, index: undefined }]
    }
    const row = rowOf(head.size, item.kind, item.text(receivedText(head.received)), { party: item.party })
    const { tree, checkpoint } = await this.#extend(sql, head, [row])
    for (const [digest, content] of item.blobs ?? [])
      await sql`insert into log.blobs values (${digest}, ${content}) on conflict do nothing`
    await sql`select pg_notify(${rulesChannel}, ${String(head.size)})`
    await writeAndCommit(sql, { rows: [row], states: new Map(), tree, checkpoint, head, rulesIndex: head.size })
    this.#committed(tree, checkpoint)
    return [appendedAnswer(row, head, { tree, checkpoint }, [])]
  }

  #committed({ edge }: Extended, checkpoint: string): void {
    this.#edge = edge
    this.#onCommitted(edge.size, checkpoint)
  }

  async #extend(sql: Connection, head: Head, rows: readonly Row[]): Promise<{ tree: Extended; checkpoint: string }> {
    const edge = this.#edge?.size === head.size ? this.#edge : await readEdge(sql, head.size)
    const tree = extend(
      edge,
      rows.map(({ leaf }) => leaf),
    )
    return { tree, checkpoint: this.#key.signCheckpoint(tree.edge.size, tree.root) }
  }
}

/** One row of log.entries that is about to be written. */
interface Row {
  readonly index: number
  readonly kind: string
  readonly entry: string
  readonly leaf: Buffer
  readonly party?: string | undefined
  readonly eventId?: string | undefined
  readonly type?: string | undefined
  readonly subjectKind?: string | undefined
  readonly subject?: string | undefined
  readonly digest?: Buffer | undefined
  readonly problem?: string | undefined
}

function rowOf(index: number, kind: string, entry: string, columns: Partial<Row>): Row {
  if (Buffer.byteLength(entry) > maxEntryBytes) throw new Error(`an entry of kind ${kind} is longer than ${maxEntryBytes} bytes`)
  return { ...columns, index, kind, entry, leaf: leafHash(entry) }
}

/** Columns travel as one text each, a line per row: no column may hold a line break, and an empty line is null. */
const lines = (values: readonly (string | undefined)[]): string => values.map((value) => value ?? '').join('\n')
const hexLines = (values: readonly (Buffer | undefined)[]): string => lines(values.map((value) => value?.toString('hex')))

/** Ids that an accepted event can have; others can't be in the log and are not looked up. */
const canBeAnId = (id: unknown): id is string => typeof id === 'string' && id.length > 0 && id.length <= 128 && !/[\n\0]/.test(id)

/** Begins the transaction and waits for the head. What is sent behind it sees all that the lock waited for. */
async function lock(sql: Connection): Promise<readonly Head[]> {
  const [, , heads] = await Promise.all([
    sql`begin`,
    sql`set local synchronous_commit = on`,
    sql<Head[]>`
      select size, rules_index as "rulesIndex", greatest(date_trunc('milliseconds', clock_timestamp()), last_received) as received
      from log.head where id = 1 for update`,
  ])
  return heads
}

async function lookUp(sql: Connection, batch: readonly Appendable[]): Promise<Known> {
  const events = batch.flatMap((item) => (item.kind === 'event' && canBeAnId(item.verified.payload.id) ? [item.verified] : []))
  const subjects = new Map(
    batch.flatMap((item) => {
      if (item.kind !== 'event' || item.check.state !== 'valid') return []
      const { event, type } = item.check
      return [[kindAndSubject(type.kind.id, event.subject), { kind: type.kind.id, subject: event.subject }] as const]
    }),
  )
  const operations = batch.flatMap((item) => (item.kind === 'operation' ? [item.digest] : []))
  const wanted = [...subjects.values()]
  const [predecessors, states, readings] = await Promise.all([
    sql<(Predecessor & { party: string; id: string })[]>`
      select e.index, e.received, e.digest, e.party, e.event_id as id
      from rows from (string_to_table(${lines(events.map(({ party }) => party))}, E'\n'),
                      string_to_table(${lines(events.map(({ payload }) => String(payload.id)))}, E'\n')) as w(party, id)
      join log.entries e on e.kind = 'event' and e.party = w.party and e.event_id = w.id`,
    sql<{ kind: string; subject: string; state: SubjectState }[]>`
      select s.kind, s.subject, s.state
      from rows from (string_to_table(${lines(wanted.map(({ kind }) => kind))}, E'\n'),
                      string_to_table(${lines(wanted.map(({ subject }) => subject))}, E'\n')) as w(kind, subject)
      join log.subjects s on s.kind = w.kind and s.subject = w.subject`,
    operations.length === 0
      ? []
      : sql<Predecessor[]>`
          select index, received, digest from log.entries
          where kind = 'operation' and digest in (select decode(d, 'hex') from string_to_table(${hexLines(operations)}, E'\n') d)`,
  ])
  return {
    events: new Map(predecessors.map((row) => [senderAndId(row.party, row.id), row])),
    states: new Map(states.map(({ kind, subject, state }) => [kindAndSubject(kind, subject), state])),
    operations: new Map(readings.map((row) => [row.digest.toString('hex'), row])),
  }
}

/** Where each decision ends in the log. */
interface Plan {
  readonly rows: readonly Row[]
  readonly indexes: ReadonlyMap<Decision, number>
  readonly rowsByIndex: ReadonlyMap<number, Row>
}

async function planRows(sql: Connection, decisions: readonly Decision[], head: Head): Promise<Plan> {
  const received = receivedText(head.received)
  const refusals = await earlierRefusals(sql, decisions)
  const rows: Row[] = []
  const indexes = new Map<Decision, number>()
  for (const decision of decisions) {
    const index = head.size + rows.length
    if (decision.do === 'refuse') {
      const key = refusalKey(decision)
      const before = refusals.get(key)
      indexes.set(decision, before ?? index)
      if (before !== undefined) continue
      refusals.set(key, index)
    } else if (decision.do === 'repeat' || decision.do === 'reject') continue
    else indexes.set(decision, index)
    rows.push(rowFor(decision, index, received))
  }
  return { rows, indexes, rowsByIndex: new Map(rows.map((row) => [row.index, row])) }
}

function rowFor(decision: Exclude<Decision, { do: 'repeat' | 'reject' }>, index: number, received: string): Row {
  if (decision.do === 'record') {
    const { item } = decision
    return rowOf(index, 'operation', item.text(received), { party: item.party, digest: item.digest })
  }
  if (decision.do === 'refuse') {
    const { verified, refusal } = decision
    const { id, type } = verified.payload
    const entry = refusalEntryText({
      received,
      party: verified.party,
      kid: verified.kid,
      id: typeof id === 'string' ? id : null,
      type: typeof type === 'string' ? type : null,
      status: problemOf(refusal.code).status,
      problem: refusal.code,
      digest: verified.digest.toString('hex'),
    })
    const columns = { eventId: canBeAnId(id) ? id : undefined, type: canBeAnId(type) ? type : undefined }
    return rowOf(index, 'refusal', entry, { party: verified.party, ...columns, digest: verified.digest, problem: refusal.code })
  }
  const { verified } = decision.item
  const { event, type } = decision.check
  const columns = { eventId: event.id, type: event.type, subjectKind: type.kind.id, subject: event.subject }
  return rowOf(index, 'event', eventEntryText(received, verified.compact), {
    party: verified.party,
    ...columns,
    digest: verified.payloadDigest,
  })
}

const refusalKey = ({ verified, refusal }: Decision & { do: 'refuse' }): string =>
  `${verified.digest.toString('hex')} ${refusal.code}`

/** Refusals of the same bytes for the same reason that are still remembered. */
async function earlierRefusals(sql: Connection, decisions: readonly Decision[]): Promise<Map<string, number>> {
  const digests = decisions.flatMap((decision) => (decision.do === 'refuse' ? [decision.verified.digest] : []))
  if (digests.length === 0) return new Map()
  const rows = await sql<{ digest: Buffer; problem: string; index: number }[]>`
    select digest, problem, index from log.entries
    where kind = 'refusal' and received > clock_timestamp() - ${refusalMemory}::interval
      and digest in (select decode(d, 'hex') from string_to_table(${hexLines(digests)}, E'\n') d)
    order by index desc`
  return new Map(rows.map(({ digest, problem, index }) => [`${digest.toString('hex')} ${problem}`, index]))
}

interface NewState {
  readonly kind: string
  readonly subject: string
  readonly state: SubjectState
  readonly lastIndex: number
}

function statesOf(decisions: readonly Decision[], indexes: ReadonlyMap<Decision, number>): ReadonlyMap<string, NewState> {
  const states = new Map<string, NewState>()
  for (const decision of decisions) {
    if (decision.do !== 'accept') continue
    const { event, type } = decision.check
    const lastIndex = indexes.get(decision) ?? -1
    states.set(kindAndSubject(type.kind.id, event.subject), {
      kind: type.kind.id,
      subject: event.subject,
      state: decision.state,
      lastIndex,
    })
  }
  return states
}

interface Write {
  readonly rows: readonly Row[]
  readonly states: ReadonlyMap<string, NewState>
  readonly tree: Extended
  readonly checkpoint: string
  readonly head: Head
  readonly rulesIndex: number
}

/** The second round trip: a constant number of parameters whatever the size of the batch. */
async function writeAndCommit(sql: Connection, { rows, states, tree, checkpoint, head, rulesIndex }: Write): Promise<void> {
  const column = (read: (row: Row) => string | undefined) => lines(rows.map(read))
  const newStates = [...states.values()]
  await Promise.all([
    sql`
      insert into log.entries (index, kind, received, entry, leaf, party, event_id, type, subject_kind, subject, digest, problem)
      select ${head.size}::bigint + ord - 1, kind, ${head.received}, entry, decode(leaf, 'hex'), party, event_id, type, subject_kind, subject,
        decode(digest, 'hex'), problem
      from rows from (
        string_to_table(${column(({ kind }) => kind)}, E'\n'),
        string_to_table(${column(({ entry }) => entry)}, E'\n'),
        string_to_table(${hexLines(rows.map(({ leaf }) => leaf))}, E'\n'),
        string_to_table(${column(({ party }) => party)}, E'\n', ''),
        string_to_table(${column(({ eventId }) => eventId)}, E'\n', ''),
        string_to_table(${column(({ type }) => type)}, E'\n', ''),
        string_to_table(${column(({ subjectKind }) => subjectKind)}, E'\n', ''),
        string_to_table(${column(({ subject }) => subject)}, E'\n', ''),
        string_to_table(${hexLines(rows.map(({ digest }) => digest))}, E'\n', ''),
        string_to_table(${column(({ problem }) => problem)}, E'\n', '')
      ) with ordinality as row(kind, entry, leaf, party, event_id, type, subject_kind, subject, digest, problem, ord)`,
    newStates.length > 0 &&
      sql`
        insert into log.subjects (kind, subject, state, last_index)
        select kind, subject, state::jsonb, last_index::bigint
        from rows from (
          string_to_table(${lines(newStates.map(({ kind }) => kind))}, E'\n'),
          string_to_table(${lines(newStates.map(({ subject }) => subject))}, E'\n'),
          string_to_table(${lines(newStates.map(({ state }) => JSON.stringify(state)))}, E'\n'),
          string_to_table(${lines(newStates.map(({ lastIndex }) => String(lastIndex)))}, E'\n')
        ) as row(kind, subject, state, last_index)
        on conflict (kind, subject) do update set state = excluded.state, last_index = excluded.last_index`,
    ...tree.fullTiles.map(
      ({ level, n, hashes, root }) =>
        sql`insert into log.tiles (level, n, hashes, root) values (${level}, ${n}, ${hashes}, ${root})`,
    ),
    sql`
      update log.head set size = ${tree.edge.size}, frontier = ${frontierBytes(tree.edge)}, root = ${tree.root}, checkpoint = ${checkpoint},
        last_received = ${head.received}, rules_index = ${rulesIndex} where id = 1`,
    sql`select pg_notify(${logChannel}, '')`,
    sql`commit`,
  ])
}

interface Signed {
  readonly tree: Extended
  readonly checkpoint: string
}

function answerTo(decision: Decision, plan: Plan, head: Head, signed: Signed | undefined): Appended {
  if (decision.do === 'reject') return { outcome: 'refused', refusal: decision.refusal, index: undefined }
  if (decision.do === 'refuse') return { outcome: 'refused', refusal: decision.refusal, index: plan.indexes.get(decision) }
  if (decision.do === 'repeat') {
    const warnings = decision.check?.state === 'valid' ? decision.check.warnings : []
    const { index, received } =
      'do' in decision.of ? { index: plan.indexes.get(decision.of) ?? -1, received: head.received } : decision.of
    return { outcome: 'repeated', index, received: receivedText(received), warnings }
  }
  const row = plan.rowsByIndex.get(plan.indexes.get(decision) ?? -1)
  if (row === undefined || signed === undefined) throw new Error('an accepted item has no row')
  return appendedAnswer(row, head, signed, decision.do === 'accept' ? decision.check.warnings : [])
}

function appendedAnswer(
  row: Row,
  head: Head,
  { tree, checkpoint }: Signed,
  warnings: (Appended & { outcome: 'appended' })['warnings'],
): Appended {
  const receipt = receiptText({ index: row.index, proof: tree.proofOf(row.index), checkpoint })
  return { outcome: 'appended', index: row.index, received: receivedText(head.received), leafHash: row.leaf, receipt, warnings }
}

/** Postgres refuses the data themselves: class 22 (data exception) and 23 (constraint). */
function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code)
}

const notStorable = {
  en: 'the database cannot hold this event; it was not stored, and its neighbours were. Please report it with its id',
  zh: '数据库无法保存此事件；该事件未保存，其他事件不受影响。请连同 id 一并报告',
}
