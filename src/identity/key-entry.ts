import { isJsonObject, type Text } from '../domain/text.ts'
import { invalidKey, type PublicJwk, readPublicJwk } from './public-key.ts'

/** A `key` entry of the log, without `received`. */
export type KeyEntry = KeyRegisterEntry | KeyRevokeEntry

export interface KeyRegisterEntry {
  readonly kind: 'key'
  readonly action: 'register'
  readonly party: string
  readonly kid: string
  readonly jwk: PublicJwk
  /** compact JWS by the new key, see key-proof.ts */
  readonly proof: string
}

export interface KeyRevokeEntry {
  readonly kind: 'key'
  readonly action: 'revoke'
  readonly party: string
  readonly kid: string
  /** for people, 1 to 500 characters */
  readonly reason: string
  /** RFC 3339, UTC */
  readonly compromisedSince?: string
  /** compact JWS by a key of the party or of an operator, see key-proof.ts */
  readonly proof: string
}

const longestKid = 128
const longestReason = 500

/**
 * Reads what an entry or a request says about a key; whether it is true is not looked at.
 *
 * @param value parsed JSON; members that a key entry doesn't have are left out of the result
 * @throws {RefusedRequest} `invalid-key`
 */
export function readKeyEntry(value: unknown): KeyEntry {
  if (!isJsonObject(value) || value.kind !== 'key') throw invalidKey({ en: 'it is no key entry', zh: '不是密钥条目' })
  const { action, party, kid, jwk, reason, compromisedSince, proof } = value
  if (typeof party !== 'string' || typeof proof !== 'string')
    throw invalidKey({ en: 'party and proof must be strings', zh: 'party 与 proof 须为字符串' })
  if (typeof kid !== 'string' || !isKid(kid))
    throw invalidKey({
      en: `kid must have 1 to ${longestKid} printable ASCII characters`,
      zh: `kid 须为 1 至 ${longestKid} 个可打印 ASCII 字符`,
    })
  if (action === 'register') return { kind: 'key', action, party, kid, jwk: readPublicJwk(jwk), proof }
  if (action !== 'revoke') throw invalidKey({ en: 'action must be register or revoke', zh: 'action 须为 register 或 revoke' })
  if (typeof reason !== 'string' || reason.length < 1 || reason.length > longestReason)
    throw invalidKey({
      en: `a revocation needs a reason of 1 to ${longestReason} characters`,
      zh: `吊销须注明原因（1 至 ${longestReason} 字符）`,
    })
  if (compromisedSince === undefined) return { kind: 'key', action, party, kid, reason, proof }
  if (typeof compromisedSince !== 'string' || !isUtcTime(compromisedSince)) throw invalidKey(notSince)
  return { kind: 'key', action, party, kid, reason, compromisedSince, proof }
}

/** Printable, so that a kid reads the same in a log line, a header and a list. */
export function isKid(kid: string): boolean {
  return kid.length <= longestKid && /^[\x21-\x7e]+$/.test(kid)
}

export const notSince: Text = {
  en: 'compromisedSince must be a time like 2026-11-23T08:00:00Z',
  zh: 'compromisedSince 须为形如 2026-11-23T08:00:00Z 的时间',
}

/** Logs may have a 31st of February, which was taken once; `readKeyRequest` takes it no more. */
function isUtcTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text) && !Number.isNaN(Date.parse(text))
}
