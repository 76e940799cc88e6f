import type { Context } from 'hono'
import { isProblemCode, problems } from '../domain/problems.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { EntryFilter, EntryKind } from '../log/entry-filter.ts'
import type { FoundEntry } from '../log/search.ts'
import { authenticateAuditor } from './auditor.ts'
import { isLonger } from './characters.ts'
import { instantOf } from './instant.ts'
import { invalid, pageOf } from './page-query.ts'
import type { Parts } from './parts.ts'
import { recordReading } from './record-reading.ts'

export const entryKinds: readonly EntryKind[] = ['event', 'refusal', 'key', 'catalogue', 'operation']

/** As long as the id of an event may be, in UTF-16 units: longer ones are in no column of the log. */
export const maxTypeCharacters = 256
export const maxSubjectCharacters = 64
const partyId = /^[a-z][a-z0-9-]{0,30}$/

/** `GET /v1/log/entries?kind=&party=&type=&subject=&subjectKind=&code=&from=&to=&after=&limit=` */
export async function searchEntries(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const { entries, next } = await parts.log.search(filterOf(c.req.query()))
  await recordReading(auditor, parts)
  return c.json({ entries: entries.map(itemOf), ...(next === undefined ? {} : { next }) }, 200, notKept)
}

/** `GET /v1/log/entries/{index}` */
export async function getLogEntry(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const index = c.req.param('index') ?? ''
  const row = /^(0|[1-9]\d{0,14})$/.test(index) ? await parts.log.entry(Number(index)) : undefined
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

/** An empty parameter is one that is left out, as in searches of records. */
function filterOf(query: Readonly<Record<string, string>>): EntryFilter {
  const given = (name: string) => query[name] || undefined
  const { kind, party, type, subject, subjectKind, code, from, to } = Object.fromEntries(
    ['kind', 'party', 'type', 'subject', 'subjectKind', 'code', 'from', 'to'].map((name) => [name, given(name)]),
  )
  const kindOfEntry = entryKinds.find((one) => one === kind)
  if (kind !== undefined && kindOfEntry === undefined)
    throw invalid('kind', `one of ${entryKinds.join(', ')}`, entryKinds.join('、'))
  if (party !== undefined && !partyId.test(party))
    throw invalid('party', 'the id of a party, such as commerce', '参与方代码，如 commerce')
  if (type !== undefined && isNoText(type, maxTypeCharacters)) throw invalid('type', ...textOf(maxTypeCharacters))
  if (subject !== undefined && isNoText(subject, maxSubjectCharacters)) throw invalid('subject', ...textOf(maxSubjectCharacters))
  if (subjectKind !== undefined && isNoText(subjectKind, maxSubjectCharacters))
    throw invalid('subjectKind', ...textOf(maxSubjectCharacters))
  if (subjectKind !== undefined && subject === undefined)
    throw invalid('subjectKind', 'given together with subject', '与 subject 同时给出')
  if (code !== undefined && !isProblemCode(code))
    throw invalid('code', `one of ${Object.keys(problems).join(', ')}`, Object.keys(problems).join('、'))
  const [first, end] = [
    from === undefined ? undefined : instantOf('from', from),
    to === undefined ? undefined : instantOf('to', to),
  ]
  if (first !== undefined && end !== undefined && end < first) throw invalid('to', 'no earlier than from', '不早于 from 的时间')
  return { kind: kindOfEntry, party, type, subject, subjectKind, code, from: first, to: end, ...pageOf(query) }
}

const isNoText = (value: string, characters: number) => isLonger(value, characters) || value.includes('\0')
const textOf = (characters: number) =>
  [`a text of at most ${characters} characters without U+0000`, `不超过 ${characters} 个字符且不含 U+0000 的文本`] as const

export const notKept = { 'cache-control': 'private, no-store' }
const noEntry = { en: 'the log has no such entry, or not yet', zh: '日志中没有或尚无此条目' }
