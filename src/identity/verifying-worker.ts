import { parentPort } from 'node:worker_threads'
import { signatureFits, type VerifyingKey } from './verify-signature.ts'
import type { VerifyingBatch } from './verifying-thread.ts'

const keys = new Map<number, VerifyingKey>()

parentPort?.on('message', ({ keys: told, compacts, keyIds }: VerifyingBatch) => {
  for (const { id, ...key } of told) keys.set(id, key)
  const fits = new Uint8Array(compacts.length)
  for (const [i, compact] of compacts.entries()) {
    const key = keys.get(keyIds[i] ?? -1)
    if (key === undefined) throw new Error('a signature came before its key')
    fits[i] = signatureFits(compact, key) ? 1 : 0
  }
  parentPort?.postMessage(fits)
})
