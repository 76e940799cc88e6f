import { hash } from 'node:crypto'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { decodedInPassing, decodedPart, maxEventBytes, textsOf } from './compact.ts'
import type { KeysInForce, RegisteredKey } from './keys-in-force.ts'
import { type ProtectedHeader, readProtectedHeader, rememberedHeader, signatureInvalid, type Typ } from './protected-header.ts'
import { parseStrictJson } from './strict-json.ts'
import { verifyHere } from './verify-signature.ts'

/** Whom an event must be addressed to. */
export interface Audience {
  /** the log's origin */
  readonly origin: string
  /** the catalogue's `audience` */
  readonly aud: 'optional' | 'required'
}

/** Throws `signature-invalid`. Either takes and refuses the same; they differ in where the arithmetic runs. */
export type SignatureVerifier = (compact: string, header: ProtectedHeader, key: RegisteredKey) => Promise<void> | void

/** A JWS whose signature fits a key in force. */
export interface SignedPayload {
  readonly key: RegisteredKey
  readonly header: ProtectedHeader
  readonly payload: JsonObject
}

/** An event that has passed checks 1 and 2: it is known whose it is, and nothing else about it. Made by nobody but {@link openSignedEvent} and {@link readSignedEvent}. */
class VerifiedEvent {
  // a private member makes the class nominal: nothing else passes for it
  #payloadDigest: Buffer | undefined
  #digest: Buffer | undefined
  readonly compact: string
  readonly party: string
  readonly kid: string
  readonly header: JsonObject
  readonly payload: JsonObject

  constructor(compact: string, { key, header, payload }: SignedPayload) {
    this.compact = compact
    this.party = key.party
    this.kid = key.kid
    this.header = header.members
    this.payload = payload
  }

  /** SHA-256 of the payload's bytes: what makes two events with one id the same */
  get payloadDigest(): Buffer {
    this.#payloadDigest ??= sha256(decodedInPassing(textsOf(this.compact), 'payload'))
    return this.#payloadDigest
  }

  /** SHA-256 of the compact form: what makes two requests the same */
  get digest(): Buffer {
    this.#digest ??= sha256(this.compact)
    return this.#digest
  }
}

export type { VerifiedEvent }

/**
 * Checks 1 and 2 of an event, in this order.
 *
 * @param compact at most {@link maxEventBytes} bytes
 * @throws {RefusedRequest} `too-large`, `malformed`, `signature-invalid`; nothing is logged for any of them
 * @see RFC 7515 section 5.2; RFC 8725 for what is left out
 */
export async function openSignedEvent(
  compact: string,
  keys: KeysInForce,
  audience: Audience,
  verify: SignatureVerifier = verifyHere,
): Promise<VerifiedEvent> {
  const signed = readEvent(compact, keys)
  await verify(compact, signed.header, signed.key)
  return eventFor(audience, compact, signed)
}

/** An event that names a key in force; whether that key has signed it, nobody has looked yet. */
export interface UnverifiedEvent {
  /** whose key it names */
  readonly party: string
  readonly payload: JsonObject
  /**
   * On the calling thread, without waiting.
   *
   * @throws {RefusedRequest} `signature-invalid`
   */
  verify(): VerifiedEvent
}

/**
 * The checks of {@link openSignedEvent} in two steps, for an auditor who verifies many signatures at a stretch.
 *
 * @throws {RefusedRequest} `too-large`, `malformed`, `signature-invalid` for a header or key that is no good
 */
export function readSignedEvent(compact: string, keys: KeysInForce, audience: Audience): UnverifiedEvent {
  const signed = readEvent(compact, keys)
  return {
    party: signed.key.party,
    payload: signed.payload,
    verify() {
      verifyHere(compact, signed.header, signed.key)
      return eventFor(audience, compact, signed)
    },
  }
}

function readEvent(compact: string, keys: KeysInForce): SignedPayload {
  if (compact.length > maxEventBytes)
    throw new RefusedRequest('too-large', {
      en: `the compact JWS has ${compact.length} bytes, ${maxEventBytes} are allowed`,
      zh: `紧凑 JWS 为 ${compact.length} 字节，上限 ${maxEventBytes} 字节`,
    })
  return readJws(compact, 'event+jws', keys)
}

function eventFor(audience: Audience, compact: string, signed: SignedPayload): VerifiedEvent {
  const { aud } = signed.header.members
  if (aud === undefined ? audience.aud === 'required' : aud !== audience.origin)
    throw signatureInvalid({
      en: `the protected header's aud must be "${audience.origin}"`,
      zh: `受保护头的 aud 须为 "${audience.origin}"`,
    })
  return new VerifiedEvent(compact, signed)
}

/**
 * Opens any JWS by a key in force: first its shape, payload included, then header, key and signature.
 *
 * @throws {RefusedRequest} `malformed`, `signature-invalid`
 */
export async function openJws(
  compact: string,
  typ: Typ,
  keys: KeysInForce,
  verify: SignatureVerifier = verifyHere,
): Promise<SignedPayload> {
  const signed = readJws(compact, typ, keys)
  await verify(compact, signed.header, signed.key)
  return signed
}

/** Everything but the signature, which whoever calls this verifies next. */
function readJws(compact: string, typ: Typ, keys: KeysInForce): SignedPayload {
  const texts = textsOf(compact)
  const unread = rememberedHeader(texts.header, typ) ?? decodedPart(texts, 'header')
  const payloadBytes = decodedInPassing(texts, 'payload')
  decodedPart(texts, 'signature')
  const payload = parsePayload(payloadBytes)
  const header = Buffer.isBuffer(unread) ? readProtectedHeader(unread, typ) : unread
  const key = keys.find(header.kid)
  if (key === undefined) throw signatureInvalid({ en: 'the kid names no key in force', zh: 'kid 所指密钥不存在或已失效' })
  return { key, header, payload }
}

function parsePayload(bytes: Buffer): JsonObject {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    const { en, zh } = error.refusal.detail
    throw new RefusedRequest('malformed', { en: `the payload: ${en}`, zh: `载荷：${zh}` })
  }
}

function sha256(bytes: Buffer | string): Buffer {
  return hash('sha256', bytes, 'buffer')
}
