import { GrowingPause, Pace } from './pause.ts'

/** Items of one apply at most; design: batches of up to 500 events share a transaction. */
export const maxApplied = 500

/** What comes from Kafka comes in the publisher's rounds; this only lets one that comes in two pieces be applied as one. */
const leastMs = 5

interface Waiting<Item> {
  readonly items: readonly Item[]
  readonly wanted: () => boolean
  readonly done: () => void
}

/**
 * Applies what several partitions bring in common batches, one at a time: what arrives while a batch is applied shares the
 * next one. A failure is a failure of the machine: the batch waits, with growing pauses, and is tried again as it is.
 */
export class Applier<Item> {
  readonly #apply: (items: readonly Item[]) => Promise<void>
  readonly #failed: (error: unknown) => void
  readonly #signal: AbortSignal
  readonly #pace = new Pace(leastMs)
  #waiting: Waiting<Item>[] = []
  #running: Promise<void> | undefined

  /** @param signal ends the trying again; the batch under way is finished */
  constructor(apply: (items: readonly Item[]) => Promise<void>, failed: (error: unknown) => void, signal: AbortSignal) {
    this.#apply = apply
    this.#failed = failed
    this.#signal = signal
  }

  get busy(): boolean {
    return this.#running !== undefined
  }

  /**
   * @param items at most {@link maxApplied}
   * @param wanted false when nobody waits for them any more: they are dropped before the next try
   * @returns true when they are durable, false when they were dropped
   */
  take(items: readonly Item[], wanted: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      let applied = false
      const isWanted = () => wanted() && !this.#signal.aborted
      this.#waiting.push({
        items,
        wanted: () => {
          if (isWanted()) return true
          resolve(applied)
          return false
        },
        done: () => {
          applied = true
          resolve(true)
        },
      })
      this.#running ??= this.#run()
    })
  }

  /** Returns when nothing is being applied. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    // one turn of the event loop, so that what one fetch brought for many partitions is applied together
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#waiting.reduce((sum, { items }) => sum + items.length, 0) < maxApplied) await this.#pace.wait(this.#signal)
    this.#pace.begin()
    // all that one fetch brought is one round: kafkajs fetches again when it is applied
    while (this.#waiting.length > 0) await this.#applyNext()
    this.#pace.end()
    this.#running = undefined
  }

  async #applyNext(): Promise<void> {
    const pauses = new GrowingPause(100, 5000)
    let batch = this.#next()
    while (batch.length > 0) {
      try {
        await this.#apply(batch.flatMap(({ items }) => items))
        for (const { done } of batch) done()
        return
      } catch (error) {
        this.#failed(error)
        await pauses.wait(this.#signal)
        batch = batch.filter(({ wanted }) => wanted())
      }
    }
  }

  #next(): Waiting<Item>[] {
    this.#waiting = this.#waiting.filter(({ wanted }) => wanted())
    let size = 0
    const fits = this.#waiting.findIndex(({ items }) => {
      size += items.length
      return size > maxApplied
    })
    return this.#waiting.splice(0, fits === -1 ? this.#waiting.length : Math.max(fits, 1))
  }
}
