import type { RawSql } from '../database/connect.ts'
import { payloadOfLogged, splitCompact } from '../identity/compact.ts'
import { type KeyEntry, readKeyEntry } from '../identity/key-entry.ts'
import { KeysInForce, type RegisteredKey } from '../identity/keys-in-force.ts'
import { parseStrictJson } from '../identity/strict-json.ts'

/** Signed by which key, where several were in force at once, is read off at most so many events of the party. */
const maxHeadersRead = 20_000

/** A step in a key's life: the entry that took it, and who agreed to it. */
export interface KeyStep {
  readonly index: number
  readonly received: Date
  readonly by: { readonly party: string; readonly kid: string }
}

/** A key of one party, from its registration on. */
export interface KeyLife {
  readonly key: RegisteredKey
  readonly registered: KeyStep
  readonly revoked: (KeyStep & { readonly reason: string; readonly compromisedSince: string | undefined }) | undefined
  /** accepted events that it signed; the two differ where too many were signed while the party had another key, too */
  readonly signed: Signed
}

interface Signed {
  readonly atLeast: number
  readonly atMost: number
}

interface KeyRow {
  readonly index: number
  readonly received: Date
  readonly entry: KeyEntry
}

/**
 * Every key that a party ever had, oldest first, as the log stands now.
 *
 * @param headers events at most whose signer is read off, in all
 */
export async function keyHistory(sql: RawSql, party: string, headers: number = maxHeadersRead): Promise<readonly KeyLife[]> {
  const [head] = await sql<{ size: number }[]>`select size from log.head where id = 1`
  const size = head?.size ?? 0
  const rows = await sql<{ index: number; received: Date; entry: string }[]>`
    select index, received, entry from log.entries
    where kind in ('key', 'catalogue') and kind = 'key' and index < ${size} order by index`
  const all = rows.map(({ index, received, entry }): KeyRow => ({ index, received, entry: readKeyEntry(JSON.parse(entry)) }))
  const parties = new Map(all.map(({ entry }) => [entry.kid, entry.party]))
  const mine = all.filter(({ entry }) => entry.party === party)
  const keys = await mine.reduce<Promise<KeysInForce>>(
    async (before, { entry, index }) => (await before).apply(entry, index),
    Promise.resolve(KeysInForce.none),
  )
  const signed = await signedByKid(sql, party, stretches(mine, size), headers)
  return keys.history().map(({ key, registeredAt, revoked }) => ({
    key,
    registered: stepAt(registeredAt),
    revoked: revoked && { ...revoked, ...stepAt(revoked.index) },
    signed: signed.get(key.kid) ?? { atLeast: 0, atMost: 0 },
  }))

  function stepAt(index: number): KeyStep {
    const row = mine.find((one) => one.index === index)
    if (row === undefined) throw new Error(`the log has no key entry ${index}`)
    const kid = agreedBy(row.entry)
    return { index, received: row.received, by: { kid, party: parties.get(kid) ?? '' } }
  }
}

/** The kid of the key that vouched or revoked; what key-proof.ts verified before the entry was logged. */
function agreedBy(entry: KeyEntry): string {
  const said = entry.action === 'register' ? payloadOfLogged(entry.proof).vouchedBy : headerOf(entry.proof).kid
  return typeof said === 'string' ? said : ''
}

const headerOf = (compact: string) => parseStrictJson(splitCompact(compact).header)

/** The events that a party sent from one change of its keys to the next. */
interface Stretch {
  readonly first: number
  /** not in it */
  readonly end: number
  /** kids in force */
  readonly kids: readonly string[]
}

async function signedByKid(
  sql: RawSql,
  party: string,
  all: readonly Stretch[],
  headers: number,
): Promise<ReadonlyMap<string, Signed>> {
  const signed = new Map<string, Signed>()
  const add = (kid: string, atLeast: number, atMost: number) => {
    const before = signed.get(kid) ?? { atLeast: 0, atMost: 0 }
    signed.set(kid, { atLeast: before.atLeast + atLeast, atMost: before.atMost + atMost })
  }
  let left = headers
  for (const { first, end, kids } of all) {
    const [only, another] = kids
    if (only === undefined) continue
    const events = await countEvents(sql, party, first, end)
    if (another === undefined) add(only, events, events)
    else if (events > left) for (const kid of kids) add(kid, 0, events)
    else {
      left -= events
      for (const [kid, count] of await countByKid(sql, party, first, end)) add(kid, count, count)
    }
  }
  return signed
}

function stretches(rows: readonly KeyRow[], size: number): readonly Stretch[] {
  let kids: readonly string[] = []
  return rows.map(({ index, entry }, i) => {
    kids = entry.action === 'register' ? [...kids, entry.kid] : kids.filter((kid) => kid !== entry.kid)
    return { first: index + 1, end: rows[i + 1]?.index ?? size, kids }
  })
}

/** Never more than an index is read: under one type and party, what stands between first and end is one stretch of it. */
async function countEvents(sql: RawSql, party: string, first: number, end: number): Promise<number> {
  const [row] = await sql<{ events: number }[]>`
    ${typesOf(sql)}
    select coalesce(sum(inside.events), 0)::bigint as events from types cross join lateral (
      select count(*) as events from log.entries
      where kind = 'event' and type = types.type and party = ${party} and index >= ${first} and index < ${end}) inside`
  return row?.events ?? 0
}

/** Reads the protected headers; those of one key are mostly the same text. */
async function countByKid(sql: RawSql, party: string, first: number, end: number): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ header: string; events: number }[]>`
    ${typesOf(sql)}
    select inside.header, count(*) as events from types cross join lateral (
      select split_part(split_part(entry, '"jws":"', 2), '.', 1) as header from log.entries
      where kind = 'event' and type = types.type and party = ${party} and index >= ${first} and index < ${end}) inside
    group by inside.header`
  const counts = new Map<string, number>()
  for (const { header, events } of rows) {
    const { kid } = parseStrictJson(Buffer.from(header, 'base64url'))
    if (typeof kid === 'string') counts.set(kid, (counts.get(kid) ?? 0) + events)
  }
  return counts
}

/** Every type that the log has events of, by a probe for each. */
const typesOf = (sql: RawSql) => sql`
  with recursive types as (
    (select type from log.entries where kind = 'event' order by type limit 1)
    union all
    select following.type from types cross join lateral (
      select type from log.entries where kind = 'event' and type > types.type order by type limit 1) following
  )`
