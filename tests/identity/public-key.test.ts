import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { algorithms } from '../../src/identity/algorithm.ts'
import { generateKey, importSigningKey } from '../../src/identity/private-key.ts'
import { importPublicKey } from '../../src/identity/public-key.ts'
import { newKey, refusal } from './parties.ts'

type Members = Readonly<Record<string, unknown>>

const bytes = (value: bigint) => {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
const hex = (text: string) => Buffer.from(text, 'hex').toString('base64url')
const modulusOf = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' }).n

let ec: Members
let ed: Members
let rsa: Members & { n: string }

beforeAll(async () => {
  ec = { ...(await newKey('ES256')).publicKey.jwk }
  ed = { ...(await newKey('EdDSA')).publicKey.jwk }
  rsa = { kty: 'RSA', e: 'AQAB', n: modulusOf(2048) ?? '' }
})

const refused = (detail?: RegExp) => expect.objectContaining(refusal('invalid-key', detail))

describe('a public key', () => {
  test.each(algorithms)('made for %s is taken, and its file signs for it', async (algorithm) => {
    const file = await generateKey(algorithm)
    const key = await importSigningKey(JSON.parse(JSON.stringify(file)))
    expect(key.publicKey.algorithm).toBe(algorithm)
    expect(key.kid).toBe(key.publicKey.thumbprint)
    expect(file.kid).toBe(key.kid)
    expect(Object.keys(key.publicKey.jwk).filter((member) => ['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(member))).toEqual([])
    expect(await calculateJwkThumbprint({ ...key.publicKey.jwk })).toBe(key.publicKey.thumbprint)
  })

  test('has the thumbprints of RFC 7638 section 3.1 and RFC 8037 appendix A.3', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    const first = importPublicKey({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' })
    expect(first.thumbprint).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
    const second = importPublicKey({ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' })
    expect(second.thumbprint).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  test('keeps its public members only, and fixes its algorithm', () => {
    expect(importPublicKey({ ...ec, kid: 'k', use: 'sig', key_ops: ['verify'], x5t: 'x', ext: true }).jwk).toEqual(ec)
    expect(importPublicKey(rsa).algorithm).toBe('RS256')
    expect(importPublicKey({ ...rsa, alg: 'PS256' }).jwk).toEqual({ ...rsa, alg: 'PS256' })
    expect(importPublicKey({ kty: 'EC', crv: 'P-256', x: ec.x, y: ec.y }).jwk).toEqual(ec)
  })

  test.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])('is refused with the private member %s', (member) => {
    for (const key of [ec, ed, rsa]) expect(() => importPublicKey({ ...key, [member]: 'AQAB' })).toThrow(refused(/private/))
  })

  const p = 2n ** 255n - 19n
  const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse().toString('base64url')
  const weak: readonly [string, () => unknown][] = [
    ['no object', () => 'key'],
    ['null', () => null],
    ['no kty', () => ({ crv: 'P-256' })],
    ['a shared secret', () => ({ kty: 'oct', k: 'AQAB' })],
    ['a key type of tomorrow', () => ({ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AQAB' })],
    ['a point off its curve', () => ({ ...ec, y: ec.x })],
    ['the point zero', () => ({ ...ec, x: hex('00'.repeat(32)), y: hex('00'.repeat(32)) })],
    ['coordinates beyond the field', () => ({ ...ec, x: hex('ff'.repeat(32)) })],
    ['a short coordinate', () => ({ ...ec, x: hex('01'.repeat(31)) })],
    ['a long coordinate', () => ({ ...ec, x: hex(`00${Buffer.from(String(ec.x), 'base64url').toString('hex')}`) })],
    ['a coordinate with padding', () => ({ ...ec, x: `${ec.x}=` })],
    ['no y', () => ({ kty: 'EC', crv: 'P-256', x: ec.x })],
    ['another curve', () => ({ ...generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }) })],
    ['secp256k1', () => ({ ...ec, crv: 'secp256k1' })],
    ['X25519', () => ({ ...ed, crv: 'X25519' })],
    ['31 bytes of Ed25519', () => ({ ...ed, x: hex('01'.repeat(31)) })],
    ['the neutral point', () => ({ ...ed, x: littleEndian(1n) })],
    ['the point of order 2', () => ({ ...ed, x: littleEndian(p - 1n) })],
    ['a point of order 4', () => ({ ...ed, x: littleEndian(0n) })],
    ['the other point of order 4', () => ({ ...ed, x: littleEndian(2n ** 255n) })],
    ['a point of order 8', () => ({ ...ed, x: hex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05') })],
    ['another point of order 8', () => ({ ...ed, x: hex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa') })],
    ['the neutral point spelled otherwise', () => ({ ...ed, x: littleEndian(p + 1n) })],
    ['an alg of another type', () => ({ ...ed, alg: 'ES256' })],
    ['an RSA key for ES256', () => ({ ...rsa, alg: 'ES256' })],
    ['an RSA key for RS512', () => ({ ...rsa, alg: 'RS512' })],
    ['an EC key for RS256', () => ({ ...ec, alg: 'RS256' })],
    ['use enc', () => ({ ...ec, use: 'enc' })],
    ['key_ops to sign', () => ({ ...ec, key_ops: ['sign', 'verify'] })],
    ['key_ops as text', () => ({ ...ec, key_ops: 'verify' })],
    ['1024 bits of RSA', () => ({ ...rsa, n: modulusOf(1024) })],
    ['2047 bits of RSA', () => ({ ...rsa, n: bytes(2n ** 2046n + 1n) })],
    ['8200 bits of RSA', () => ({ ...rsa, n: bytes(2n ** 8199n + 1n) })],
    ['a megabyte of RSA', () => ({ ...rsa, n: Buffer.alloc(1_000_000, 1).toString('base64url') })],
    ['an even modulus', () => ({ ...rsa, n: bytes(BigInt(`0x${Buffer.from(rsa.n, 'base64url').toString('hex')}`) ^ 1n) })],
    ['a modulus with a small factor', () => ({ ...rsa, n: bytes((2n ** 2047n / 751n + 2n) * 751n) })],
    [
      'zeros before the modulus',
      () => ({ ...rsa, n: Buffer.concat([Buffer.alloc(1), Buffer.from(rsa.n, 'base64url')]).toString('base64url') }),
    ],
    ['e = 1', () => ({ ...rsa, e: 'AQ' })],
    ['an even e', () => ({ ...rsa, e: 'AQAA' })],
    ['e of five bytes', () => ({ ...rsa, e: 'AQAAAAE' })],
    ['no e', () => ({ kty: 'RSA', n: rsa.n })],
  ]

  test.each(weak)('is refused: %s', (_, make) => {
    expect(() => importPublicKey(make())).toThrow(refused())
  })

  test.each(['Aw', 'AQAB'])('may have the exponent %s', (e) => {
    expect(importPublicKey({ ...rsa, e })).toMatchObject({ algorithm: 'RS256' })
  })
})
