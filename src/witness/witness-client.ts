import { openCosigned, type Witness } from '../log/cosignature.ts'
import { type NoteVerifier, signatureLine, splitNote } from '../log/note.ts'
import { consistencyProof, type TileReader } from '../log/tile-proofs.ts'
import { askWitness } from './ask-witness.ts'
import type { WitnessAddress } from './settings.ts'

/** What asking for a cosignature came to: a verified line, or why there is none. */
export type Asked =
  | { readonly outcome: 'cosigned'; readonly line: string }
  | { readonly outcome: 'refused' | 'away' | 'wrong' | 'conflict'; readonly reason: string }

export interface LogForWitness {
  readonly log: NoteVerifier
  readonly tile: TileReader
  /** of the log as it is now */
  readonly size: () => Promise<number>
}

/** A witness's size may move once more while we ask: another gateway's request that was under way. */
const maxTries = 3
const timeoutMs = 5000

/** One witness as this process knows it. Nothing it answers is believed before its signature is verified. */
export class WitnessClient {
  readonly witness: Witness
  readonly #url: string
  readonly #log: LogForWitness
  /** size of the log that it cosigned last, as far as we know */
  #size = 0

  constructor({ url, witness }: WitnessAddress, log: LogForWitness) {
    this.witness = witness
    this.#url = url
    this.#log = log
  }

  /** Asks for a cosignature on a checkpoint of the log; never throws for what the witness does. */
  async ask(checkpoint: string, size: number, signal: AbortSignal): Promise<Asked> {
    for (let tries = 1; tries <= maxTries; tries++) {
      // it may have cosigned a later checkpoint for another gateway
      const old = Math.min(this.#size, size)
      const proof = await consistencyProof(old, size, this.#log.tile)
      const answer = await askWitness(this.#url, { old, proof, checkpoint }, { timeoutMs, signal })
      if (answer.outcome === 'cosigned') return this.#verified(checkpoint, size, answer.lines)
      // some say by another status than 409 that they have another size: from 0 on it is told
      if (answer.outcome === 'refused' || answer.outcome === 'conflict') this.#size = 0
      if (answer.outcome !== 'other-size') return answer
      if (answer.size > size) return this.#ahead(answer.size)
      if (answer.size === old && old === size)
        return { outcome: 'conflict', reason: `it has another root at ${old} entries than this log has` }
      this.#size = answer.size
    }
    return { outcome: 'refused', reason: 'it tells another size each time' }
  }

  /** Another process may have asked with a later checkpoint than ours; but no witness may be ahead of the log itself. */
  async #ahead(witnessed: number): Promise<Asked> {
    const size = await this.#log.size()
    if (witnessed > size) return { outcome: 'conflict', reason: `it has seen ${witnessed} entries, and this log has ${size}` }
    return { outcome: 'refused', reason: 'it has cosigned a later checkpoint already' }
  }

  /** The witness's own line alone: whatever else it answers with is nobody's word. */
  #verified(checkpoint: string, size: number, lines: string): Asked {
    const { name, keyId } = this.witness
    try {
      const { text } = splitNote(checkpoint)
      const answered = splitNote(`${text}\n${lines}`)
      if (answered.text !== text) return { outcome: 'wrong', reason: 'it answered more than signature lines' }
      const own = answered.signatures.find((one) => one.name === name && one.keyId === keyId)
      if (own === undefined) return { outcome: 'wrong', reason: 'it answered without a signature of its own key' }
      const line = signatureLine(own)
      openCosigned(checkpoint + line, this.#log.log, [this.witness], 1)
      this.#size = size
      return { outcome: 'cosigned', line }
    } catch (error) {
      return { outcome: 'wrong', reason: error instanceof Error ? error.message : String(error) }
    }
  }
}
