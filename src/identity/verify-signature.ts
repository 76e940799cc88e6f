import { constants, type VerifyKeyObjectInput, verify } from 'node:crypto'
import type { RefusedRequest } from '../domain/refusal.ts'
import type { Algorithm } from './algorithm.ts'
import { maxEventBytes } from './compact.ts'
import { type ProtectedHeader, signatureInvalid } from './protected-header.ts'
import type { PublicKey } from './public-key.ts'

/** What verifying needs of a key. */
export type VerifyingKey = Pick<PublicKey, 'algorithm' | 'keyObject'>

/**
 * The one place where a signature is verified, by Node's own OpenSSL: RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1. A test holds
 * it against jose, which takes and refuses the same and costs a third more (`bench/verify.mjs`).
 *
 * @param compact already known to be strict base64url, with a header whose `alg` is the key's
 */
export function signatureFits(compact: string, { algorithm, keyObject }: VerifyingKey): boolean {
  const end = compact.lastIndexOf('.')
  const signature = Buffer.from(compact.slice(end + 1), 'base64url')
  const { digest, options } = parameters[algorithm]
  return verify(digest, inputInPassing(compact, end), { key: keyObject, ...options }, signature)
}

/**
 * Verifies on the calling thread, without waiting: for an auditor's worker, and a gateway that has little else to do.
 *
 * @throws {RefusedRequest} `signature-invalid`
 */
export function verifyHere(compact: string, header: ProtectedHeader, key: PublicKey): void {
  if (header.alg !== key.algorithm) throw otherAlgorithm(header, key)
  if (!signatureFits(compact, key)) throw notFittingSignature()
}

/** A buffer of its own for each input would cost a microsecond, and the collector its share. */
const passing = Buffer.alloc(maxEventBytes)

function inputInPassing(compact: string, end: number): Buffer {
  if (compact.length > passing.length) return Buffer.from(compact.slice(0, end), 'latin1')
  passing.write(compact, 'latin1')
  return passing.subarray(0, end)
}

interface Parameters {
  readonly digest: string | null
  readonly options: Omit<VerifyKeyObjectInput, 'key'>
}

const parameters: Readonly<Record<Algorithm, Parameters>> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { digest: null, options: {} },
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: {
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  },
}

export function otherAlgorithm(header: ProtectedHeader, key: PublicKey): RefusedRequest {
  return signatureInvalid({
    en: `the key ${header.kid} signs with ${key.algorithm}`,
    zh: `密钥 ${header.kid} 的算法为 ${key.algorithm}`,
  })
}

export function notFittingSignature(): RefusedRequest {
  return signatureInvalid({
    en: 'the signature does not fit the header, the payload and the key',
    zh: '签名与头、载荷及密钥不符',
  })
}
