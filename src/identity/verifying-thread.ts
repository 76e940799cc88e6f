import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Algorithm } from './algorithm.ts'
import type { ProtectedHeader } from './protected-header.ts'
import type { PublicKey } from './public-key.ts'
import { notFittingSignature, otherAlgorithm } from './verify-signature.ts'

/** What the thread is handed at once; it answers after each, so that nobody waits for a whole burst. */
const maxBatch = 16

/** Signatures to verify, by keys that the thread was told of before or is told of now. */
export interface VerifyingBatch {
  readonly keys: readonly { readonly id: number; readonly algorithm: Algorithm; readonly keyObject: KeyObject }[]
  readonly compacts: readonly string[]
  /** of the key of each */
  readonly keyIds: readonly number[]
}

/** For each of a batch 1 where the signature fits, 0 where it does not. */
export type VerifiedBatch = Uint8Array<ArrayBuffer>

interface Waiting {
  readonly compact: string
  readonly key: PublicKey
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * A thread that verifies signatures for an event loop.
 *
 * What arrives in one turn of the loop goes over together. libuv's thread pool takes and answers each signature by itself: the handing
 * over costs the loop a third of what the arithmetic takes, and on a full machine four threads crowd it out.
 */
export class VerifyingThread {
  #worker: Worker | undefined
  /** told to the thread that runs now */
  #keys = new Map<PublicKey, number>()
  #collected: Waiting[] = []
  /** handed over, in the order in which they are answered */
  #handed: (readonly Waiting[])[] = []
  #closed = false

  /**
   * @param compact already known to be strict base64url, with this header
   * @throws {RefusedRequest} `signature-invalid`; an Error when the thread ended meanwhile, and another try has another one
   */
  async verify(compact: string, header: ProtectedHeader, key: PublicKey): Promise<void> {
    if (header.alg !== key.algorithm) throw otherAlgorithm(header, key)
    if (this.#closed) throw new Error('signatures are no longer verified: the gateway is stopping')
    await new Promise<void>((resolve, reject) => {
      this.#collected.push({ compact, key, resolve, reject })
      if (this.#collected.length === 1) setImmediate(() => this.#handOver())
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#worker?.terminate()
  }

  #handOver(): void {
    const collected = this.#collected
    this.#collected = []
    const worker = this.#running()
    for (let at = 0; at < collected.length; at += maxBatch) {
      const batch = collected.slice(at, at + maxBatch)
      this.#handed.push(batch)
      worker.postMessage(this.#messageOf(batch))
    }
  }

  #messageOf(batch: readonly Waiting[]): VerifyingBatch {
    const keys: VerifyingBatch['keys'][number][] = []
    const keyIds = batch.map(({ key }) => {
      const known = this.#keys.get(key)
      if (known !== undefined) return known
      const id = this.#keys.size
      this.#keys.set(key, id)
      keys.push({ id, algorithm: key.algorithm, keyObject: key.keyObject })
      return id
    })
    return { keys, compacts: batch.map(({ compact }) => compact), keyIds }
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./verifying-worker.js', import.meta.url))
    worker.unref()
    worker.on('message', (fits: VerifiedBatch) => this.#answer(fits))
    worker.on('error', (error) => this.#ended(worker, error))
    worker.on('exit', () => this.#ended(worker, new Error('the thread that verifies signatures has ended')))
    this.#keys = new Map()
    this.#worker = worker
    return worker
  }

  #answer(fits: VerifiedBatch): void {
    const batch = this.#handed.shift() ?? []
    for (const [i, { resolve, reject }] of batch.entries()) {
      if (fits[i] === 1) resolve()
      else reject(notFittingSignature())
    }
  }

  /** The next signature starts another one. */
  #ended(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const handed = this.#handed.splice(0)
    for (const { reject } of handed.flat()) reject(error)
  }
}
