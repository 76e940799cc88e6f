import { constants, KeyObject, verify } from 'node:crypto'
import type { CryptoKey } from 'jose'
import type { Algorithm } from './algorithm.ts'
import { type ProtectedHeader, signatureInvalid } from './protected-header.ts'
import type { PublicKey } from './public-key.ts'
import { notFitting, otherAlgorithm } from './verify-signature.ts'

/**
 * As `verifySignature`, on the calling thread and without waiting: for a worker that has nothing else to do. It takes
 * and refuses what WebCrypto does: the same library below, and the same parameters (RFC 7518 sections 3.3 to 3.5,
 * RFC 8037 section 3.1). A test holds the two against each other.
 *
 * @param compact already known to be strict base64url, with this header
 * @throws {RefusedRequest} `signature-invalid`
 */
export function verifyHere(compact: string, header: ProtectedHeader, key: PublicKey): void {
  if (header.alg !== key.algorithm) throw signatureInvalid(otherAlgorithm(header, key))
  const end = compact.lastIndexOf('.')
  const signature = Buffer.from(compact.slice(end + 1), 'base64url')
  const input = Buffer.from(compact.slice(0, end), 'latin1')
  if (!fits(key.algorithm, input, keyObjectOf(key), signature)) throw signatureInvalid(notFitting)
}

function fits(algorithm: Algorithm, input: Buffer, key: KeyObject, signature: Buffer): boolean {
  switch (algorithm) {
    case 'ES256':
      return verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'EdDSA':
      return verify(null, input, key, signature)
    case 'RS256':
      return verify('sha256', input, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    case 'PS256':
      return verify(
        'sha256',
        input,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
        signature,
      )
  }
}

const keyObjects = new WeakMap<CryptoKey, KeyObject>()

function keyObjectOf({ cryptoKey }: PublicKey): KeyObject {
  const found = keyObjects.get(cryptoKey) ?? KeyObject.from(cryptoKey)
  keyObjects.set(cryptoKey, found)
  return found
}
