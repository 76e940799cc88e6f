import path from 'node:path'
import { compactVerify } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import { algorithms } from '../../src/identity/algorithm.ts'
import { splitCompact } from '../../src/identity/compact.ts'
import { generateKey, importSigningKey } from '../../src/identity/private-key.ts'
import { readProtectedHeader } from '../../src/identity/protected-header.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { verifyHere } from '../../src/identity/verify-signature.ts'
import { built } from '../support/built.ts'

// a thread is made of JavaScript
const { VerifyingThread }: typeof import('../../src/identity/verifying-thread.ts') = await import(
  path.join(await built(), 'identity', 'verifying-thread.js')
)
const thread = new VerifyingThread()
afterAll(() => thread.close())

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

describe('signatures are taken and refused as by an implementation of other hands, on the event loop and on the thread', () => {
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
            here: await holds(async () => verifyHere(changed, read, by.publicKey), signatureInvalid),
            thread: await holds(() => thread.verify(changed, read, by.publicKey), signatureInvalid),
          }
          expect(taken, name).toEqual({ jose: good, here: good, thread: good })
        }
      }
    })
  }
})

test('what is handed to the thread together is answered each for itself, in whatever mixture', async () => {
  const keys = await Promise.all(algorithms.map(async (algorithm) => importSigningKey(await generateKey(algorithm))))
  const made = Array.from({ length: 100 }, (_, i) => ({ key: keys[i % keys.length], good: i % 7 !== 3, i }))
  const asked = await Promise.all(
    made.map(async ({ key, good, i }) => {
      if (key === undefined) throw new Error('there is a key for each algorithm')
      const compact = await signEvent(key, { id: String(i) })
      const other = await signEvent(key, { id: `${i} changed` })
      const shown = good ? compact : compact.slice(0, compact.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'))
      return { shown, header: readProtectedHeader(splitCompact(shown).header, 'event+jws'), key: key.publicKey }
    }),
  )
  const taken = await Promise.all(
    asked.map(({ shown, header, key }) => holds(() => thread.verify(shown, header, key), signatureInvalid)),
  )
  expect(taken).toEqual(made.map(({ good }) => good))
})

test('a thread that ends leaves nobody waiting', async () => {
  const ending = new VerifyingThread()
  const key = await importSigningKey(await generateKey('ES256'))
  const compact = await signEvent(key, { id: '1' })
  const header = readProtectedHeader(splitCompact(compact).header, 'event+jws')
  await ending.verify(compact, header, key.publicKey)
  const waiting = Promise.allSettled(Array.from({ length: 40 }, () => ending.verify(compact, header, key.publicKey)))
  // they are handed over first
  await new Promise((resolve) => setImmediate(resolve))
  await ending.close()
  const outcomes = new Set((await waiting).map((one) => (one.status === 'rejected' ? String(one.reason.refusal?.code) : 'fits')))
  expect([...outcomes].filter((one) => one !== 'fits')).toEqual(['overloaded'])
  await expect(ending.verify(compact, header, key.publicKey)).rejects.toMatchObject({ refusal: { code: 'overloaded' } })
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
