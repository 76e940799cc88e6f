import { setTimeout } from 'node:timers/promises'
import type { Lease, Leases } from '../bus/leases.ts'
import { GrowingPause, pause } from '../bus/pause.ts'
import type { Wake } from '../bus/wake.ts'
import type { RawSql } from '../database/connect.ts'
import type { Logger } from '../logger.ts'
import type { PublishedCheckpoint } from './published.ts'
import type { Asked, WitnessClient } from './witness-client.ts'

export interface RoundsMeans {
  readonly sql: RawSql
  readonly leases: Leases
  readonly wake: Wake
  readonly published: PublishedCheckpoint
  readonly clients: readonly WitnessClient[]
  readonly quorum: number
  readonly logger: Logger
  /** hears of every answer */
  readonly onAnswer: (witness: string, outcome: Asked['outcome']) => void
}

/** Rounds begin at most this often, whatever the log's growth: a witness is a guest's house. */
const minPauseMs = 1000
const maxPauseMs = 10_000
/** Without a notification the log is looked at this often. */
const pollMs = 5000
/** How long others are waited for once the quorum is there: more cosignatures are better than few. */
const graceMs = 500

/**
 * Asks the witnesses again and again for their word on the newest checkpoint. Of all gateways' processes one does it at a
 * time.
 */
export class Rounds {
  readonly #means: RoundsMeans
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  /** a witness that has not answered yet is not asked a second thing */
  readonly #asking = new Set<WitnessClient>()
  #last = new Map<string, Asked['outcome']>()

  constructor(means: RoundsMeans) {
    this.#means = means
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const lease = await this.#means.leases.acquire('lianban witnesses', signal)
      if (lease === undefined) return
      await this.#askWhileHeld(lease).catch((error) =>
        this.#means.logger.warn({ error }, 'the witnesses could not be asked; it is tried again'),
      )
      await lease.release()
      await pause(minPauseMs, signal)
    }
  }

  async #askWhileHeld(lease: Lease): Promise<void> {
    const { signal } = this.#closing
    const pauses = new GrowingPause(minPauseMs, maxPauseMs)
    while (!signal.aborted && (await lease.held())) {
      const { wake, published, sql } = this.#means
      const mark = wake.mark
      const [head] = await sql<{ size: number; checkpoint: string }[]>`select size, checkpoint from log.head where id = 1`
      const { size, cosigned } = await published.read()
      if (head === undefined) throw new Error('the log has no head')
      if (cosigned && size === head.size) {
        await wake.wait(mark, pollMs, signal)
        continue
      }
      if (await this.#round(head)) {
        pauses.reset()
        await pause(minPauseMs, signal)
      } else await pauses.wait(signal)
    }
  }

  /** @returns whether the quorum was reached */
  async #round({ size, checkpoint }: { size: number; checkpoint: string }): Promise<boolean> {
    const { clients, quorum, published } = this.#means
    const lines = new Map<WitnessClient, string>()
    const over = new AbortController()
    const idle = clients.filter((client) => !this.#asking.has(client))
    const all = Promise.all(
      idle.map(async (client) => {
        const line = await this.#ask(client, checkpoint, size)
        if (line !== undefined) lines.set(client, line)
        // those that are left get a little longer, not as long as they like
        if (lines.size >= quorum) await setTimeout(graceMs, undefined, { signal: over.signal }).catch(() => undefined)
        if (lines.size >= quorum) over.abort()
      }),
    )
    await Promise.race([all, new Promise((resolve) => over.signal.addEventListener('abort', resolve, { once: true }))])
    if (lines.size < quorum || this.#closing.signal.aborted) return false
    // in the order of the settings, so that a note is the same however fast they are
    await published.store(checkpoint + clients.map((client) => lines.get(client) ?? '').join(''))
    return true
  }

  async #ask(client: WitnessClient, checkpoint: string, size: number): Promise<string | undefined> {
    this.#asking.add(client)
    try {
      const asked = await client.ask(checkpoint, size, this.#closing.signal)
      if (!this.#closing.signal.aborted) this.#tell(client.witness.name, asked)
      return asked.outcome === 'cosigned' ? asked.line : undefined
    } catch (error) {
      // our own tiles could not be read
      this.#means.logger.warn({ witness: client.witness.name, error }, 'a witness could not be asked')
      return undefined
    } finally {
      this.#asking.delete(client)
    }
  }

  /** Every answer is counted; a line is written when a witness's mood changes, so that a long absence is one line. */
  #tell(witness: string, asked: Asked): void {
    const { logger, onAnswer } = this.#means
    onAnswer(witness, asked.outcome)
    const before = this.#last.get(witness)
    this.#last.set(witness, asked.outcome)
    if (before === asked.outcome) return
    if (asked.outcome === 'cosigned') logger.info({ witness }, 'the witness cosigns the log’s checkpoints')
    else if (asked.outcome === 'conflict')
      logger.error({ witness, reason: asked.reason }, 'ALARM: the witness has seen another history of this log')
    else logger.warn({ witness, outcome: asked.outcome, reason: asked.reason }, 'the witness does not cosign')
  }
}
