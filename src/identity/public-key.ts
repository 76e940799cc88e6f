import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject, type JsonObject, type Text } from '../domain/text.ts'
import type { Algorithm } from './algorithm.ts'
import { isStrictBase64url } from './compact.ts'

export const minRsaBits = 2048
/** Verification grows with the square of the length; nobody has a longer key in a key box. */
export const maxRsaBits = 8192

/** What the log stores of a key: its public members, one spelling, and the one algorithm it signs with. */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string; readonly alg: 'ES256' }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string; readonly alg: 'EdDSA' }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string; readonly alg: 'RS256' | 'PS256' }

export interface PublicKey {
  readonly jwk: PublicJwk
  readonly algorithm: Algorithm
  /** RFC 7638, SHA-256, base64url */
  readonly thumbprint: string
  readonly keyObject: KeyObject
}

/**
 * Takes a public key only if a signature by it means something.
 *
 * @param jwk as it came: `kid` and members that say nothing about the key itself are left out of the result
 * @throws {RefusedRequest} `invalid-key`
 * @see RFC 7517 section 4; RFC 7518 section 6; RFC 8037 section 2; RFC 8725 sections 3.2 and 3.4
 */
export function importPublicKey(jwk: unknown): PublicKey {
  const publicJwk = readPublicJwk(jwk)
  return { jwk: publicJwk, algorithm: publicJwk.alg, thumbprint: thumbprint(publicJwk), keyObject: keyObjectOf(publicJwk) }
}

/**
 * The name a key has by itself.
 *
 * @see RFC 7638 section 3; RFC 8037 section 2 for OKP
 */
export function thumbprint(jwk: PublicJwk): string {
  return createHash('sha256')
    .update(JSON.stringify(requiredMembers(jwk)))
    .digest('base64url')
}

