/** Says what happens again and again only once in a while, and how often it happened since; what was long ago counts no more. */
export class Seldom {
  readonly #everyMs: number
  readonly #nowMs: () => number
  #saidAt = Number.NEGATIVE_INFINITY
  #notedAt = Number.NEGATIVE_INFINITY
  #times = 0

  constructor(everyMs: number, nowMs: () => number = () => performance.now()) {
    this.#everyMs = everyMs
    this.#nowMs = nowMs
  }

  /** @param say hears how often it happened since it was said last, this time included */
  note(say: (times: number) => void): void {
    const now = this.#nowMs()
    if (now - this.#notedAt > 2 * this.#everyMs) this.#times = 0
    this.#notedAt = now
    this.#times += 1
    if (now - this.#saidAt < this.#everyMs) return
    say(this.#times)
    this.#saidAt = now
    this.#times = 0
  }
}
