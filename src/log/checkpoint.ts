import { fromBase64, fromDecimal } from './base64.ts'
import { hashBytes } from './merkle.ts'
import { isKeyName, type NoteVerifier, openNote } from './note.ts'

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** The text of a checkpoint, to be signed as a note. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  if (!isKeyName(origin)) throw new Error(`${origin} can't be the origin of a log: it holds white space or a plus sign`)
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** @throws {Error} saying what is wrong; extension lines are refused, since our logs have none */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', end, ...more] = text.split('\n')
  if (end !== '' || more.length > 0) throw new Error('a checkpoint has three lines: origin, size and root')
  if (!isKeyName(origin)) throw new Error("the checkpoint's origin is malformed")
  const size = fromDecimal(sizeText)
  if (size === undefined) throw new Error("the checkpoint's size is no decimal number below 2^53")
  const root = fromBase64(rootText)
  if (root?.length !== hashBytes) throw new Error("the checkpoint's root is not 32 bytes in base64")
  return { origin, size, root }
}

/**
 * Reads a signed checkpoint of the log that has this key.
 *
 * @throws {Error} in one sentence: the note's faults, the text's, or another log's origin
 */
export function openCheckpoint(note: string, log: NoteVerifier): Checkpoint {
  const checkpoint = parseCheckpoint(openNote(note, [log]).text)
  if (checkpoint.origin !== log.name) throw new Error(`the checkpoint is of ${checkpoint.origin}, not of ${log.name}`)
  return checkpoint
}