function requiredMembers(jwk: PublicJwk): JsonObject {
  switch (jwk.kty) {
    case 'EC':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
    case 'OKP':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
    case 'RSA':
      return { e: jwk.e, kty: jwk.kty, n: jwk.n }
  }
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** The checks of {@link importPublicKey} without the point's: one spelling of the key, or a refusal. */
export function readPublicJwk(jwk: unknown): PublicJwk {
  if (!isJsonObject(jwk)) throw invalidKey({ en: 'the key is not a JWK object', zh: '密钥不是 JWK 对象' })
  const secret = privateMembers.find((member) => Object.hasOwn(jwk, member))
  if (secret !== undefined)
    throw invalidKey({
      en: `the key has the private member ${secret}; send the public part, and take another key since this one has been shown`,
      zh: `密钥含私有成员 ${secret}；请只提交公钥部分，且该密钥已泄露，须更换`,
    })
  if (Object.hasOwn(jwk, 'use') && jwk.use !== 'sig')
    throw invalidKey({ en: 'use must be "sig" where it is given', zh: 'use 如有须为 "sig"' })
  if (Object.hasOwn(jwk, 'key_ops') && !isVerifyOnly(jwk.key_ops))
    throw invalidKey({ en: 'key_ops must be ["verify"] where it is given', zh: 'key_ops 如有须为 ["verify"]' })
  switch (jwk.kty) {
    case 'EC':
      return readEc(jwk)
    case 'OKP':
      return readEd25519(jwk)
    case 'RSA':
      return readRsa(jwk)
    default:
      throw invalidKey({ en: 'kty must be EC, OKP or RSA', zh: 'kty 须为 EC、OKP 或 RSA' })
  }
}

function isVerifyOnly(operations: unknown): boolean {
  return Array.isArray(operations) && operations.length === 1 && operations[0] === 'verify'
}

function readEc(jwk: JsonObject): PublicJwk {
  if (jwk.crv !== 'P-256') throw invalidKey({ en: 'an EC key must be on P-256', zh: 'EC 密钥须为 P-256' })
  const alg = algorithmOf(jwk, ['ES256'])
  return { kty: 'EC', crv: 'P-256', x: bytesOf(jwk, 'x', 32).text, y: bytesOf(jwk, 'y', 32).text, alg }
}

/**
 * Points of order 1, 2, 4 and 8, without the sign of x: under such a key a signature can be made that holds for any
 * message. Their other spellings, y of p or more, are refused as such.
 */
const smallOrder = new Set([
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])
const fieldPrime = 2n ** 255n - 19n

function readEd25519(jwk: JsonObject): PublicJwk {
  if (jwk.crv !== 'Ed25519') throw invalidKey({ en: 'an OKP key must be on Ed25519', zh: 'OKP 密钥须为 Ed25519' })
  const alg = algorithmOf(jwk, ['EdDSA'])
  const { bytes, text } = bytesOf(jwk, 'x', 32)
  const y = Buffer.from(bytes)
  y.writeUInt8(y.readUInt8(31) & 0x7f, 31)
  if (BigInt(`0x${Buffer.from(y).reverse().toString('hex')}`) >= fieldPrime || smallOrder.has(y.toString('hex')))
    throw invalidKey({ en: 'x is a point of small order, or not in its shortest spelling', zh: 'x 是小阶点或非规范编码' })
  return { kty: 'OKP', crv: 'Ed25519', x: text, alg }
}

function readRsa(jwk: JsonObject): PublicJwk {
  const alg = algorithmOf(jwk, ['RS256', 'PS256'])
  const n = unsignedOf(jwk, 'n')
  const e = unsignedOf(jwk, 'e')
  const bits = n.value.toString(2).length
  if (bits < minRsaBits || bits > maxRsaBits)
    throw invalidKey({
      en: `an RSA key must have ${minRsaBits} to ${maxRsaBits} bits, not ${bits}`,
      zh: `RSA 密钥须为 ${minRsaBits} 至 ${maxRsaBits} 位，实为 ${bits} 位`,
    })
  if (smallPrimes.some((prime) => n.value % prime === 0n)) throw invalidKey({ en: 'n has a small factor', zh: 'n 含小因子' })
  if (e.value < 3n || e.value % 2n === 0n || e.value >= 2n ** 32n)
    throw invalidKey({ en: 'e must be odd, at least 3 and below 2^32', zh: 'e 须为奇数，不小于 3 且小于 2^32' })
  return { kty: 'RSA', n: n.text, e: e.text, alg }
}

/** 2 is among them: an even modulus is none. As far as OpenSSL's and SP 800-89's partial validation go. */
const smallPrimes = Array.from({ length: 750 }, (_, i) => i + 2)
  .filter((n, _, all) => !all.some((m) => m * m <= n && n % m === 0))
  .map(BigInt)

function algorithmOf<const Fitting extends readonly [Algorithm, ...Algorithm[]]>(
  jwk: JsonObject,
  fitting: Fitting,
): Fitting[number] {
  if (!Object.hasOwn(jwk, 'alg')) return fitting[0]
  const found = fitting.find((algorithm) => algorithm === jwk.alg)
  if (found === undefined)
    throw invalidKey({ en: `alg must be ${fitting.join(' or ')} for this key`, zh: `此密钥的 alg 须为 ${fitting.join(' 或 ')}` })
  return found
}

function bytesOf(jwk: JsonObject, member: string, length?: number): { readonly text: string; readonly bytes: Buffer } {
  const text = jwk[member]
  if (typeof text !== 'string' || text === '' || !isStrictBase64url(text))
    throw invalidKey({ en: `${member} must be strict base64url`, zh: `${member} 须为严格的 base64url` })
  const bytes = Buffer.from(text, 'base64url')
  if (length !== undefined && bytes.length !== length)
    throw invalidKey({ en: `${member} must have ${length} bytes`, zh: `${member} 须为 ${length} 字节` })
  return { text, bytes }
}

function unsignedOf(jwk: JsonObject, member: string): { readonly text: string; readonly value: bigint } {
  const { text, bytes } = bytesOf(jwk, member)
  if (bytes[0] === 0) throw invalidKey({ en: `${member} must not begin with a zero byte`, zh: `${member} 不得以零字节开头` })
  // before BigInt: a body of megabytes would take seconds
  if (bytes.length > maxRsaBits / 8)
    throw invalidKey({ en: `${member} is longer than ${maxRsaBits} bits`, zh: `${member} 超过 ${maxRsaBits} 位` })
  return { text, value: BigInt(`0x${bytes.toString('hex')}`) }
}

function keyObjectOf(jwk: PublicJwk): KeyObject {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' })
  } catch {
    // the library's message differs by version; what is left to be wrong here is the point
    throw invalidKey({ en: 'the point is not on its curve', zh: '该点不在曲线上' })
  }
}

export function invalidKey(detail: Text): RefusedRequest {
  return new RefusedRequest('invalid-key', detail)
}
