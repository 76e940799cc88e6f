/** A partition whose published events the consumer has not all applied. */
export interface Lagging {
  /** `<topic> <partition>` */
  readonly key: string
  /** the position it stands at */
  readonly index: number
}

/** Tells when a consumer stands still although its topic has more for it. */
export class StallWatch {
  readonly #stallMs: number
  readonly #since = new Map<string, { readonly index: number; readonly atMs: number }>()

  constructor(stallMs: number) {
    this.#stallMs = stallMs
  }

  /**
   * @param lagging every partition that is behind now
   * @param nowMs of a clock that doesn't jump
   * @returns whether one of them has stood at the same index, always behind, for the whole time
   */
  observe(lagging: readonly Lagging[], nowMs: number): boolean {
    const keys = new Set(lagging.map(({ key }) => key))
    for (const key of this.#since.keys()) if (!keys.has(key)) this.#since.delete(key)
    for (const { key, index } of lagging) {
      if (this.#since.get(key)?.index !== index) this.#since.set(key, { index, atMs: nowMs })
    }
    return [...this.#since.values()].some(({ atMs }) => nowMs - atMs >= this.#stallMs)
  }

  /** Standing still has another reason now, so what was seen doesn't count. */
  forget(): void {
    this.#since.clear()
  }
}
