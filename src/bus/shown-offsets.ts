import type { Consumer } from 'kafkajs'

interface Offset {
  readonly topic: string
  readonly partition: number
  /** of the next message, as Kafka has it */
  readonly offset: string
}

/** What goes to Kafka only so that its own tools show the lag: where a consumer begins, its view's positions say. */
export class ShownOffsets {
  readonly #consumer: Consumer
  readonly #failed: (error: unknown) => void
  readonly #uncommitted = new Map<string, Offset>()
  #committing = false

  /** @param failed hears why a commit failed; the next one takes its offsets along */
  constructor(consumer: Consumer, failed: (error: unknown) => void) {
    this.#consumer = consumer
    this.#failed = failed
  }

  /** @param next offset of the next message */
  note(topic: string, partition: number, next: number): void {
    this.#uncommitted.set(`${topic} ${partition}`, { topic, partition, offset: String(next) })
  }

  /** Does nothing while another commit is under way. Never throws. */
  async commit(): Promise<void> {
    const offsets = new Map(this.#uncommitted)
    if (offsets.size === 0 || this.#committing) return
    this.#committing = true
    this.#uncommitted.clear()
    try {
      await this.#consumer.commitOffsets([...offsets.values()])
    } catch (error) {
      this.#failed(error)
      for (const [key, offset] of offsets) if (!this.#uncommitted.has(key)) this.#uncommitted.set(key, offset)
    }
    this.#committing = false
  }
}
