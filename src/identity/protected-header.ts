import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'
import { type Algorithm, isAlgorithm } from './algorithm.ts'
import { parseStrictJson } from './strict-json.ts'

/** Each use of a signature has a typ of its own, so that none passes for another (RFC 8725 section 3.11). */
export type Typ = 'event+jws' | 'access+jwt' | 'key-proof+jws' | 'key-voucher+jws' | 'key-revocation+jws' | 'operation+jws'

export interface ProtectedHeader {
  readonly alg: Algorithm
  readonly kid: string
  readonly typ: Typ
  /** every member as signed, with those that mean nothing here */
  readonly members: JsonObject
}

/** Members that would change what is signed, or say where to find a key: the key comes from the log and from nowhere else. */
const refusedMembers = ['crit', 'b64', 'jku', 'jwk', 'x5u', 'x5c']

/** Senders write the same header over every event: the latest good ones, by how they are written. */
const remembered = new Map<string, ProtectedHeader>()
const maxRemembered = 1024
const maxRememberedBytes = 1024

/**
 * A header that was good before, without decoding it again.
 *
 * @param text the first part as it is written; of bytes that were remembered only the strict base64url is found
 */
export function rememberedHeader(text: string, typ: Typ): ProtectedHeader | undefined {
  const header = remembered.get(text)
  return header?.typ === typ ? header : undefined
}

/**
 * @param bytes the decoded first part
 * @throws {RefusedRequest} `signature-invalid`, whatever is wrong: who signed can't be told
 * @see RFC 7515 section 4; RFC 8725 sections 3.1, 3.10 and 3.11
 */
export function readProtectedHeader(bytes: Uint8Array, typ: Typ): ProtectedHeader {
  const header = checkedHeader(bytes, typ)
  if (bytes.length > maxRememberedBytes) return header
  // written anew: a part of the request would keep all of it in memory
  remembered.set(Buffer.from(bytes).toString('base64url'), header)
  const [oldest] = remembered.keys()
  if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest)
  return header
}

function checkedHeader(bytes: Uint8Array, typ: Typ): ProtectedHeader {
  const members = parseHeader(bytes)
  const refused = refusedMembers.find((name) => Object.hasOwn(members, name))
  if (refused !== undefined)
    throw signatureInvalid({ en: `the protected header must not have ${refused}`, zh: `受保护头不得含 ${refused}` })
  const { alg, kid } = members
  if (members.typ !== typ)
    throw signatureInvalid({ en: `the protected header's typ must be "${typ}"`, zh: `受保护头的 typ 须为 "${typ}"` })
  if (!isAlgorithm(alg))
    throw signatureInvalid({
      en: "the protected header's alg must be ES256, EdDSA, RS256 or PS256",
      zh: '受保护头的 alg 须为 ES256、EdDSA、RS256 或 PS256',
    })
  if (typeof kid !== 'string')
    throw signatureInvalid({ en: 'the protected header must name the key as kid', zh: '受保护头须以 kid 指明密钥' })
  return { alg, kid, typ, members }
}

function parseHeader(bytes: Uint8Array): JsonObject {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    const { en, zh } = error.refusal.detail
    throw signatureInvalid({ en: `the protected header: ${en}`, zh: `受保护头：${zh}` })
  }
}

export function signatureInvalid(detail: Text): RefusedRequest {
  return new RefusedRequest('signature-invalid', detail)
}
