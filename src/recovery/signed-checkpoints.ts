import { Contradiction, type SeenCheckpoint } from '../audit/contradiction.ts'
import { openCheckpoint } from '../log/checkpoint.ts'
import type { NoteVerifier } from '../log/note.ts'

/** Everything that the log's own key is known to have signed, and where each was found. */
export class SignedCheckpoints {
  readonly #log: NoteVerifier
  readonly #bySize = new Map<number, SeenCheckpoint & { readonly from: string }>()

  constructor(log: NoteVerifier) {
    this.#log = log
  }

  /**
   * @param from for people
   * @throws {Error} in a sentence when it is no checkpoint of this log
   * @throws {Contradiction} when the log signed another tree of the same size
   */
  add(note: string, from: string): SeenCheckpoint {
    const checkpoint: SeenCheckpoint = { ...openCheckpoint(note, this.#log), note }
    const known = this.#bySize.get(checkpoint.size)
    if (known !== undefined && !known.root.equals(checkpoint.root))
      throw new Contradiction(known, checkpoint, checkpoint.root, [])
    // of two equal ones the longer note has more cosignatures
    if (known === undefined || known.note.length < note.length) this.#bySize.set(checkpoint.size, { ...checkpoint, from })
    return checkpoint
  }

  /** By size. */
  all(): readonly (SeenCheckpoint & { readonly from: string })[] {
    return [...this.#bySize.values()].sort((a, b) => a.size - b.size)
  }

  largest(): (SeenCheckpoint & { readonly from: string }) | undefined {
    return this.all().at(-1)
  }
}
