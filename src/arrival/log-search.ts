import type { Context } from 'hono'
import { problems } from '../domain/problems.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { EntryFilter, EntryKind } from '../log/entry-filter.ts'
import type { FoundEntry } from '../log/search.ts'
import { maxPage } from '../view/queries.ts'
import { authenticateAuditor } from './auditor.ts'
import { readTimes } from './instant.ts'
import { notKept } from './not-kept.ts'
import { cursor, oneOf, pageSize, partyId, readIndex, textUpTo } from './parameters.ts'
import type { Parts } from './parts.ts'
import { type Parameter, type Query, readQuery, refuseQuery } from './query.ts'
import { recordReading } from './record-reading.ts'

export const entryKinds: readonly EntryKind[] = ['event', 'refusal', 'key', 'catalogue', 'operation']

/** As long as the id of an event may be, in UTF-16 units: longer ones are in no column of the log. */
export const maxTypeCharacters = 256
export const maxSubjectCharacters = 64

/** `GET /v1/log/entries?kind=&party=&type=&subject=&subjectKind=&code=&digest=&from=&to=&after=&limit=` */
export async function searchEntries(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const { entries, next } = await parts.log.search(readQuery(c, readFilter))
  await recordReading(auditor, parts)
  return c.json({ entries: entries.map(itemOf), ...(next === undefined ? {} : { next }) }, 200, notKept)
}

/** `GET /v1/log/entries/{index}` */
export async function getLogEntry(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  refuseQuery(c)
  const index = readIndex(c.req.param('index'))
  const row = index === undefined ? undefined : await parts.log.entry(index)
  if (row === undefined) throw new RefusedRequest('not-found', noEntry)
  const { leafHash, receipt } = await parts.log.prove(row.index)
  await recordReading(auditor, parts)
  const { kind, entry } = row
  const proved = { leafHash: leafHash.toString('base64'), receipt }
  return c.json({ index: row.index, received: row.received.toISOString(), kind, entry, ...proved }, 200, notKept)
}

function itemOf({ index, kind, received, party, type, subjectKind, subject, problem, entry }: FoundEntry) {
  const known = Object.entries({ party, type, subjectKind, subject, problem }).filter(([, value]) => value !== null)
  return { index, kind, received: received.toISOString(), ...Object.fromEntries(known), entry }
}

function readFilter(query: Query): EntryFilter {
  const subjectKind = query.read('subjectKind', textUpTo(maxSubjectCharacters))
  if (subjectKind !== undefined && !query.isGiven('subject'))
    query.mustBe('subjectKind', { en: 'given together with subject', zh: '与 subject 同时给出' })
  return {
    kind: query.read('kind', oneOf(entryKinds)),
    party: query.read('party', partyId),
    type: query.read('type', textUpTo(maxTypeCharacters)),
    subject: query.read('subject', textUpTo(maxSubjectCharacters)),
    subjectKind,
    code: query.read('code', problemCode),
    digest: query.read('digest', sha256),
    ...readTimes(query),
    after: query.read('after', cursor),
    limit: query.read('limit', pageSize) ?? maxPage,
  }
}

/** Of a digest as entries have it. */
export const digestPattern = '^[0-9a-f]{64}$'
const digestForm = new RegExp(digestPattern)
const sha256: Parameter<Buffer> = {
  read: (text) => (digestForm.test(text) ? Buffer.from(text, 'hex') : undefined),
  must: { en: 'a SHA-256 in 64 lowercase hex digits', zh: 'SHA-256，64 位小写十六进制' },
}
const problemCode = oneOf(Object.keys(problems))
const noEntry = { en: 'the log has no such entry, or not yet', zh: '日志中没有或尚无此条目' }
