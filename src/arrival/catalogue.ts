import type { Context } from 'hono'
import { compileNewRules } from '../catalogue/compile.ts'
import { catalogueDigests, isFileName, maxFileBytes, maxFiles } from '../catalogue/load.ts'
import { CatalogueInvalid, type Rules } from '../catalogue/rules.ts'
import { maxFindings, RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject, type Text } from '../domain/text.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { catalogueToAppend, invalidCatalogue, isInForce, openApplyCatalogue } from '../log/catalogue-append.ts'
import { mediaTypeOf, readBounded } from './body.ts'
import { FairTurns } from './fair-turns.ts'
import { underFreshRules } from './fresh-rules.ts'
import type { Parts } from './parts.ts'

/** The shipped catalogue has some 150 KB; ten times that is a mistake. */
const maxBodyBytes = 2 * 1024 * 1024

/**
 * A body is in memory and parsed before it is known who signed it, and there is a connection for thousands: so a few have a turn
 * at once. A slow sender loses its own: eight wait for four turns of 4 s each, so that none waits in vain.
 */
const bounds = { atOnce: 4, waitingOfLane: 8, keptMs: 1000, waitMs: 10_000 }
const bodyMs = 4000

/**
 * `POST /v1/operations/catalogue`: puts a catalogue in force. The body is `{request, files}`: what the operator signed, with
 * the digest of every file, and the files' content by name.
 */
export async function postCatalogue(c: Context, parts: Parts): Promise<Response> {
  if (mediaTypeOf(c) !== 'application/json') throw new RefusedRequest('unsupported-media-type', wrongMediaType)
  const turn = await turns.begin('anybody')
  try {
    return await putInForce(c, parts)
  } finally {
    turn.end()
  }
}

async function putInForce(c: Context, parts: Parts): Promise<Response> {
  const { request, files } = readBody(await readBounded(c, maxBodyBytes, bodyMs))
  const operation = await underFreshRules(parts, (inForce) => openApplyCatalogue(request, inForce, parts))
  if (JSON.stringify(operation.payload.files) !== JSON.stringify(catalogueDigests(files))) throw invalid(otherFiles)
  const next = compile(files)
  const before = parts.keeper.inForce
  if (isInForce(next, before)) return inForceAlready(c, parts)
  const appended = await parts.append(await catalogueToAppend(request, operation.party, next, before, parts))
  if (appended.outcome === 'appended') {
    const { index, received, receipt } = appended
    parts.logger.info({ index, party: operation.party, kid: operation.kid }, 'a new catalogue is in force')
    return c.json({ index, received, receipt, applied: true }, 201, { 'cache-control': 'no-store' })
  }
  // somebody applied the very same at the same moment
  if (isInForce(next, parts.keeper.inForce)) return inForceAlready(c, parts)
  if (appended.outcome === 'repeated') throw new Error('a catalogue is never a repetition')
  const { refusal } = appended
  throw RefusedRequest.logged({ ...refusal, ...(refusal.errors && { errors: refusal.errors.slice(0, maxFindings) }) }, undefined)
}

function readBody(bytes: Buffer): { request: string; files: ReadonlyMap<string, string> } {
  const { request, files } = parseStrictJson(bytes)
  if (typeof request !== 'string' || !isJsonObject(files)) throw invalid(wrongShape)
  const contents = Object.entries(files).flatMap(([name, content]): [string, string][] =>
    isFileName(name) && typeof content === 'string' && Buffer.byteLength(content) <= maxFileBytes ? [[name, content]] : [],
  )
  if (contents.length !== Object.keys(files).length || contents.length > maxFiles) throw invalid(wrongFiles)
  return { request, files: new Map(contents) }
}

function compile(files: ReadonlyMap<string, string>): Rules {
  try {
    return compileNewRules(files)
  } catch (error) {
    if (!(error instanceof CatalogueInvalid)) throw error
    const { code, detail, errors } = invalidCatalogue(error.faults)
    throw new RefusedRequest(code, detail, errors?.slice(0, maxFindings))
  }
}

function inForceAlready(c: Context, { keeper }: Parts): Response {
  const index = keeper.inForce.catalogues.at(-1)?.index
  return c.json({ index, applied: false, note: 'these files are in force already' }, 200, { 'cache-control': 'no-store' })
}

const turns = new FairTurns(bounds, {
  full: (most) => ({
    en: `more than ${most} catalogues wait for their turn; send this one again a little later`,
    zh: `等待处理的目录超过 ${most} 个；请稍后重发`,
  }),
  tooLong: {
    en: 'this catalogue waited too long for its turn; nothing was stored, send it again a little later',
    zh: '该目录等待处理的时间过长；未保存任何内容，请稍后重发',
  },
})

const invalid = (detail: Text) => new RefusedRequest('invalid-request', detail)
const wrongMediaType = {
  en: 'send Content-Type: application/json; `lianban catalogue apply` does',
  zh: '请使用 Content-Type: application/json；可用 `lianban catalogue apply`',
}
const wrongShape = {
  en: 'the body must be {"request": <compact JWS>, "files": {<name>: <content>}}',
  zh: '请求体须为 {"request": <紧凑 JWS>, "files": {<文件名>: <内容>}}',
}
const wrongFiles = {
  en: `files must have at most ${maxFiles} names like registration/x.v1.json, and contents of at most ${maxFileBytes} bytes`,
  zh: `files 最多 ${maxFiles} 个，名称形如 registration/x.v1.json，内容均不超过 ${maxFileBytes} 字节`,
}
const otherFiles = {
  en: 'the digests that were signed are not those of the files; names must be sorted in the signed list',
  zh: '签名中的摘要与文件不符；签名列表中的文件名须按序排列',
}
