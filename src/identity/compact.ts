import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'
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

/** The three parts as they are written, none of them looked at. */
export interface CompactTexts {
  readonly header: string
  readonly payload: string
  readonly signature: string
}

/**
 * Takes a compact JWS apart. One signature has one spelling: no padding, no other alphabet, no set bits after the last byte.
 *
 * @throws {RefusedRequest} `malformed`
 * @see RFC 7515 section 7.1; RFC 4648 sections 3.5 and 5
 */
export function splitCompact(compact: string): CompactParts {
  const texts = textsOf(compact)
  return {
    header: decodedPart(texts, 'header'),
    payload: decodedPart(texts, 'payload'),
    signature: decodedPart(texts, 'signature'),
  }
}

/** @throws {RefusedRequest} `malformed`, for another number of parts */
export function textsOf(compact: string): CompactTexts {
  const [header, payload, signature, more] = compact.split('.', 4)
  if (header === undefined || payload === undefined || signature === undefined || more !== undefined)
    throw new RefusedRequest('malformed', {
      en: 'a compact JWS has exactly three parts with dots between them',
      zh: '紧凑 JWS 须恰好由点号分隔的三部分组成',
    })
  return { header, payload, signature }
}

const names: Readonly<Record<keyof CompactTexts, Text>> = {
  header: { en: 'protected header', zh: '受保护头' },
  payload: { en: 'payload', zh: '载荷' },
  signature: { en: 'signature', zh: '签名' },
}

/** @throws {RefusedRequest} `malformed`, for what is no strict base64url */
export function decodedPart(texts: CompactTexts, part: keyof CompactTexts): Buffer {
  const text = texts[part]
  const bytes = Buffer.from(text, 'base64url')
  if (!isSpelling(text, bytes)) throw notStrict(part, text)
  return bytes
}

/** Where parts are decoded that nobody keeps: a buffer of its own for each costs more than its decoding. */
const passing = Buffer.alloc(maxEventBytes)

/**
 * The same as {@link decodedPart} for who is through with the bytes before anything else is decoded.
 *
 * @throws {RefusedRequest} `malformed`
 */
export function decodedInPassing(texts: CompactTexts, part: keyof CompactTexts): Buffer {
  const text = texts[part]
  if (text.length > passing.length) return decodedPart(texts, part)
  const bytes = passing.subarray(0, passing.write(text, 'base64url'))
  if (!isSpelling(text, bytes)) throw notStrict(part, text)
  return bytes
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

/** Strict: no padding, only A-Z a-z 0-9 - _, unused bits zero. So bytes have one spelling. */
export function isStrictBase64url(text: string): boolean {
  return isSpelling(text, Buffer.from(text, 'base64url'))
}

/**
 * Whether encoding the bytes gives the text again, without encoding them. Node's decoder passes over characters of neither base64
 * alphabet and stops at padding, so that fewer bytes come out; it takes `+` and `/` as well, and of characters beyond ASCII
 * it may see the low byte alone.
 *
 * @param bytes what Node decodes from the text
 */
function isSpelling(text: string, bytes: Buffer): boolean {
  const { length } = text
  const rest = length % 4
  if (rest === 1 || bytes.length !== Math.floor((length * 3) / 4)) return false
  if (text.includes('+') || text.includes('/') || Buffer.byteLength(text) !== length) return false
  return rest === 0 || (rest === 2 ? fourBitsUnused : twoBitsUnused).includes(text.charAt(length - 1))
}

/** The characters whose last bits are zero. */
const fourBitsUnused = 'AQgw'
const twoBitsUnused = 'AEIMQUYcgkosw048'

function notStrict(part: keyof CompactTexts, text: string): RefusedRequest {
  const { en, zh } = names[part]
  // echo and an editor put one at the end, where nobody sees it
  if (/\s/.test(text))
    return new RefusedRequest('malformed', {
      en: `there is a line break or a space in the ${en}: send the compact JWS alone, without one at its end either`,
      zh: `${zh}中有换行或空格：请仅发送紧凑 JWS，末尾也不得有换行或空格`,
    })
  return new RefusedRequest('malformed', {
    en: `the ${en} is not strict base64url (no padding, only A-Z a-z 0-9 - _, unused bits zero)`,
    zh: `${zh}不是严格的 base64url（无填充，仅 A-Z a-z 0-9 - _，多余位须为零）`,
  })
}
