import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { parseStrictJson } from './strict-json.ts'

/** Longest event, as compact JWS: it and the rest of its entry fit into 65,535 bytes, and into one message of a broker. */
export const maxEventBytes = 48 * 1024

/** The three parts of a compact JWS, decoded. */
export interface CompactParts {
  readonly header: Buffer
  readonly payload: Buffer
  /** may be empty: that is well-formed, and never valid */
  readonly signature: Buffer
}

/**
 * Takes a compact JWS apart. One signature has one spelling: no padding, no other alphabet, no set bits after the last byte.
 *
 * @throws {RefusedRequest} `malformed`
 * @see RFC 7515 section 7.1; RFC 4648 sections 3.5 and 5
 */
export function splitCompact(compact: string): CompactParts {
  const [header, payload, signature, more] = compact.split('.', 4)
  if (header === undefined || payload === undefined || signature === undefined || more !== undefined)
    throw new RefusedRequest('malformed', {
      en: 'a compact JWS has exactly three parts with dots between them',
      zh: '紧凑 JWS 须恰好由点号分隔的三部分组成',
    })
  return {
    header: decodeStrictly(header, 'protected header', '受保护头'),
    payload: decodeStrictly(payload, 'payload', '载荷'),
    signature: decodeStrictly(signature, 'signature', '签名'),
  }
}

/**
 * Turns flattened JSON into the compact form, which is what the log stores.
 *
 * @param body bytes of an `application/jose+json` request
 * @throws {RefusedRequest} `malformed`, also for an unprotected `header`: nobody has signed it
 * @see RFC 7515 section 7.2.2
 */
export function flattenedToCompact(body: Uint8Array): string {
  const members = parseStrictJson(body)
  const { protected: header, payload, signature } = members
  if (
    typeof header !== 'string' ||
    typeof payload !== 'string' ||
    typeof signature !== 'string' ||
    Object.keys(members).length !== 3
  )
    throw new RefusedRequest('malformed', {
      en: 'a flattened JWS has exactly the members protected, payload and signature, all strings, and no unprotected header',
      zh: '扁平 JWS 须恰有 protected、payload、signature 三个字符串成员，且不得含未保护头',
    })
  if (`${header}${payload}${signature}`.includes('.'))
    throw new RefusedRequest('malformed', { en: 'a part of the flattened JWS contains a dot', zh: '扁平 JWS 的某一部分含有点号' })
  return `${header}.${payload}.${signature}`
}

/** What a gateway once checked and logged, read again without its signature. Only for text that comes from the log. */
export function payloadOfLogged(compact: string): JsonObject {
  return parseStrictJson(splitCompact(compact).payload)
}

/** Canonical base64url is what comes out again as it went in: one comparison finds every fault there is. */
export function isStrictBase64url(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text
}

function decodeStrictly(text: string, en: string, zh: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text)
    throw new RefusedRequest('malformed', {
      en: `the ${en} is not strict base64url (no padding, only A-Z a-z 0-9 - _, unused bits zero)`,
      zh: `${zh}不是严格的 base64url（无填充，仅 A-Z a-z 0-9 - _，多余位须为零）`,
    })
  return bytes
}
