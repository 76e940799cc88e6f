import { type Context, Hono } from 'hono'
import { problems } from '../domain/problems.ts'
import { type Refusal, RefusedRequest } from '../domain/refusal.ts'
import { rebuildChanges } from '../operations/rebuild-acts.ts'
import { replayChanges } from '../operations/replay-acts.ts'
import { getBusStatus } from './bus-status.ts'
import { postCatalogue } from './catalogue.ts'
import { getEvent, getEventById } from './event-status.ts'
import { postEvent } from './events.ts'
import { getKeys, postKey } from './keys.ts'
import { preferredLanguage } from './language.ts'
import { getCatalogueHistory, getConsistency, getKeyHistory } from './log-history.ts'
import { getBlob, getCheckpoint, getTile } from './log-routes.ts'
import { getLogEntry, searchEntries } from './log-search.ts'
import { openapiDocument } from './openapi.ts'
import { postOperation } from './operations.ts'
import { getParked, getParkedGroups, getParkedHistory } from './parked.ts'
import type { Parts } from './parts.ts'
import { problemPage, problemResponse, refusalOf } from './problems.ts'
import { getRebuild, getRebuilds } from './rebuilds.ts'
import { getRecord, searchRecords } from './records.ts'
import { getProposals, getReplay, getReplays } from './replays.ts'

/** Prometheus gives up after ten seconds by default. */
const collectTimeoutMs = 3000

/**
 * The database ends a statement after 30 s, and a search has waited 10 s for its turn: who has no answer by then waits for a machine that
 * gives none, and nothing else would end that wait. Proxies give up after 60 s.
 */
const longestAnswerMs = 45_000

type Handler = (c: Context, parts: Parts) => Response | Promise<Response>

/** Every route of the exchange: method, path, handler. The OpenAPI document is held against it in a test. */
export const routes: readonly (readonly ['GET' | 'POST', string, Handler])[] = [
  ['POST', '/v1/events', postEvent],
  ['GET', '/v1/events', getEventById],
  ['GET', '/v1/events/:index', getEvent],
  ['GET', '/v1/bureaus/:bureau/records/:kind', searchRecords],
  ['GET', '/v1/bureaus/:bureau/records/:kind/:subject', getRecord],
  ['POST', '/v1/keys', postKey],
  ['GET', '/v1/keys', getKeys],
  ['POST', '/v1/operations/catalogue', postCatalogue],
  ['POST', '/v1/operations/replays', postOperation('plan-replay')],
  ['GET', '/v1/operations/replays', getReplays],
  ['GET', '/v1/operations/replays/:id', getReplay],
  ['POST', '/v1/operations/replays/:id', postOperation(...replayChanges)],
  ['POST', '/v1/operations/rebuilds', postOperation('rebuild-view')],
  ['GET', '/v1/operations/rebuilds', getRebuilds],
  ['GET', '/v1/operations/rebuilds/:id', getRebuild],
  ['POST', '/v1/operations/rebuilds/:id', postOperation(...rebuildChanges)],
  ['GET', '/v1/operations/bus', getBusStatus],
  ['POST', '/v1/operations/republications', postOperation('republish')],
  ['POST', '/v1/operations/checks', postOperation('check-view')],
  ['GET', '/v1/operations/parked', getParked],
  ['GET', '/v1/operations/parked/groups', getParkedGroups],
  ['GET', '/v1/operations/parked/:bureau/:kind/:subject', getParkedHistory],
  ['POST', '/v1/operations/dismissals', postOperation('dismiss')],
  ['GET', '/v1/operations/proposals', getProposals],
  ['POST', '/v1/operations/proposals', postOperation('approve')],
  ['GET', '/v1/log/entries', searchEntries],
  ['GET', '/v1/log/entries/:index', getLogEntry],
  ['GET', '/v1/log/consistency', getConsistency],
  ['GET', '/v1/log/parties/:party/keys', getKeyHistory],
  ['GET', '/v1/log/catalogues', getCatalogueHistory],
  ['GET', '/log/checkpoint', getCheckpoint],
  ['GET', '/log/vkey', getVkey],
  ['GET', '/log/tile/*', getTile],
  ['GET', '/log/blob/:digest', getBlob],
  ['GET', '/health/live', (c) => c.json({ live: true })],
  ['GET', '/health/ready', getReady],
  ['GET', '/metrics', getMetrics],
  ['GET', '/openapi.json', getOpenapi],
  ['GET', '/problems/:code', getProblem],
]

