import { compactVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { algorithms } from '../../src/identity/algorithm.ts'
import { splitCompact } from '../../src/identity/compact.ts'
import { generateKey, importSigningKey } from '../../src/identity/private-key.ts'
import { readProtectedHeader } from '../../src/identity/protected-header.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { verifyHere, verifySignature } from '../../src/identity/verify-signature.ts'

type Change = (signature: Buffer) => Buffer

const changes: Readonly<Record<string, Change>> = {
  'left as it is': (signature) => signature,
  'with a bit changed': (signature) => Buffer.from(signature).fill((signature[5] ?? 0) ^ 1, 5, 6),
  empty: () => Buffer.alloc(0),
  'a byte short': (signature) => signature.subarray(1),
  'a byte longer': (signature) => Buffer.concat([signature, Buffer.of(0)]),
  'of zeroes': (signature) => Buffer.alloc(signature.length),
  'of ones': (signature) => Buffer.alloc(signature.length, 0xff),
}

/** In its ASN.1 form a signature is another text that says the same, and none of the two may take it. */
function derOf(signature: Buffer): Buffer {
  const integer = (bytes: Buffer) => Buffer.concat([Buffer.of(2, bytes.length + 1, 0), bytes])
  const both = Buffer.concat([integer(signature.subarray(0, 32)), integer(signature.subarray(32))])
  return Buffer.concat([Buffer.of(0x30, both.length), both])
}

describe('a gateway and an auditor take and refuse the signatures that an implementation of other hands does', () => {
  for (const algorithm of algorithms) {
    test(algorithm, async () => {
      const key = await importSigningKey(await generateKey(algorithm))
      const other = await importSigningKey(await generateKey(algorithm))
      const compact = await signEvent(key, { id: '1', text: '大连' })
      const { header, signature } = splitCompact(compact)
      const read = readProtectedHeader(header, 'event+jws')
      const all = algorithm === 'ES256' ? { ...changes, 'in ASN.1': derOf } : changes
      for (const [name, change] of Object.entries(all)) {
        const changed = `${compact.slice(0, compact.lastIndexOf('.'))}.${change(signature).toString('base64url')}`
        for (const by of [key, other]) {
          const good = name === 'left as it is' && by === key
          const taken = {
            jose: await holds(() => compactVerify(changed, by.publicKey.keyObject, { algorithms: [algorithm] })),
            gateway: await holds(() => verifySignature(changed, read, by.publicKey), signatureInvalid),
            auditor: await holds(async () => verifyHere(changed, read, by.publicKey), signatureInvalid),
          }
          expect(taken, name).toEqual({ jose: good, gateway: good, auditor: good })
        }
      }
    })
  }
})

const signatureInvalid = { refusal: { code: 'signature-invalid' } }

async function holds(verify: () => Promise<unknown>, refusal: object = {}): Promise<boolean> {
  try {
    await verify()
    return true
  } catch (error) {
    expect(error).toMatchObject(refusal)
    return false
  }
}
