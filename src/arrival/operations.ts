import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { digestOfSigned, type Operation, openOperation } from '../identity/operation-request.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { operationEntryText } from '../log/entry.ts'
import type { RulesInForce } from '../log/rules-in-force.ts'
import { mediaTypeOf, readBounded } from './body.ts'
import { underFreshRules } from './fresh-rules.ts'
import type { Parts } from './parts.ts'

/** A request has to fit into an entry of the log. */
const maxBodyBytes = 48 * 1024

/**
 * Routes on which operators act. The body is `{request}`: what the operator signed, see identity/operation-request.ts. It is on
 * record before it is carried out.
 *
 * @param actions those of this route
 * @returns 201 with `{index, received, receipt?, action, …}`; 200 when it was done already
 */
export function postOperation(...actions: readonly string[]) {
  return async (c: Context, parts: Parts): Promise<Response> => {
    if (mediaTypeOf(c) !== 'application/json') throw new RefusedRequest('unsupported-media-type', wrongMediaType)
    const request = readBody(await readBounded(c, maxBodyBytes))
    const operation = await underFreshRules(parts, (inForce) => open(request, actions, inForce, parts))
    const action = String(operation.payload.action)
    const act = parts.ledger.act(action)
    if (act === undefined) throw new Error(`a route names ${action}, which nothing carries out`)
    const prepared = act.prepare(operation.payload)
    // what is on record and not carried out yet comes first
    await parts.ledger.carryOut()
    const before = await prepared.before(operation)
    if (before !== undefined && 'already' in before) return json(c, { action, ...before.already, carriedOut: false }, 200)
    if (before !== undefined) throw RefusedRequest.logged(before.refusal, undefined)
    const appended = await record(request, action, operation, parts)
    await parts.ledger.carryOut()
    const { index } = appended
    const told = (await parts.operations.waits(index)) ? { waitsFor: 'approval' } : await prepared.answer?.(index)
    if (appended.outcome === 'repeated') return json(c, { action, index, received: appended.received, ...told }, 200)
    return json(c, { action, index, received: appended.received, receipt: appended.receipt, ...told }, 201)
  }
}

function readBody(bytes: Buffer): string {
  const { request } = parseStrictJson(bytes)
  if (typeof request !== 'string') throw new RefusedRequest('invalid-request', wrongShape)
  return request
}

async function open(
  request: string,
  actions: readonly string[],
  { keys, rules }: RulesInForce,
  parts: Parts,
): Promise<Operation> {
  const [first = ''] = actions
  const named = actions.find((action) => action === unverifiedAction(request)) ?? first
  const roleOf = (party: string) => rules.parties.get(party)?.role
  return await openOperation(request, named, keys, { log: parts.origin, roleOf, now: parts.now() })
}

/** Only to choose among the actions of a route: openOperation() compares it with the verified payload. */
function unverifiedAction(request: string): unknown {
  try {
    return JSON.parse(Buffer.from(request.split('.')[1] ?? '', 'base64url').toString('utf8')).action
  } catch {
    // openOperation() says what is wrong with it
    return undefined
  }
}

async function record(request: string, action: string, { party, kid }: Operation, parts: Parts) {
  const digest = digestOfSigned(request)
  const entry = { action, party, kid, digest: digest.toString('hex'), request }
  const text = (received: string) => operationEntryText(received, entry)
  const appended = await parts.append({ kind: 'operation', party, text, digest })
  if (appended.outcome === 'refused') throw RefusedRequest.logged(appended.refusal, appended.index)
  return appended
}

const json = (c: Context, body: JsonObject, status: 200 | 201) => c.json(body, status, { 'cache-control': 'no-store' })

const wrongMediaType = {
  en: 'send Content-Type: application/json; the commands of lianban do',
  zh: '请使用 Content-Type: application/json；lianban 的命令会自动设置',
}
const wrongShape = {
  en: 'the body must be {"request": <compact JWS>}',
  zh: '请求体须为 {"request": <紧凑 JWS>}',
}
