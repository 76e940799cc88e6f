import { readFile, rename, writeFile } from 'node:fs/promises'
import { Counter, Gauge, Registry } from 'prom-client'

/** How a round of a mirror can end. */
const roundResults = ['copied', 'unchanged', 'away', 'behind', 'unverifiable', 'unwritable', 'alarm'] as const
export type RoundResult = (typeof roundResults)[number]

/** The file takes no metrics; no finding about the log. */
export class MetricsUnwritten extends Error {
  override readonly name = 'MetricsUnwritten'
}

/** A mirror's metrics in a file, in Prometheus's text form, for a collector that reads such files. They go on from what is in it. */
export class MirrorMetrics {
  readonly #registry = new Registry()
  readonly #file: string | undefined
  #hasBegun = false
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
    await this.#goOn()
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

  /** Takes over what an earlier process has written: a scheduler starts one for each round. */
  async #goOn(): Promise<void> {
    if (this.#file === undefined || this.#hasBegun) return
    this.#hasBegun = true
    // there is none yet, or none that can be read: then it begins anew
    const text = await readFile(this.#file, 'utf8').catch(() => '')
    const before = new Map([...text.matchAll(/^(lianban_mirror_\S+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]))
    this.#size.set(before.get('lianban_mirror_entries') ?? 0)
    this.#seen.set(before.get('lianban_mirror_checkpoint_entries') ?? 0)
    this.#success.set(before.get('lianban_mirror_last_success_timestamp_seconds') ?? 0)
    for (const result of roundResults) {
      const rounds = before.get(`lianban_mirror_rounds_total{result="${result}"}`)
      if (rounds !== undefined) this.#rounds.inc({ result }, rounds)
    }
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] })
  }
}
