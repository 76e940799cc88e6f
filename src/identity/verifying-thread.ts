import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { RefusedRequest } from '../domain/refusal.ts'
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
  readonly #failed: (error: unknown) => void
  #worker: Worker | undefined
  /** told to the thread that runs now */
  #keys = new Map<PublicKey, number>()
  #collected: Waiting[] = []
  /** handed over, in the order in which they are answered */
  #handed: (readonly Waiting[])[] = []
  #closed = false

  /** @param failed hears why a thread could not be made, or ended */
  constructor(failed: (error: unknown) => void = () => undefined) {
    this.#failed = failed
  }

  /**
   * @param compact already known to be strict base64url, with this header
   * @throws {RefusedRequest} `signature-invalid`; `overloaded` when the thread ended meanwhile, and another try has another one
   */
  async verify(compact: string, header: ProtectedHeader, key: PublicKey): Promise<void> {
    if (header.alg !== key.algorithm) throw otherAlgorithm(header, key)
    if (this.#closed) throw threadEnded()
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
    if (this.#closed) {
      for (const { reject } of collected) reject(threadEnded())
      return
    }
    let worker: Worker
    try {
      worker = this.#running()
    } catch (error) {
      // the machine has no room for a thread: the senders are told to come again
      this.#failed(error)
      for (const { reject } of collected) reject(threadEnded())
      return
    }
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
    // an answer of one that has ended must not be taken for its successor's
    worker.on('message', (fits: VerifiedBatch) => {
      if (this.#worker === worker) this.#answer(fits)
    })
    worker.on('error', (error) => {
      this.#failed(error)
      this.#ended(worker)
    })
    worker.on('exit', () => this.#ended(worker))
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
  #ended(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const handed = this.#handed.splice(0)
    for (const { reject } of handed.flat()) reject(threadEnded())
  }
}

function threadEnded(): RefusedRequest {
  return new RefusedRequest('overloaded', {
    en: 'the signature could not be verified just now; nothing was stored, send the same request again a little later',
    zh: '暂时无法验证签名；未保存任何内容，请稍后重发同一请求',
  })
}
