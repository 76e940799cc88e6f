import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import type { Kind } from '../catalogue/catalogue.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { maxPage, type ViewQueries } from '../view/queries.ts'
import { maskedForOperator } from '../view/record-json.ts'
import { isLonger } from './characters.ts'
import type { Parts } from './parts.ts'
import { authenticate, type Reader } from './reader.ts'

/** `GET /v1/bureaus/{bureau}/records/{kind}/{subject}` */
export async function getRecord(c: Context, parts: Parts): Promise<Response> {
  const { view, reader, kind } = await open(c, parts)
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
  const { name, status, jurisdiction, cursor, limit = String(maxPage) } = c.req.query()
  const size = /^[1-9]\d{0,2}$/.test(limit) ? Number(limit) : 0
  if (size < 1 || size > maxPage)
    throw wrong(`limit must be a number from 1 to ${maxPage}`, `limit 必须为 1 到 ${maxPage} 的数字`)
  const filter = Object.entries({ name, status, jurisdiction }).filter(([, value]) => value !== undefined && value !== '')
  if (filter.some(([, value]) => value !== undefined && (isLonger(value, 200) || value.includes('\0'))))
    throw wrong('a filter may have at most 200 characters, and no U+0000', '筛选条件最多 200 个字符，且不得含 U+0000')
  const page = await view.searchRecords(kind.id, { ...Object.fromEntries(filter), cursor, limit: size })
  const records =
    reader.party.role === 'operator'
      ? page.records.map((record) => maskedForOperator(record, parts.keeper.inForce.rules))
      : page.records
  return c.json({ records, ...(page.next === undefined ? {} : { next: page.next }) }, 200, {
    'cache-control': 'private, no-store',
  })
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
const wrong = (en: string, zh: string) => new RefusedRequest('invalid-request', { en, zh })
