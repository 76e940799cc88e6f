import type { Context } from 'hono'
import type { Kind } from '../catalogue/catalogue.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { payloadOfLogged } from '../identity/compact.ts'
import type { EntryRow } from '../log/entry-row.ts'
import type { Fate } from '../view/queries.ts'
import { maskedData } from './masked.ts'
import { notKept } from './not-kept.ts'
import { readIndex, textUpTo } from './parameters.ts'
import type { Parts } from './parts.ts'
import { type Parameter, readQuery, refuseQuery } from './query.ts'
import { authenticate, type Reader } from './reader.ts'
import { recordReading } from './record-reading.ts'

/**
 * `GET /v1/events/{index}`: what became of an event. Its sender and an auditor see all of it with a fresh receipt, a
 * receiver its own part, an operator the fate and masked data. To others the event does not exist.
 */
export async function getEvent(c: Context, parts: Parts): Promise<Response> {
  const reader = await authenticate(c, parts)
  refuseQuery(c)
  const index = readIndex(c.req.param('index'))
  const row = index === undefined ? undefined : await parts.log.entry(index)
  if (row === undefined) throw notFound()
  return answer(c, parts, reader, row)
}

/** `GET /v1/events?id=`: the same for a sender who lost the answer. */
export async function getEventById(c: Context, parts: Parts): Promise<Response> {
  const reader = await authenticate(c, parts)
  const id = readQuery(c, (query) => query.need('id', eventId)) ?? ''
  const row = await parts.log.eventOf(reader.party.id, id)
  if (row === undefined) throw notFound()
  return answer(c, parts, reader, row)
}

async function answer(c: Context, parts: Parts, reader: Reader, row: EntryRow): Promise<Response> {
  const { role, id } = reader.party
  if (role === 'auditor') await recordReading(reader, parts)
  if (role === 'auditor' || (row.party === id && (row.kind === 'event' || row.kind === 'refusal')))
    return json(c, await whole(parts, row))
  const kind = parts.keeper.inForce.rules.kinds.get(row.subjectKind ?? '')
  if (row.kind !== 'event' || kind === undefined) throw notFound()
  if (role === 'operator') return json(c, await masked(parts, row, kind))
  const fate = await fateIn(parts, id, row, kind)
  if (fate.state === 'not-a-receiver') throw notFound()
  return json(c, { index: row.index, type: row.type, fate: { [id]: fate } })
}

async function whole(parts: Parts, row: EntryRow) {
  const { leafHash, receipt } = await parts.log.prove(row.index)
  const proved = {
    index: row.index,
    received: row.received.toISOString(),
    entry: row.entry,
    leafHash: leafHash.toString('base64'),
    receipt,
  }
  const kind = parts.keeper.inForce.rules.kinds.get(row.subjectKind ?? '')
  return row.kind !== 'event' || kind === undefined ? proved : { ...proved, type: row.type, fate: await fates(parts, row, kind) }
}

async function masked(parts: Parts, row: EntryRow, kind: Kind) {
  const { id, source, time, data } = payloadOf(row)
  const shown = { id, source, type: row.type, subject: row.subject, time, data: maskedData(data, kind) }
  return { index: row.index, received: row.received.toISOString(), event: shown, fate: await fates(parts, row, kind) }
}

function payloadOf(row: EntryRow): { id?: unknown; source?: unknown; time?: unknown; data: JsonObject } {
  const entry: { jws: string } = JSON.parse(row.entry)
  const payload: JsonObject & { data?: JsonObject } = payloadOfLogged(entry.jws)
  return { ...payload, data: payload.data ?? {} }
}

async function fates(parts: Parts, row: EntryRow, kind: Kind): Promise<Record<string, Fate>> {
  const { bureaus } = parts.keeper.inForce.rules
  return Object.fromEntries(await Promise.all(bureaus.map(async ({ id }) => [id, await fateIn(parts, id, row, kind)] as const)))
}

async function fateIn(parts: Parts, bureau: string, row: EntryRow, kind: Kind): Promise<Fate> {
  const view = parts.view(bureau)
  if (view === undefined || row.subject === null || row.type === null || row.party === null) return { state: 'not-a-receiver' }
  return view.fateOf({ index: row.index, type: row.type, sender: row.party, kind: kind.id, subject: row.subject })
}

const eventId: Parameter<string> = {
  read: textUpTo(128).read,
  must: { en: 'an event id of 1 to 128 characters', zh: '1 到 128 个字符的事件标识' },
}
const json = (c: Context, body: object) => c.json(body, 200, notKept)
const notFound = () => new RefusedRequest('not-found', { en: 'there is no such event for you', zh: '没有贵方可见的此事件' })