/** @param mostMs for one answer */
export function createApp(parts: Parts, mostMs = longestAnswerMs): Hono {
  const app = new Hono()
  for (const [method, path, handler] of routes) app.on(method, path, (c) => timed(c, path, parts, inTime(handler, mostMs)))
  for (const path of new Set(routes.map(([, path]) => path))) app.all(path, (c) => timed(c, path, parts, methodNotAllowed(path)))
  app.notFound((c) => timed(c, 'none', parts, () => problem(c, parts, { code: 'not-found', detail: noRoute })))
  app.onError((error, c) => problem(c, parts, refusalOf(error, c.req.method, parts.logger)))
  return app
}

/** As if the database had said itself that it does not answer. */
function inTime(handler: Handler, mostMs: number): Handler {
  return (c, parts) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(noAnswer(mostMs)), mostMs)
      const answer = async () => handler(c, parts)
      answer()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
}

function noAnswer(ms: number): Error {
  return Object.assign(new Error(`no answer within ${ms / 1000} s`), { code: 'ETIMEDOUT' })
}

async function timed(c: Context, route: string, parts: Parts, handler: Handler): Promise<Response> {
  const stop = parts.metrics.requestSeconds.startTimer()
  const response = await attempt(c, parts, handler)
  stop({ route, status: response.status })
  response.headers.set('x-content-type-options', 'nosniff')
  return response
}

async function attempt(c: Context, parts: Parts, handler: Handler): Promise<Response> {
  try {
    return await handler(c, parts)
  } catch (error) {
    return problem(
      c,
      parts,
      refusalOf(error, c.req.method, parts.logger),
      error instanceof RefusedRequest ? error.index : undefined,
    )
  }
}

function problem(c: Context, parts: Parts, refusal: Refusal, index?: number): Response {
  parts.metrics.refused.inc({ code: refusal.code })
  return problemResponse(c, refusal, index)
}

function methodNotAllowed(path: string): Handler {
  const allowed = routes.flatMap(([method, routePath]) => (routePath === path ? [method] : []))
  const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
  return (c, parts) => {
    const response = problem(c, parts, {
      code: 'method-not-allowed',
      detail: { en: `use ${allow} here`, zh: `此处请使用 ${allow}` },
    })
    response.headers.set('allow', allow)
    return response
  }
}

function getVkey(_c: Context, parts: Parts): Response {
  return new Response(`${parts.vkey}\n`, {
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
  })
}

async function getReady(c: Context, parts: Parts): Promise<Response> {
  const readiness = await parts.readiness()
  return c.json(readiness, readiness.ready ? 200 : 503, {
    'cache-control': 'no-store',
    ...(readiness.ready ? {} : { 'retry-after': '1' }),
  })
}

/** What the process counts by itself is shown also while the database, which the gauges are read from, is away. */
async function getMetrics(_c: Context, { metrics, collect, logger }: Parts): Promise<Response> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, collectTimeoutMs).unref())
  const collected = collect().catch((error) => logger.warn({ error }, 'the gauges could not be read'))
  await Promise.race([collected, late])
  return new Response(await metrics.registry.metrics(), {
    headers: { 'content-type': metrics.registry.contentType, 'cache-control': 'no-store' },
  })
}

function getOpenapi(c: Context, parts: Parts): Response {
  return c.json(openapiDocument(parts.keeper.inForce.rules), 200, { 'cache-control': 'no-cache' })
}

function getProblem(c: Context, parts: Parts): Response {
  const page = problemPage(c.req.param('code') ?? '', preferredLanguage(c.req.header('accept-language')))
  if (page === undefined) return problem(c, parts, { code: 'not-found', detail: noProblem })
  return new Response(page, {
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'max-age=3600', vary: 'accept-language' },
  })
}

const noRoute = {
  en: 'there is nothing at this address; /openapi.json lists what there is',
  zh: '该地址不存在；/openapi.json 列出全部地址',
}
const noProblem = {
  en: `there is no such problem; there are: ${Object.keys(problems).join(', ')}`,
  zh: `没有此问题代码；现有：${Object.keys(problems).join('、')}`,
}
