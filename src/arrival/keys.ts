import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import { readKeyRequest } from '../identity/key-proof.ts'
import type { RulesToAppend } from '../log/appendable.ts'
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
 * a bureau rotates its own key with nothing but its keys.
 */
export async function postKey(c: Context, parts: Parts): Promise<Response> {
  if (mediaTypeOf(c) !== 'application/jose') throw new RefusedRequest('unsupported-media-type', wrongMediaType)
  const entry = readKeyRequest((await readBounded(c, maxProofBytes)).toString('utf8'))
  const item = keyToAppend(entry, parts.origin, parts.now)
  await refuseBeforeQueue(item, parts)
  const appended = await parts.append(item)
  if (appended.outcome === 'refused') throw RefusedRequest.logged(appended.refusal, appended.index)
  const { index, received } = appended
  const receipt = appended.outcome === 'appended' ? appended.receipt : (await parts.log.prove(index)).receipt
  return c.json({ index, received, action: entry.action, party: entry.party, kid: entry.kid, receipt }, 201, {
    'cache-control': 'no-store',
  })
}

/**
 * The append decides, but each change of the rules takes the log's lock alone: what nobody has signed must not come that
 * far, nor fill the queue of the party it names.
 */
async function refuseBeforeQueue(item: RulesToAppend, parts: Parts): Promise<void> {
  const before = parts.keeper.inForce
  const refusal = await item.refuse(before)
  if (refusal === undefined) return
  await parts.refreshRules()
  const later = parts.keeper.inForce
  const stillRefused = later === before ? refusal : await item.refuse(later)
  if (stillRefused !== undefined) throw RefusedRequest.logged(stillRefused, undefined)
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
