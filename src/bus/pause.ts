import { setTimeout } from 'node:timers/promises'

/** Waits, or returns early when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal, ref: true }).catch(() => undefined) // aborted: the caller looks at the signal
}

/** Pauses that double from `firstMs` to `maxMs`, until reset() says that all is well again. */
export class GrowingPause {
  readonly #firstMs: number
  readonly #maxMs: number
  #nextMs: number

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs
    this.#maxMs = maxMs
    this.#nextMs = firstMs
  }

  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs
    this.#nextMs = Math.min(ms * 2, this.#maxMs)
    await pause(ms, signal)
  }

  reset(): void {
    this.#nextMs = this.#firstMs
  }
}
