import { setTimeout as pause } from 'node:timers/promises'
import type { Text } from '../domain/text.ts'
import { LogBusy } from '../log/group-commit.ts'

interface Bounds {
  /** turns at the same time */
  readonly atOnce: number
  /** of one lane that may wait for theirs */
  readonly waitingOfLane: number
  /** how long whoever is sent away is kept first */
  readonly keptMs: number
}

/** Twice what keeps the log's commit busy; more would wait longer in front of it, where parties take no turns. */
export const defaultBounds: Bounds = { atOnce: 128, waitingOfLane: 1024, keptMs: 1000 }

/** Somebody's turn, until it is ended. */
export interface Turn {
  end(): void
}

/**
 * Gives so many turns at once; those who wait for one get it by lane in turn, so that a flood in one lane holds up nobody in another.
 *
 * @see round-robin scheduling, as fair queueing does it for packets of one size
 */
export class FairTurns {
  readonly #bounds: Bounds
  /** lanes with somebody waiting, the next one first */
  readonly #lanes = new Map<string, (() => void)[]>()
  #taken = 0

  constructor(bounds: Bounds = defaultBounds) {
    this.#bounds = bounds
  }

  /** how many wait */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /**
   * @throws {LogBusy} `too-many-requests` when too many of the lane wait; after a pause, as a sender that asks again at once would
   *   have nothing but refusals made for it
   */
  async begin(lane: string): Promise<Turn> {
    if (this.#taken < this.#bounds.atOnce) this.#taken += 1
    else await this.#wait(lane)
    let ended = false
    return {
      end: () => {
        if (!ended) this.#next()
        ended = true
      },
    }
  }

  async #wait(lane: string): Promise<void> {
    const waiting = this.#lanes.get(lane) ?? []
    if (waiting.length >= this.#bounds.waitingOfLane) {
      await pause(this.#bounds.keptMs)
      throw new LogBusy('too-many-requests', full(this.#bounds.waitingOfLane))
    }
    this.#lanes.set(lane, waiting)
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  /** Hands a turn that has ended to the first of the next lane, which then goes behind the others. */
  #next(): void {
    const [first] = this.#lanes
    if (first === undefined) {
      this.#taken -= 1
      return
    }
    const [lane, waiting] = first
    const begin = waiting.shift()
    this.#lanes.delete(lane)
    if (waiting.length > 0) this.#lanes.set(lane, waiting)
    begin?.()
  }
}

const full = (most: number): Text => ({
  en: `more than ${most} events of yours wait for their turn; send fewer at once`,
  zh: `贵方等待处理的事件超过 ${most} 个；请减少并发`,
})
