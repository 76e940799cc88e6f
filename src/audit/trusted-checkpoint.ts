import { type CosignedCheckpoint, openCosigned, type Witness } from '../log/cosignature.ts'
import type { NoteVerifier } from '../log/note.ts'

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
