import type { Context } from 'hono'
import { databaseErrorOf, isDatabaseAway } from '../database/database-error.ts'
import type { Finding } from '../domain/event.ts'
import { isProblemCode, type ProblemCode, problemOf } from '../domain/problems.ts'
import { type Refusal, RefusedRequest } from '../domain/refusal.ts'
import { LogBusy } from '../log/group-commit.ts'
import type { Logger } from '../logger.ts'
import { type Language, preferredLanguage } from './language.ts'
import { Seldom } from './seldom.ts'

/** Seconds after which an overloaded exchange is worth another try. */
const retryAfterSeconds = 1

/** The body of every answer that is not a success. @see RFC 9457 */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly retryable?: true
  /** of the refusal's own entry in the log */
  readonly index?: number
  readonly errors?: readonly { readonly pointer: string; readonly code: string; readonly message: string }[]
}

/** The one place where a refusal becomes HTTP. */
export function problemResponse(c: Context, refusal: Refusal, index?: number): Response {
  const language = preferredLanguage(c.req.header('accept-language'))
  const { status, title, ...problem } = problemOf(refusal.code)
  const body: ProblemBody = {
    type: `/problems/${refusal.code}`,
    title: title[language],
    status,
    detail: refusal.detail[language],
    code: refusal.code,
    ...('retryable' in problem ? { retryable: true } : {}),
    ...(index === undefined ? {} : { index }),
    ...(refusal.errors === undefined ? {} : { errors: findingsIn(refusal.errors, language) }),
  }
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-language': language,
    'cache-control': 'no-store',
    vary: 'accept-language',
  }
  if (status === 429 || status === 503) headers['retry-after'] = String(retryAfterSeconds)
  if (status === 401 && refusal.code === 'token-invalid') headers['www-authenticate'] = 'Bearer'
  return new Response(JSON.stringify(body), { status, headers })
}

/** Findings in one language, as answers carry them. */
export function findingsIn(findings: readonly Finding[], language: Language) {
  return findings.map(({ pointer, code, message }) => ({ pointer, code, message: message[language] }))
}

/** While the database is away every request fails, and says the same. */
const databaseAwaySaid = new Seldom(10_000)

/**
 * Whatever was thrown, as the refusal it stands for. What nobody foresaw is logged and is our fault.
 *
 * @param method of the request: who only asked has nothing that may have been stored
 */
export function refusalOf(error: unknown, method: string, log: Logger): Refusal {
  if (error instanceof RefusedRequest) return error.refusal
  if (error instanceof LogBusy) return { code: error.code, detail: error.detail }
  if (isDatabaseAway(error)) {
    databaseAwaySaid.note((requests) => noteAway(error, requests, log))
    return { code: 'overloaded', detail: method === 'POST' ? perhapsStored : notRead }
  }
  log.error({ error }, 'a request failed')
  return {
    code: 'internal',
    detail: { en: 'the exchange failed; send the same request again', zh: '平台内部错误；请重发同一请求' },
  }
}

/** What whoever runs the database has to mend, by the code of PostgreSQL's error; all else passes by itself. */
const remedies: Readonly<Record<string, string>> = {
  '28000': 'it does not let us in, as the error says: see DATABASE_URL, and its pg_hba.conf',
  '28P01': 'it refuses our login: is the password of DATABASE_URL its user’s?',
  '3D000': 'it has no database of this name: is DATABASE_URL right?',
  '25006': 'it only reads: it is a standby, or its default_transaction_read_only is on; see DATABASE_URL',
  CONNECTION_NOT_SECURED: 'no connection to it is secure: mend what the error says',
  '53100': 'its disk is full: make room, and it goes on by itself',
  '53200': 'it has no memory left: look at what runs beside it, and at its settings',
  '53300': 'it gives no more connections: raise max_connections, or end what holds them',
}

function noteAway(error: unknown, requests: number, log: Logger): void {
  const cause = databaseErrorOf(error)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const remedy = remedies[code]
  if (remedy === undefined) log.warn({ error, requests }, 'the database did not answer')
  else log.error({ error, requests, remedy }, 'the database can’t do what it is asked')
}

const perhapsStored = {
  en: 'the database did not answer; it is not known whether this was stored, so send the same request again: it is stored once',
  zh: '数据库未应答，无法确定是否已保存；请重发同一请求，它只会保存一次',
}
const notRead = {
  en: 'the database did not answer in time; ask again a little later',
  zh: '数据库未及时应答；请稍后再次查询',
}

/** The page about a problem code, for people; undefined when there is no such code. */
export function problemPage(code: string, language: Language): string | undefined {
  if (!isProblemCode(code)) return undefined
  const { status, title, remedy, ...rest } = problemOf(code)
  const again = 'retryable' in rest
  const line = {
    en: again ? 'Sending the same again later may succeed.' : 'Sending the same again gives the same answer.',
    zh: again ? '稍后重发同一请求可能成功。' : '重发同一请求结果不变。',
  }
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><title>${status} ${code}</title>
<meta name="viewport" content="width=device-width"><style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}code{font-size:.95em}</style></head>
<body><h1>${title[language]}</h1><p><code>${code}</code> · HTTP ${status}</p><p>${escaped(remedy[language])}</p><p>${line[language]}</p>
<hr><p lang="${language === 'en' ? 'zh' : 'en'}">${escaped(remedy[language === 'en' ? 'zh' : 'en'])}</p></body></html>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
