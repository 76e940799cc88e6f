import { setTimeout } from 'node:timers/promises'

/** Waits, or returns early when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal, ref: true }).catch(() => undefined) // aborted: the caller looks at the signal
}

/** From the beginning of one round of who reads the log to that of the next, unless more is left than one round takes. */
export const roundMs = 20
/** The same of the publisher, whose rounds are also those of the broker and of every consumer behind it. */
export const publisherRoundMs = 50
/** The same where rounds take long: what waits for the next one waits no longer than this. */
const longestRoundMs = 500
/** From one beginning to the next it is this often as long as the round took: a pause as long as the work. */
const shareOfWork = 2

/**
 * Bounds how often a round begins: at once when the last one began long enough ago, and under load so seldom that what came
 * meanwhile shares it. A round's own cost, in statements, requests and commits, is far above that of one more event in it; the
 * fuller the machine, the longer a round takes, and the more share the next.
 */
export class Pace {
  readonly #leastMs: number
  readonly #nowMs: () => number
  #beganAt = Number.NEGATIVE_INFINITY
  #nextAt = Number.NEGATIVE_INFINITY

  /** @param leastMs from the beginning of one round to that of the next, however short the round is */
  constructor(leastMs: number, nowMs: () => number = () => performance.now()) {
    this.#leastMs = leastMs
    this.#nowMs = nowMs
  }

  /** until the next round may begin */
  get waitMs(): number {
    return Math.max(0, this.#nextAt - this.#nowMs())
  }

  /** Waits for the next round's time, or until the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const { waitMs } = this
    if (waitMs > 0) await pause(waitMs, signal)
  }

  begin(): void {
    this.#beganAt = this.#nowMs()
  }

  end(): void {
    const tookMs = this.#nowMs() - this.#beganAt
    this.#nextAt = this.#beganAt + Math.min(Math.max(this.#leastMs, shareOfWork * tookMs), longestRoundMs)
  }
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
