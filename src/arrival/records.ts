import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import type { Kind } from '../catalogue/catalogue.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { maxPage, type RecordFilter, type ViewQueries } from '../view/queries.ts'
import { maskedForOperator } from '../view/record-json.ts'
import { FairTurns } from './fair-turns.ts'
import { notKept } from './not-kept.ts'
import { cursor, pageSize, textUpTo } from './parameters.ts'
import type { Parts } from './parts.ts'
import { type Query, readQuery, refuseQuery } from './query.ts'
import { authenticate, type Reader } from './reader.ts'

/** A name may have 100. */
export const maxRecordFilterCharacters = 200

/** `GET /v1/bureaus/{bureau}/records/{kind}/{subject}` */
export async function getRecord(c: Context, parts: Parts): Promise<Response> {
  const { view, reader, kind } = await open(c, parts)
  refuseQuery(c)
  const record = await view.readRecord(kind.id, c.req.param('subject') ?? '')
  if (record === undefined) throw notFound()
  const body = JSON.stringify(reader.party.role === 'operator' ? maskedForOperator(record, parts.keeper.inForce.rules) : record)
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const headers = { etag, 'cache-control': 'private, no-cache', vary: 'authorization' }
  if (isOneOf(etag, c.req.header('if-none-match'))) return new Response(null, { status: 304, headers })
  return new Response(body, { headers: { ...headers, 'content-type': 'application/json; charset=utf-8' } })
}

/** @see RFC 9110 section 13.1.2: the weak comparison, and `*` for anything there is */
function isOneOf(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  const tags = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return tags.includes(etag) || (tags.length === 1 && tags[0] === '*')
}

/** `GET /v1/bureaus/{bureau}/records/{kind}?name=&status=&jurisdiction=&cursor=&limit=` */
export async function searchRecords(c: Context, parts: Parts): Promise<Response> {
  const { view, reader, kind } = await open(c, parts)
  const filter = readQuery(c, readFilter)
  const turn = await turnsOf(view).begin(reader.party.id)
  const page = await view.searchRecords(kind.id, filter).finally(() => turn.end())
  const records =
    reader.party.role === 'operator'
      ? page.records.map((record) => maskedForOperator(record, parts.keeper.inForce.rules))
      : page.records
  return c.json({ records, ...(page.next === undefined ? {} : { next: page.next }) }, 200, notKept)
}

/**
 * A search may go through a whole index, and so many at once would take the database from the view's consumer, which would fall
 * behind, and all connections that views are read by from who reads a single record.
 */
const searchBounds = { atOnce: 2, waitingOfLane: 32, keptMs: 1000, waitMs: 10_000 }
const searchTurns = new WeakMap<ViewQueries, FairTurns>()

function turnsOf(view: ViewQueries): FairTurns {
  const turns = searchTurns.get(view) ?? new FairTurns(searchBounds, saidOfSearches)
  searchTurns.set(view, turns)
  return turns
}

const saidOfSearches = {
  full: (most: number) => ({
    en: `more than ${most} searches of yours wait for their turn in this view; ask fewer at once`,
    zh: `贵方在该视图中等待处理的查询超过 ${most} 个；请减少并发`,
  }),
  tooLong: {
    en: 'this search waited too long for its turn; ask again a little later',
    zh: '该查询等待处理的时间过长；请稍后重试',
  },
}

function readFilter(query: Query): RecordFilter {
  const text = textUpTo(maxRecordFilterCharacters)
  return {
    name: query.read('name', text),
    status: query.read('status', text),
    jurisdiction: query.read('jurisdiction', text),
    cursor: query.read('cursor', cursor),
    limit: query.read('limit', pageSize) ?? maxPage,
  }
}

/** Who may read which view: its bureau, an auditor, and an operator (masked). */
async function open(c: Context, parts: Parts): Promise<{ view: ViewQueries; reader: Reader; kind: Kind }> {
  const reader = await authenticate(c, parts)
  const bureau = c.req.param('bureau') ?? ''
  const { role, id } = reader.party
  if (role === 'bureau' && id !== bureau) throw new RefusedRequest('not-yours', notYours)
  const view = parts.view(bureau)
  const kind = parts.keeper.inForce.rules.kinds.get(c.req.param('kind') ?? '')
  if (view === undefined || kind === undefined) throw notFound()
  return { view, reader, kind }
}

const notYours = {
  en: 'a bureau reads its own view; auditors and operators may read others',
  zh: '部门只能读取自己的视图；审计方和运维方可读取其他视图',
}
const notFound = () => new RefusedRequest('not-found', { en: 'there is no such record in this view', zh: '该视图中没有此记录' })
