import { constants, type VerifyKeyObjectInput, verify } from 'node:crypto'
import type { Text } from '../domain/text.ts'
import type { Algorithm } from './algorithm.ts'
import { type ProtectedHeader, signatureInvalid } from './protected-header.ts'
import type { PublicKey } from './public-key.ts'

/**
 * The one place where a signature is verified, by Node's own OpenSSL: RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1.
 *
 * The arithmetic runs in libuv's thread pool, the event loop only prepares it. A test holds it against jose, which takes and
 * refuses the same and costs a third more (`bench/verify.mjs`).
 *
 * @param compact already known to be strict base64url, with this header
 * @throws {RefusedRequest} `signature-invalid`
 */
export async function verifySignature(compact: string, header: ProtectedHeader, key: PublicKey): Promise<void> {
  const [digest, input, by, signature] = prepared(compact, header, key)
  const fits = await new Promise<boolean>((resolve, reject) => {
    verify(digest, input, by, signature, (error, result) => (error ? reject(error) : resolve(result)))
  })
  if (!fits) throw signatureInvalid(notFitting)
}

/** The same on the calling thread, without waiting: for an auditor's worker, and a gateway that has little else to do. */
export function verifyHere(compact: string, header: ProtectedHeader, key: PublicKey): void {
  if (!verify(...prepared(compact, header, key))) throw signatureInvalid(notFitting)
}

type Verification = readonly [digest: string | null, input: Buffer, key: VerifyKeyObjectInput, signature: Buffer]

function prepared(compact: string, header: ProtectedHeader, key: PublicKey): Verification {
  if (header.alg !== key.algorithm) throw signatureInvalid(otherAlgorithm(header, key))
  const end = compact.lastIndexOf('.')
  const signature = Buffer.from(compact.slice(end + 1), 'base64url')
  const input = Buffer.from(compact.slice(0, end), 'latin1')
  const { digest, ...options } = parameters[key.algorithm]
  return [digest, input, { key: key.keyObject, ...options }, signature]
}

const parameters: Readonly<Record<Algorithm, { readonly digest: string | null } & Omit<VerifyKeyObjectInput, 'key'>>> = {
  ES256: { digest: 'sha256', dsaEncoding: 'ieee-p1363' },
  EdDSA: { digest: null },
  RS256: { digest: 'sha256', padding: constants.RSA_PKCS1_PADDING },
  PS256: { digest: 'sha256', padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
}

const otherAlgorithm = (header: ProtectedHeader, key: PublicKey): Text => ({
  en: `the key ${header.kid} signs with ${key.algorithm}`,
  zh: `密钥 ${header.kid} 的算法为 ${key.algorithm}`,
})

const notFitting: Text = {
  en: 'the signature does not fit the header, the payload and the key',
  zh: '签名与头、载荷及密钥不符',
}
