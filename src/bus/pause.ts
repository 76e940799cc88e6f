import { setTimeout } from 'node:timers/promises'

/** Waits, or returns early when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal, ref: true }).catch(() => undefined) // aborted: the caller looks at the signal
}

/**
 * Bounds how often a round begins: at once when the last one began long enough ago, and under load so seldom that what came
 * meanwhile shares it. A round's own cost, in statements, requests and commits, is far above that of one more event in it.
 */
export class Pace {
  readonly #everyMs: number
  #nextAt = 0

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  async round(signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextAt - performance.now()
    if (waitMs > 0) await pause(waitMs, signal)
    this.#nextAt = performance.now() + this.#everyMs
  }
}

/** From the beginning of one round of a publisher or consumer to the next, unless more waits than one round takes. */
export const roundMs = 20

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
