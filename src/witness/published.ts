import type { RawSql } from '../database/connect.ts'
import { type CosignedCheckpoint, openCosigned, type Witness } from '../log/cosignature.ts'
import type { NoteVerifier } from '../log/note.ts'

/** Whose cosignatures a checkpoint needs before it is published. */
export interface Quorum {
  readonly log: NoteVerifier
  readonly witnesses: readonly Witness[]
  readonly quorum: number
}

/** The checkpoint that every gateway serves, and how it stands to the log. */
export interface Published {
  readonly size: number
  readonly checkpoint: string
  readonly cosigned: boolean
  /**
   * how long the oldest entry without the witnesses' word has been in the log; 0 when there is none. Before they have cosigned
   * anything it counts from when they were first asked
   */
  readonly lagSeconds: number
}

/**
 * The published checkpoint, in the database: one for all gateways, and its size never falls.
 *
 * The first one has no cosignatures: it is the log's head when witnesses were first asked for, since what was served before
 * must not seem to shrink.
 */
export class PublishedCheckpoint {
  readonly #sql: RawSql
  readonly #quorum: Quorum
  /** the witnesses named now were not asked before */
  readonly #begun = new Date()

  constructor(sql: RawSql, quorum: Quorum) {
    this.#sql = sql
    this.#quorum = quorum
  }

  async read(): Promise<Published> {
    const [row] = await this.#select()
    if (row !== undefined) return this.#judged(row)
    await this.#sql`
      insert into log.cosigned (id, size, checkpoint) select 1, size, checkpoint from log.head where id = 1 on conflict do nothing`
    const [begun] = await this.#select()
    if (begun === undefined) throw new Error('the log has no head: it was never begun')
    return this.#judged(begun)
  }

  /**
   * Publishes a checkpoint.
   *
   * @throws {Error} when the log's or a witness's signature fails, or the quorum is not reached
   */
  async store(checkpoint: string): Promise<CosignedCheckpoint> {
    const opened = this.#open(checkpoint)
    // another process may have asked, too: the larger one stays, and of two equal ones the later
    await this.#sql`
      insert into log.cosigned (id, size, checkpoint) values (1, ${opened.size}, ${checkpoint})
      on conflict (id) do update set size = excluded.size, checkpoint = excluded.checkpoint
      where excluded.size >= log.cosigned.size`
    return opened
  }

  #open(checkpoint: string): CosignedCheckpoint {
    const { log, witnesses, quorum } = this.#quorum
    return openCosigned(checkpoint, log, witnesses, quorum)
  }

  #judged({ size, checkpoint, uncovered, last }: Row): Published {
    const cosigned = this.#isCosigned(checkpoint)
    const since = cosigned ? uncovered : last && (last > this.#begun ? last : this.#begun)
    const lagSeconds = since === null ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1000)
    return { size, checkpoint, cosigned, lagSeconds }
  }

  /** Asked each time: the settings may name other witnesses than those that cosigned it. */
  #isCosigned(checkpoint: string): boolean {
    try {
      this.#open(checkpoint)
      return true
    } catch {
      // not by those that are named now
      return false
    }
  }

  #select() {
    return this.#sql<Row[]>`
      select size, checkpoint,
        (select received from log.entries where index = size) as uncovered,
        (select received from log.entries where index = size - 1) as last
      from log.cosigned where id = 1`
  }
}

interface Row {
  readonly size: number
  readonly checkpoint: string
  /** of the first entry that the checkpoint does not cover */
  readonly uncovered: Date | null
  /** of the last entry that it covers */
  readonly last: Date | null
}

/** For an exchange without witnesses: when they are named again, publishing begins with the head of then. */
export async function forgetPublished(sql: RawSql): Promise<void> {
  await sql`delete from log.cosigned`
}
