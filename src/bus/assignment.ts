import type { Consumer } from 'kafkajs'
import type { Delivery } from './bus.ts'
import { GrowingPause } from './pause.ts'
import { type Placing, placeAssignment } from './place-assignment.ts'
import type { ShownOffsets } from './shown-offsets.ts'

interface BrokerPartition {
  readonly topic: string
  readonly partition: number
}

export interface AssignmentMeans {
  readonly placing: Omit<Placing, 'counts' | 'current' | 'goOn' | 'apply'>
  readonly consumer: Consumer
  readonly offsets: ShownOffsets
  /** ends the trying again */
  readonly signal: AbortSignal
  /** @returns false when they were dropped, since the assignment they are of is not current any more */
  apply(deliveries: readonly Delivery[], current: () => boolean): Promise<boolean>
  /** every partition has its starting point */
  placed(): void
  failed(error: unknown): void
}

/** The partitions that a consumer has of its group, each from its starting point on. */
export class Assignment {
  readonly #means: AssignmentMeans
  readonly #placed = new Set<string>()
  #all: ReadonlySet<string> | undefined
  #generation = 0

  constructor(means: AssignmentMeans) {
    this.#means = means
  }

  /** `<topic at the broker> <partition>`; undefined before the group was joined */
  get all(): ReadonlySet<string> | undefined {
    return this.#all
  }

  /** Whether what comes of a partition comes from its starting point on. */
  isPlaced(topic: string, partition: number): boolean {
    return this.#placed.has(keyOf(topic, partition))
  }

  /**
   * kafkajs calls it before it fetches with the new assignment, and does not wait for it. So the partitions pause at once, and
   * each goes on when its starting point is known.
   *
   * @param numbers of partitions by topic at the broker
   * @param counts partitions of each topic
   */
  join(numbers: Readonly<Record<string, readonly number[]>>, counts: ReadonlyMap<string, number>): void {
    this.#generation += 1
    const mine = this.#generation
    this.#placed.clear()
    const partitions = Object.entries(numbers).flatMap(([topic, each]) => each.map((partition) => ({ topic, partition })))
    this.#all = new Set(partitions.map(({ topic, partition }) => keyOf(topic, partition)))
    for (const [topic, each] of Object.entries(numbers)) this.#means.consumer.pause([{ topic, partitions: [...each] }])
    const current = () => !this.#means.signal.aborted && mine === this.#generation
    void this.#placePatiently(partitions, counts, current)
  }

  /** Tries again until it succeeds or the assignment is another. Never throws. */
  async #placePatiently(
    partitions: readonly BrokerPartition[],
    counts: ReadonlyMap<string, number>,
    current: () => boolean,
  ): Promise<void> {
    const { placing, signal, apply, placed, failed } = this.#means
    const pauses = new GrowingPause(100, 3000)
    const own: Placing = {
      ...placing,
      counts,
      current,
      goOn: (topic, partition, offset) => this.#goOn(topic, partition, offset),
      apply: (deliveries) => apply(deliveries, current),
    }
    while (current()) {
      try {
        await placeAssignment(
          own,
          partitions.filter(({ topic, partition }) => !this.isPlaced(topic, partition)),
        )
        if (current()) placed()
        return
      } catch (error) {
        failed(error)
        await pauses.wait(signal)
      }
    }
  }

  #goOn(topic: string, partition: number, offset: number): void {
    const { consumer, offsets } = this.#means
    consumer.seek({ topic, partition, offset: String(offset) })
    this.#placed.add(keyOf(topic, partition))
    // what was read from the log instead shows as taken, too
    offsets.note(topic, partition, offset)
    consumer.resume([{ topic, partitions: [partition] }])
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic} ${partition}`
}
