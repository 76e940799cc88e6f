import type { Context } from 'hono'
import { type Refusal, RefusedRequest } from '../domain/refusal.ts'
import type { KeyEntry } from '../identity/key-entry.ts'
import { readKeyRequest } from '../identity/key-proof.ts'
import type { RulesToAppend } from '../log/appendable.ts'
import { receivedText } from '../log/entry.ts'
import { keyToAppend } from '../log/key-append.ts'
import { mediaTypeOf, readBounded } from './body.ts'
import { notKept } from './not-kept.ts'
import type { Parts } from './parts.ts'
import { refuseQuery } from './query.ts'
import { authenticate } from './reader.ts'

/** A proof carries a voucher and an RSA key at most. */
const maxProofBytes = 24 * 1024

/**
 * `POST /v1/keys`: registers or revokes a key. The body is the proof itself, as identity/key-proof.ts describes it, so
 * a bureau rotates its own key with nothing but its keys. The very proof that an entry came of is answered by that entry
 * (200), whatever became of the keys since, and nothing is appended.
 */
export async function postKey(c: Context, parts: Parts): Promise<Response> {
  if (mediaTypeOf(c) !== 'application/jose') throw new RefusedRequest('unsupported-media-type', wrongMediaType)
  const entry = readKeyRequest((await readBounded(c, maxProofBytes)).toString('utf8'), parts.now())
  const item = keyToAppend(entry, parts.origin, parts.now)
  const early = await refusalBeforeQueue(item, parts)
  const appended = early === undefined ? await parts.append(item) : ({ outcome: 'refused', refusal: early } as const)
  if (appended.outcome === 'appended') return acceptance(c, entry, appended, 201)
  if (appended.outcome === 'repeated') return acceptance(c, entry, await entryAt(appended.index, parts), 200)
  const before = parts.keeper.inForce.keys.indexOf(entry.proof)
  if (before === undefined) throw RefusedRequest.logged(appended.refusal, undefined)
  return acceptance(c, entry, await entryAt(before, parts), 200)
}

/** What the first answer to this very proof said: whoever lost it can't tell success from refusal otherwise. */
async function entryAt(index: number, { log }: Parts): Promise<Accepted> {
  const [row, { receipt }] = await Promise.all([log.entry(index), log.prove(index)])
  if (row === undefined) throw new Error(`the log has no entry ${index}`)
  return { index, received: receivedText(row.received), receipt }
}

interface Accepted {
  readonly index: number
  readonly received: string
  readonly receipt: string
}

function acceptance(
  c: Context,
  { action, party, kid }: KeyEntry,
  { index, received, receipt }: Accepted,
  status: 200 | 201,
): Response {
  return c.json({ index, received, action, party, kid, receipt }, status, { 'cache-control': 'no-store' })
}

/**
 * The append decides, but each change of the rules takes the log's lock alone: what nobody has signed must not come that
 * far, nor fill the queue of the party it names.
 */
async function refusalBeforeQueue(item: RulesToAppend, parts: Parts): Promise<Refusal | undefined> {
  const before = parts.keeper.inForce
  const refusal = await item.refuse(before)
  if (refusal === undefined) return undefined
  await parts.refreshRules()
  const later = parts.keeper.inForce
  return later === before ? refusal : item.refuse(later)
}

/** `GET /v1/keys`: every key there ever was, for any party that can show a token. */
export async function getKeys(c: Context, parts: Parts): Promise<Response> {
  await authenticate(c, parts)
  refuseQuery(c)
  const keys = parts.keeper.inForce.keys.history().map(({ key, registeredAt, revoked }) => ({
    party: key.party,
    kid: key.kid,
    algorithm: key.algorithm,
    thumbprint: key.thumbprint,
    jwk: key.jwk,
    registeredAt,
    ...(revoked === undefined
      ? {}
      : { revokedAt: revoked.index, reason: revoked.reason, compromisedSince: revoked.compromisedSince }),
  }))
  return c.json({ keys }, 200, notKept)
}

const wrongMediaType = {
  en: 'send the proof as Content-Type: application/jose; `lianban keys register` makes it',
  zh: '请以 Content-Type: application/jose 发送证明；可用 `lianban keys register` 生成',
}
