import { compactVerify, errors } from 'jose'
import type { Text } from '../domain/text.ts'
import { type ProtectedHeader, signatureInvalid } from './protected-header.ts'
import type { PublicKey } from './public-key.ts'

/**
 * The one place where a gateway verifies a signature; an auditor's workers use `verifyHere`.
 *
 * jose with an imported CryptoKey: the arithmetic runs in libuv's thread pool, the event loop only prepares it.
 * `bench/verify.mjs` compares the ways.
 *
 * @param compact already known to be strict base64url, with this header
 * @throws {RefusedRequest} `signature-invalid`
 */
export async function verifySignature(compact: string, header: ProtectedHeader, key: PublicKey): Promise<void> {
  if (header.alg !== key.algorithm) throw signatureInvalid(otherAlgorithm(header, key))
  try {
    await compactVerify(compact, key.cryptoKey, { algorithms: [key.algorithm] })
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error
    throw signatureInvalid(notFitting)
  }
}

export const otherAlgorithm = (header: ProtectedHeader, key: PublicKey): Text => ({
  en: `the key ${header.kid} signs with ${key.algorithm}`,
  zh: `密钥 ${header.kid} 的算法为 ${key.algorithm}`,
})

export const notFitting: Text = {
  en: 'the signature does not fit the header, the payload and the key',
  zh: '签名与头、载荷及密钥不符',
}
