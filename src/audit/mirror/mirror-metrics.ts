import { rename, writeFile } from 'node:fs/promises'
import { Counter, Gauge, Registry } from 'prom-client'

/** How a round of a mirror can end. */
export type RoundResult = 'copied' | 'unchanged' | 'away' | 'behind' | 'unverifiable' | 'unwritable' | 'alarm'

/** The file takes no metrics; no finding about the log. */
export class MetricsUnwritten extends Error {
  override readonly name = 'MetricsUnwritten'
}

/** A mirror's metrics in a file, in Prometheus's text form, for a collector that reads such files. */
export class MirrorMetrics {
  readonly #registry = new Registry()
  readonly #file: string | undefined
  readonly #size = this.#gauge('lianban_mirror_entries', 'Entries of the log whose bytes the mirror holds')
  readonly #seen = this.#gauge('lianban_mirror_checkpoint_entries', 'Entries of the log by the newest checkpoint that was seen')
  readonly #success = this.#gauge(
    'lianban_mirror_last_success_timestamp_seconds',
    'When the mirror last found the log consistent',
  )
  readonly #alarm = this.#gauge('lianban_mirror_alarm', '1 when two checkpoints of the log contradict each other')
  readonly #rounds = new Counter({
    name: 'lianban_mirror_rounds_total',
    help: 'Rounds by how they ended',
    labelNames: ['result'],
    registers: [this.#registry],
  })

  /** @param file undefined: nothing is written */
  constructor(file: string | undefined) {
    this.#file = file
  }

  /** @throws {MetricsUnwritten} */
  async round(
    result: RoundResult,
    now: Date,
    { held, seen }: { held?: number | undefined; seen?: number | undefined } = {},
  ): Promise<void> {
    this.#rounds.inc({ result })
    if (held !== undefined) this.#size.set(held)
    if (seen !== undefined) this.#seen.set(seen)
    if (result === 'copied' || result === 'unchanged') this.#success.set(Math.floor(now.getTime() / 1000))
    this.#alarm.set(result === 'alarm' ? 1 : 0)
    if (this.#file === undefined) return
    try {
      await writeFile(`${this.#file}.new`, await this.#registry.metrics())
      await rename(`${this.#file}.new`, this.#file)
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error)
      throw new MetricsUnwritten(`the metrics file ${this.#file} can't be written (${fault}): make its folder, or name another`)
    }
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] })
  }
}
