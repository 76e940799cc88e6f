import type { Context } from 'hono'
import { causeTexts } from '../domain/cause-texts.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { preferredLanguage } from './language.ts'
import { authenticateOperator } from './operator.ts'
import { invalid, pageOf } from './page-query.ts'
import { parkedFilterOf } from './parked-filter.ts'
import { listAcross } from './parked-pages.ts'
import type { Parts } from './parts.ts'

/** `GET /v1/operations/parked?bureau=&cause=&type=&kind=&subject=&name=&from=&to=&cursor=&limit=`: in order of bureau and index */
export async function getParked(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const query = c.req.query()
  const page = await listAcross(viewsAsked(query, parts), parkedFilterOf(query), query.cursor || undefined, pageOf(query).limit)
  return c.json(page, 200, notKept)
}

/** `GET /v1/operations/parked/groups?bureau=&cause=&type=&kind=&subject=&name=&from=&to=`: by bureau, cause and type */
export async function getParkedGroups(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const query = c.req.query()
  const filter = parkedFilterOf(query)
  const language = preferredLanguage(c.req.header('accept-language'))
  const groups = await Promise.all(
    viewsAsked(query, parts).map(async ([bureau, view]) =>
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
  const [bureau = '', kind = '', subject = ''] = ['bureau', 'kind', 'subject'].map((name) => c.req.param(name))
  const history = await parts.view(bureau)?.historyOf(kind, subject, c.req.query('cursor') || undefined)
  if (history === undefined) throw new RefusedRequest('not-found', noHistory)
  return c.json({ bureau, kind, subject, ...history }, 200, notKept)
}

function viewsAsked({ bureau }: Readonly<Record<string, string>>, { keeper, view }: Parts) {
  const ids = keeper.inForce.rules.bureaus.map(({ id }) => id).sort()
  if (bureau && !ids.includes(bureau)) throw invalid('bureau', `one of ${ids.join(', ')}`, ids.join('、'))
  return ids
    .filter((id) => !bureau || id === bureau)
    .flatMap((id) => {
      const found = view(id)
      return found === undefined ? [] : [[id, found] as const]
    })
}

const notKept = { 'cache-control': 'private, no-store' }
const noHistory = {
  en: 'the log has no event about this subject, or there is no such bureau or kind',
  zh: '日志中没有关于该主体的事件，或没有此部门或类别',
}
