import { createHash } from 'node:crypto'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'
import { maxAheadSeconds } from './freshness.ts'
import { openJws } from './jws.ts'
import type { KeysInForce } from './keys-in-force.ts'

export const maxTokenBytes = 8 * 1024
export const maxTokenLifetimeSeconds = 300

/** A token that is good now, and whose it is. */
export interface AccessToken {
  readonly party: string
  readonly kid: string
  readonly jti: string | undefined
  readonly claims: JsonObject
  /** SHA-256 of the compact token: what an `operation` entry names instead of the token */
  readonly digest: Buffer
}

/**
 * @param token what follows `Bearer `
 * @param audience the log's origin
 * @throws {RefusedRequest} `token-invalid`
 * @see RFC 7519 section 4.1; RFC 8725 sections 3.8, 3.9 and 3.11
 */
export async function openAccessToken(
  token: string,
  keys: KeysInForce,
  { audience, now }: { audience: string; now: Date },
): Promise<AccessToken> {
  if (token.length > maxTokenBytes)
    throw tokenInvalid({ en: `the token is longer than ${maxTokenBytes} bytes`, zh: `令牌超过 ${maxTokenBytes} 字节` })
  const digest = createHash('sha256').update(token).digest()
  const reader = seenBefore(keys, digest) ?? (await openUnseen(token, keys, digest))
  checkClaims(reader.claims, audience, now.getTime() / 1000)
  return reader
}

async function openUnseen(token: string, keys: KeysInForce, digest: Buffer): Promise<AccessToken> {
  const { key, payload } = await openSigned(token, keys)
  const { jti } = payload
  if (jti !== undefined && typeof jti !== 'string') throw tokenInvalid({ en: 'jti must be a string', zh: 'jti 须为字符串' })
  const opened = { party: key.party, kid: key.kid, jti, claims: payload, digest }
  remember(keys, opened)
  return opened
}

async function openSigned(token: string, keys: KeysInForce) {
  try {
    return await openJws(token, 'access+jwt', keys)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    throw tokenInvalid(error.refusal.detail)
  }
}

function checkClaims({ aud, iat, exp, nbf }: JsonObject, audience: string, now: number): void {
  const audiences = Array.isArray(aud) ? aud : [aud]
  if (audiences.length !== 1 || audiences[0] !== audience)
    throw tokenInvalid({ en: `aud must be "${audience}" alone`, zh: `aud 须仅为 "${audience}"` })
  if (typeof iat !== 'number' || typeof exp !== 'number')
    throw tokenInvalid({ en: 'iat and exp must be numbers of seconds', zh: 'iat 与 exp 须为秒数' })
  if (exp <= now) throw tokenInvalid({ en: 'the token has expired', zh: '令牌已过期' })
  if (iat > now + maxAheadSeconds)
    throw tokenInvalid({
      en: 'iat lies in the future: check the clock, and that iat and exp are seconds since 1970, not milliseconds',
      zh: 'iat 在未来：请检查时钟，并确认 iat 与 exp 为 1970 年以来的秒数而非毫秒数',
    })
  if (exp <= iat || exp - iat > maxTokenLifetimeSeconds)
    throw tokenInvalid({
      en: `exp must lie after iat, by at most ${maxTokenLifetimeSeconds} seconds`,
      zh: `exp 须晚于 iat，且相距不超过 ${maxTokenLifetimeSeconds} 秒`,
    })
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > now + maxAheadSeconds))
    throw tokenInvalid({ en: 'nbf is not reached yet', zh: '尚未到 nbf 时间' })
}

/** A reader shows one token many times in its five minutes; its signature is verified once. */
const maxRemembered = 1000
/** By the keys they were verified with: any change of keys forgets them all, so a revoked key's token stops at once. */
const remembered = new WeakMap<KeysInForce, Map<string, AccessToken>>()

function seenBefore(keys: KeysInForce, digest: Buffer): AccessToken | undefined {
  return remembered.get(keys)?.get(digest.toString('base64'))
}

function remember(keys: KeysInForce, reader: AccessToken): void {
  const readers = remembered.get(keys) ?? new Map<string, AccessToken>()
  remembered.set(keys, readers.set(reader.digest.toString('base64'), reader))
  // the oldest goes first: none is of use for longer than five minutes
  const [oldest] = readers.keys()
  if (readers.size > maxRemembered && oldest !== undefined) readers.delete(oldest)
}

function tokenInvalid(detail: Text): RefusedRequest {
  return new RefusedRequest('token-invalid', detail)
}
