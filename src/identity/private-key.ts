import type { CryptoKey, JWK } from 'jose'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK } from 'jose/key/import'
import { isJsonObject } from '../domain/text.ts'
import type { Algorithm } from './algorithm.ts'
import { importPublicKey, type PublicKey } from './public-key.ts'

/** The content of a key file: a private JWK with its `kid` and its one algorithm. */
export type PrivateJwk = JWK & { readonly kid: string; readonly alg: Algorithm }

/** A private key ready for use. */
export interface SigningKey {
  readonly kid: string
  readonly publicKey: PublicKey
  readonly cryptoKey: CryptoKey
}

/** RSA keys get 3072 bits: as strong as P-256 (NIST SP 800-57 part 1, table 2). */
const generatedRsaBits = 3072

/** @param kid the key's thumbprint by default */
export async function generateKey(algorithm: Algorithm = 'ES256', kid?: string): Promise<PrivateJwk> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: generatedRsaBits })
  const { thumbprint } = importPublicKey(await exportJWK(pair.publicKey))
  return { ...(await exportJWK(pair.privateKey)), alg: algorithm, kid: kid ?? thumbprint }
}

/**
 * @param jwk parsed content of a key file; without `kid` the thumbprint stands in, without `alg` what fits the key
 * @throws {RefusedRequest} `invalid-key`; {Error} when there is no private part
 */
export async function importSigningKey(jwk: unknown): Promise<SigningKey> {
  if (!isJsonObject(jwk) || typeof jwk.d !== 'string') throw new Error('the file holds no private JWK')
  const { d, p, q, dp, dq, qi, oth, key_ops, ...rest } = jwk
  if (oth !== undefined) throw new Error('an RSA key of more than two primes is not supported')
  const publicKey = importPublicKey(rest)
  const kid = rest.kid ?? publicKey.thumbprint
  if (typeof kid !== 'string') throw new Error('kid of the private JWK must be a string')
  const texts = Object.entries({ d, p, q, dp, dq, qi }).filter(
    (member): member is [string, string] => typeof member[1] === 'string',
  )
  const cryptoKey = await importJWK({ ...publicKey.jwk, ...Object.fromEntries(texts) }, publicKey.algorithm)
  return { kid, publicKey, cryptoKey }
}
