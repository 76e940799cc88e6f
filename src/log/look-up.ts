import { hexLines, lines } from '../database/lines.ts'
import type { SubjectState } from '../domain/order.ts'
import type { Appendable } from './appendable.ts'
import { type Decision, type Known, kindAndSubject, type Predecessor, senderAndId } from './decide.ts'
import { canBeAnId, refusalKey } from './rows.ts'
import type { Connection } from './transaction.ts'

/** The same refusal of the same request is one entry for this long. */
const refusalMemory = '24 hours'

/** The log as it stands while its lock is held. */
export interface Head {
  readonly size: number
  readonly rulesIndex: number
  readonly root: Buffer
  /** of this commit: never before that of the entry before it */
  readonly received: Date
}

/** Begins the transaction and waits for the head. What is sent behind it sees all that the lock waited for. */
export async function lock(sql: Connection): Promise<readonly Head[]> {
  const [, heads] = await Promise.all([
    // each statement must see what was committed before it began, whatever the database's default is
    sql`begin isolation level read committed`,
    sql<Head[]>`
      select size, rules_index as "rulesIndex", root, greatest(date_trunc('milliseconds', clock_timestamp()), last_received) as received
      from log.head where id = 1 for update`,
  ])
  return heads
}

/** What the database knows of everything that a batch speaks of; to be sent behind {@link lock}. */
export async function lookUp(sql: Connection, batch: readonly Appendable[]): Promise<Known> {
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
      cross join lateral (
        select * from log.entries where kind = 'event' and party = w.party and event_id = w.id limit 1) e`,
    sql<{ kind: string; subject: string; state: SubjectState }[]>`
      select s.kind, s.subject, s.state
      from rows from (string_to_table(${lines(wanted.map(({ kind }) => kind))}, E'\n'),
                      string_to_table(${lines(wanted.map(({ subject }) => subject))}, E'\n')) as w(kind, subject)
      cross join lateral (select * from log.subjects where kind = w.kind and subject = w.subject limit 1) s`,
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

/** Refusals of the same bytes for the same reason that are still remembered. */
export async function earlierRefusals(sql: Connection, decisions: readonly Decision[]): Promise<ReadonlyMap<string, number>> {
  const digests = decisions.flatMap((decision) => (decision.do === 'refuse' ? [decision.verified.digest] : []))
  if (digests.length === 0) return new Map()
  const rows = await sql<{ digest: Buffer; problem: string; index: number }[]>`
    select digest, problem, index from log.entries
    where kind = 'refusal' and received > clock_timestamp() - ${refusalMemory}::interval
      and digest in (select decode(d, 'hex') from string_to_table(${hexLines(digests)}, E'\n') d)
    order by index desc`
  return new Map(rows.map(({ digest, problem, index }) => [refusalKey(digest, problem), index]))
}
