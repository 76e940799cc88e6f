import { type Checkpoint, openCheckpoint } from '../../log/checkpoint.ts'
import type { NoteVerifier } from '../../log/note.ts'

/** Whose signatures an auditor asks for on a checkpoint. */
export interface CheckpointRules {
  readonly log: NoteVerifier
}

/**
 * Opens a checkpoint by everything that the auditor trusts. Cosignatures of witnesses belong here.
 *
 * @param note as the source gave it
 * @throws {Error} in one sentence: what is missing or wrong
 */
export function openTrustedCheckpoint(note: string, { log }: CheckpointRules): Checkpoint {
  return openCheckpoint(note, log)
}
