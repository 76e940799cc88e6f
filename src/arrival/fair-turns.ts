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
  /** longest wait for a turn */
  readonly waitMs: number
}

/** Twice what keeps the log's commit busy; more would wait longer in front of it, where parties take no turns. */
export const defaultBounds: Bounds = { atOnce: 128, waitingOfLane: 1024, keptMs: 1000, waitMs: 10_000 }

/** What is said to whoever gets no turn. */
interface Said {
  full(most: number): Text
  readonly tooLong: Text
}

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
  readonly #said: Said
  /** who waits, by lane, the next lane first; a lane with nobody is not there */
  readonly #lanes = new Map<string, Set<() => void>>()
  #taken = 0

  constructor(bounds: Bounds = defaultBounds, said: Said = saidOfEvents) {
    this.#bounds = bounds
    this.#said = said
  }

  /** how many have a turn */
  get taken(): number {
    return this.#taken
  }

  /** how many wait */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /**
   * @throws {LogBusy} `too-many-requests` when too many of the lane wait; after a pause, as a sender that asks again at once would
   *   have nothing but refusals made for it. `overloaded` when there was no turn for too long, as behind a database that hangs
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
    const waiting = this.#lanes.get(lane) ?? new Set()
    if (waiting.size >= this.#bounds.waitingOfLane) {
      await pause(this.#bounds.keptMs)
      throw new LogBusy('too-many-requests', this.#said.full(this.#bounds.waitingOfLane))
    }
    this.#lanes.set(lane, waiting)
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.delete(begin)
        if (waiting.size === 0 && this.#lanes.get(lane) === waiting) this.#lanes.delete(lane)
        reject(new LogBusy('overloaded', this.#said.tooLong))
      }, this.#bounds.waitMs)
      waiting.add(begin)
    })
  }

  /** Hands a turn that has ended to the first of the next lane, which then goes behind the others. */
  #next(): void {
    const [next] = this.#lanes
    if (next === undefined) {
      this.#taken -= 1
      return
    }
    const [lane, waiting] = next
    this.#lanes.delete(lane)
    const [begin] = waiting
    if (begin !== undefined) waiting.delete(begin)
    if (waiting.size > 0) this.#lanes.set(lane, waiting)
    begin?.()
  }
}

const saidOfEvents: Said = {
  full: (most) => ({
    en: `more than ${most} events of yours wait for their turn; send fewer at once`,
    zh: `贵方等待处理的事件超过 ${most} 个；请减少并发`,
  }),
  tooLong: {
    en: 'this event waited too long for its turn; nothing was stored, send the same event again a little later',
    zh: '该事件等待处理的时间过长；未保存任何内容，请稍后重发同一事件',
  },
}
