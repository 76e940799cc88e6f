import type { PendingQuery, Row } from 'postgres'
import type { RawSql } from '../database/connect.ts'
import type { EntryFilter } from './entry-filter.ts'

type Fragment = PendingQuery<Row[]>

/** Where in the log to look, and for how many. */
interface Range {
  readonly first: number
  readonly end: number
  readonly limit: number
}

/**
 * A query of the first indexes in the range that a filter lets through, in order.
 *
 * A lane is what one index of the table has under one prefix, such as one type by one sender: in a lane entries stand in
 * order of index. Each asks every lane that can hold something for as many as are wanted, and takes the first of them all:
 * however rare a thing is, nothing is read that is not it. The lanes there are, some hundred, are found in the same
 * statement by leaping from prefix to prefix, so that none is overlooked that a new catalogue brings.
 */
export function indexesIn(sql: RawSql, filter: EntryFilter, range: Range): Fragment {
  const within = sql`index >= ${range.first} and index < ${range.end}`
  const lanes = isForAll(filter)
    ? [sql`select index from log.entries where ${within} order by index limit ${range.limit}`]
    : filter.digest === undefined
      ? lanesFor(sql, filter, { within, limit: range.limit })
      : [digestLane(sql, filter, filter.digest, { within, limit: range.limit })]
  const all = lanes.map((lane) => sql`(${lane})`).reduce((some, lane) => sql`${some} union all ${lane}`)
  return sql`select index from (${all}) lane order by index limit ${range.limit}`
}

interface Slice {
  readonly within: Fragment
  /** what is then asked of each */
  readonly among?: Fragment
  readonly limit: number
}

function isForAll({ kind, party, type, subject, code, digest }: EntryFilter): boolean {
  return [kind, party, type, subject, code, digest].every((one) => one === undefined)
}

function lanesFor(sql: RawSql, filter: EntryFilter, slice: Slice): readonly Fragment[] {
  const { kind, party, type, subject, code } = filter
  const wants = (one: string, ...cannot: (string | undefined)[]) =>
    (kind === undefined || kind === one) && cannot.every((value) => value === undefined)
  const lanes = [
    ...(wants('event', code) ? [subject === undefined ? eventLanes(sql, filter, slice) : subjectLanes(sql, filter, slice)] : []),
    ...(wants('refusal', subject) ? [refusalLanes(sql, filter, slice)] : []),
    ...(wants('operation', type, subject, code)
      ? [leap(sql, sql`kind = 'operation'`, ['party'], whereParty(sql, party), slice)]
      : []),
    ...(wants('key', type, subject, code) ? [rulesLane(sql, 'key', party, slice)] : []),
    ...(wants('catalogue', type, subject, code) ? [rulesLane(sql, 'catalogue', party, slice)] : []),
  ]
  return lanes.length > 0 ? lanes : [sql`select null::bigint as index where false`]
}

const whereParty = (sql: RawSql, party: string | undefined) => (party === undefined ? sql`true` : sql`lane.party = ${party}`)

function eventLanes(sql: RawSql, { party, type }: EntryFilter, slice: Slice): Fragment {
  if (type === undefined) return leap(sql, sql`kind = 'event'`, ['type', 'party'], whereParty(sql, party), slice)
  // a type that is fixed is none to leap over: a comparison of both would begin at the first entry of the type each time
  return leap(sql, sql`kind = 'event' and type = ${type}`, ['party'], whereParty(sql, party), slice)
}

function refusalLanes(sql: RawSql, { party, type, code }: EntryFilter, slice: Slice): Fragment {
  const refusals = type === undefined ? sql`kind = 'refusal'` : sql`kind = 'refusal' and type = ${type}`
  const ofCode = code === undefined ? sql`true` : sql`lane.problem = ${code}`
  return leap(sql, refusals, ['party', 'problem'], sql`${whereParty(sql, party)} and ${ofCode}`, slice)
}

/** The kinds of subject are few; the events of one subject are, too, so that party and type are looked for among them. */
function subjectLanes(sql: RawSql, { subject, subjectKind, party, type }: EntryFilter, { within, limit }: Slice): Fragment {
  const ofKind = subjectKind === undefined ? sql`true` : sql`lane.subject_kind = ${subjectKind}`
  const sent = sql`${party === undefined ? sql`true` : sql`party = ${party}`} and ${type === undefined ? sql`true` : sql`type = ${type}`}`
  return leap(sql, sql`kind = 'event'`, ['subject_kind'], ofKind, {
    // without the fence a planner that knows little of subjects may look for this one among all of a type
    within: sql`subject = ${subject ?? ''} and ${within} offset 0`,
    among: sent,
    limit,
  })
}

/** The same request is refused once in 24 hours and for one reason at most, so that what has one digest is looked through. */
function digestLane(
  sql: RawSql,
  { kind, party, type, subject, code }: EntryFilter,
  digest: Buffer,
  { within, limit }: Slice,
): Fragment {
  const is = (column: string, value: string | undefined) => (value === undefined ? sql`true` : sql`${sql(column)} = ${value}`)
  const others = sql`${is('kind', kind)} and ${is('party', party)} and ${is('type', type)} and ${is('problem', code)}`
  // neither names a subject; and with the fence, other filters lead the planner to no other index
  return sql`
    select index from (
      select * from log.entries where kind in ('refusal', 'operation') and digest = ${digest} offset 0) mine
    where ${others} and ${is('subject', subject)} and ${within} order by index limit ${limit}`
}

/** Keys and catalogues are few in any log. */
function rulesLane(sql: RawSql, kind: string, party: string | undefined, { within, limit }: Slice): Fragment {
  const by = party === undefined ? sql`` : sql`and party = ${party}`
  return sql`
    select index from log.entries where kind in ('key', 'catalogue') and kind = ${kind} ${by} and ${within} order by index limit ${limit}`
}

/** What there is under every prefix that an index has: one probe for each prefix, one more for what is in it. */
function leap(
  sql: RawSql,
  where: Fragment,
  prefix: readonly string[],
  of: Fragment,
  { within, among = sql`true`, limit }: Slice,
): Fragment {
  const columns = sql(prefix)
  const mine = prefix.map((name) => sql`lane.${sql(name)}`).reduce((some, one) => sql`${some}, ${one}`)
  const next = sql`order by ${columns} limit 1`
  return sql`
    with recursive lane as (
      (select ${columns} from log.entries where ${where} ${next})
      union all
      select following.* from lane cross join lateral (
        select ${columns} from log.entries where ${where} and (${columns}) > (${mine}) ${next}) following
    )
    select inside.index from lane cross join lateral (
      select index from (select * from log.entries where ${where} and (${columns}) = (${mine}) and ${within}) mine
      where ${among} order by index limit ${limit}) inside
    where ${of}`
}
