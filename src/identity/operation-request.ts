import { createHash, randomUUID } from 'node:crypto'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'
import { staleness } from './freshness.ts'
import { openJws } from './jws.ts'
import type { KeysInForce } from './keys-in-force.ts'
import type { SigningKey } from './private-key.ts'
import { signJws } from './sign.ts'

// What an operator asks for is on record as it was signed:
//
//   request  JWS, typ operation+jws, by an operator's key:
//            {action, …what the action needs, reason, log, iat, jti}
//
// A request is good once: whoever carries it out looks for its jti in the log.

export const operationMaxAgeSeconds = 300
export const longestReason = 500
const longestJti = 128

/** A request by an operator in force, fresh, for this log and this action. */
export interface Operation {
  readonly party: string
  readonly kid: string
  readonly reason: string
  readonly jti: string
  readonly payload: JsonObject
}

export interface OperationRules {
  /** the log's origin */
  readonly log: string
  roleOf(party: string): 'bureau' | 'auditor' | 'operator' | undefined
  readonly now: Date
}

/** @param details members that the action needs, such as the digests of a catalogue's files */
export function signOperation(
  by: SigningKey,
  {
    action,
    reason,
    log,
    details,
    now = new Date(),
  }: { action: string; reason: string; log: string; details: JsonObject; now?: Date },
): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000)
  return signJws(by, 'operation+jws', { action, ...details, reason, log, iat, jti: randomUUID() })
}

/**
 * @param request compact JWS
 * @throws {RefusedRequest} `malformed`, `signature-invalid`; `not-yours` when the signer is no operator; `invalid-request`
 */
export async function openOperation(
  request: string,
  action: string,
  keys: KeysInForce,
  { log, roleOf, now }: OperationRules,
): Promise<Operation> {
  const { key, payload } = await openJws(request, 'operation+jws', keys)
  if (roleOf(key.party) !== 'operator') throw new RefusedRequest('not-yours', onlyOperators)
  const { reason, jti, iat } = payload
  if (payload.action !== action) throw invalid({ en: `action must be "${action}"`, zh: `action 须为 "${action}"` })
  if (payload.log !== log) throw invalid({ en: `log must be "${log}"`, zh: `log 须为 "${log}"` })
  if (typeof reason !== 'string' || reason.trim() === '' || reason.length > longestReason)
    throw invalid({ en: `reason must have 1 to ${longestReason} characters`, zh: `reason 须为 1 至 ${longestReason} 字符` })
  if (typeof jti !== 'string' || jti === '' || jti.length > longestJti)
    throw invalid({ en: `jti must have 1 to ${longestJti} characters`, zh: `jti 须为 1 至 ${longestJti} 字符` })
  const stale = staleness(iat, now, operationMaxAgeSeconds)
  if (stale !== undefined) throw invalid(stale)
  return { party: key.party, kid: key.kid, reason, jti, payload }
}

/**
 * SHA-256 of what was signed and not of the signature, of which ECDSA has more than one for the same text: so a request is on
 * record once.
 *
 * @param request compact JWS
 */
export function digestOfSigned(request: string): Buffer {
  return createHash('sha256')
    .update(request.slice(0, request.lastIndexOf('.')))
    .digest()
}

const onlyOperators: Text = { en: 'only an operator may ask for this', zh: '仅运行方可提出此请求' }
const invalid = (detail: Text) => new RefusedRequest('invalid-request', detail)
