import { type CosignedCheckpoint, openCosigned, type Witness } from '../log/cosignature.ts'
import type { NoteVerifier } from '../log/note.ts'
import { NotOfThisLog } from './authentic-tiles.ts'
import type { SeenCheckpoint } from './contradiction.ts'

/** Whose signatures an auditor asks for on a checkpoint. */
export interface CheckpointRules {
  readonly log: NoteVerifier
  /** default: none */
  readonly witnesses?: readonly Witness[]
  /** how many of the witnesses must stand by a checkpoint. Default: all that are named */
  readonly quorum?: number
}

/**
 * Opens a checkpoint by everything that the auditor trusts: the log's key, and the witnesses' where any are named.
 *
 * @param note as the source gave it
 * @throws {Error} in one sentence: what is missing or wrong
 */
export function openTrustedCheckpoint(
  note: string,
  { log, witnesses = [], quorum = witnesses.length }: CheckpointRules,
): CosignedCheckpoint {
  return openCosigned(note, log, witnesses, quorum)
}

/**
 * The same for what a source shows.
 *
 * @param source for people
 * @throws {NotOfThisLog}
 */
export function openShownCheckpoint(note: string, source: string, rules: CheckpointRules): SeenCheckpoint {
  try {
    const { origin, size, root } = openTrustedCheckpoint(note, rules)
    return { origin, size, root, note }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    throw new NotOfThisLog(`the checkpoint of ${source} is not one to trust: ${fault}`)
  }
}
