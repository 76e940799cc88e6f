import type { Context } from 'hono'
import { causeTexts } from '../domain/cause-texts.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { maxPage } from '../view/queries.ts'
import { preferredLanguage } from './language.ts'
import { notKept } from './not-kept.ts'
import { authenticateOperator } from './operator.ts'
import { cursor, oneOf, pageSize } from './parameters.ts'
import { readParkedFilter } from './parked-filter.ts'
import { listAcross } from './parked-pages.ts'
import type { Parts } from './parts.ts'
import { type Query, readQuery } from './query.ts'

/** `GET /v1/operations/parked?bureau=&cause=&type=&kind=&subject=&name=&from=&to=&cursor=&limit=`: in order of bureau and index */
export async function getParked(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const { views, filter, from, limit } = readQuery(c, (query) => ({
    views: readViews(query, parts),
    filter: readParkedFilter(query),
    from: query.read('cursor', cursor),
    limit: query.read('limit', pageSize) ?? maxPage,
  }))
  const page = await listAcross(views, filter, from, limit)
  return c.json(page, 200, notKept)
}

/** `GET /v1/operations/parked/groups?bureau=&cause=&type=&kind=&subject=&name=&from=&to=`: by bureau, cause and type */
export async function getParkedGroups(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const { views, filter } = readQuery(c, (query) => ({ views: readViews(query, parts), filter: readParkedFilter(query) }))
  const language = preferredLanguage(c.req.header('accept-language'))
  const groups = await Promise.all(
    views.map(async ([bureau, view]) =>
      (await view.parkedGroups(filter, parts.now())).map(({ cause, ...group }) => {
        const { meaning, cure } = causeTexts[cause]
        const told = { meaning: meaning[language], cure: cure[language], runbook: `docs/operator.md#parked-${cause}` }
        return { bureau, cause, ...group, ...told }
      }),
    ),
  )
  return c.json({ groups: groups.flat() }, 200, { ...notKept, 'content-language': language, vary: 'accept-language' })
}

/** `GET /v1/operations/parked/{bureau}/{kind}/{subject}?cursor=`: every event about it, as this view met it */
export async function getParkedHistory(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const from = readQuery(c, (query) => query.read('cursor', cursor))
  const [bureau = '', kind = '', subject = ''] = ['bureau', 'kind', 'subject'].map((name) => c.req.param(name))
  const history = await parts.view(bureau)?.historyOf(kind, subject, from)
  if (history === undefined) throw new RefusedRequest('not-found', noHistory)
  return c.json({ bureau, kind, subject, ...history }, 200, notKept)
}

function readViews(query: Query, { keeper, view }: Parts) {
  const ids = keeper.inForce.rules.bureaus.map(({ id }) => id).sort()
  const bureau = query.read('bureau', oneOf(ids))
  return ids
    .filter((id) => bureau === undefined || id === bureau)
    .flatMap((id) => {
      const found = view(id)
      return found === undefined ? [] : [[id, found] as const]
    })
}

const noHistory = {
  en: 'the log has no event about this subject, or there is no such bureau or kind',
  zh: '日志中没有关于该主体的事件，或没有此部门或类别',
}
