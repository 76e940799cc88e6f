import { randomUUID } from 'node:crypto'
// jose as a whole has 45 modules, which every process and thread would load
import { CompactSign } from 'jose/jws/compact/sign'
import type { JsonObject } from '../domain/text.ts'
import type { SigningKey } from './private-key.ts'
import type { Typ } from './protected-header.ts'

/**
 * @param header further members of the protected header, such as `aud`
 * @returns compact JWS
 */
export function signJws(key: SigningKey, typ: Typ, payload: JsonObject | Uint8Array, header: JsonObject = {}): Promise<string> {
  const bytes = payload instanceof Uint8Array ? payload : new TextEncoder().encode(JSON.stringify(payload))
  return new CompactSign(bytes)
    .setProtectedHeader({ ...header, alg: key.publicKey.algorithm, kid: key.kid, typ })
    .sign(key.cryptoKey)
}

/** @param payload the event, or its bytes where those must stay as they are */
export function signEvent(key: SigningKey, payload: JsonObject | Uint8Array, header: JsonObject = {}): Promise<string> {
  return signJws(key, 'event+jws', payload, header)
}

/** A token for one exchange, for as long as it is needed: at most 300 s are accepted. */
export function signAccessToken(
  key: SigningKey,
  { audience, lifetimeSeconds = 120, now = new Date() }: { audience: string; lifetimeSeconds?: number; now?: Date },
): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000)
  return signJws(key, 'access+jwt', { aud: audience, iat, exp: iat + lifetimeSeconds, jti: randomUUID() })
}
