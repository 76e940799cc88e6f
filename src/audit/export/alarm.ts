import { join } from 'node:path'
import { Contradiction, type SeenCheckpoint } from '../contradiction.ts'
import { WrittenAside } from './written-aside.ts'

/** Name of the file that keeps the proof of a fork. */
export const alarmName = 'ALARM'

/** Two notes of at most 64 KiB each, in JSON, and a proof. */
export const maxAlarmBytes = 1_048_576

/** A contradiction whose proof the folder did not take: whoever catches it must keep it elsewhere. */
export class UnkeptContradiction extends Contradiction {
  /** what was to stand in the file */
  readonly alarm: string

  constructor({ first, second, rootInSecond, proof }: Contradiction, alarm: string, cause: unknown) {
    super(first, second, rootInSecond, proof)
    this.alarm = alarm
    this.cause = cause
  }
}

/**
 * Keeps what proves that the log contradicted itself: everybody with the log's public key can check it.
 *
 * @throws {Contradiction} the same, as {@link UnkeptContradiction} when it could not be kept
 */
export async function raiseAlarm(folder: string, contradiction: Contradiction, source: string, now: Date): Promise<never> {
  const alarm = alarmText(contradiction, source, now)
  try {
    await new WrittenAside(folder).write(alarmName, alarm)
  } catch (error) {
    throw new UnkeptContradiction(contradiction, alarm, error)
  }
  throw contradiction
}

/** Where the proof of a contradiction is, to be said after it; the proof itself where no file could be written. */
export function whereProven(error: unknown, folder: string): string {
  const file = join(folder, alarmName)
  if (!(error instanceof UnkeptContradiction)) return `; both checkpoints and the proof are in ${file}`
  const { alarm, cause } = error
  const fault = cause instanceof Error ? cause.message : String(cause)
  return `; ${file} can't be written (${fault}), so keep what follows: both checkpoints and the proof\n${alarm}`
}

function alarmText(contradiction: Contradiction, source: string, now: Date): string {
  const { message, first, second, rootInSecond, proof } = contradiction
  const alarm = {
    format: 'lianban-alarm@1',
    what: message,
    found: now.toISOString(),
    source,
    how: [
      'Both notes are signed by the log (check them with its vkey).',
      `The hashes under "proof" are a consistency proof (RFC 9162, section 2.1.4.2): they lead to the root of the second note, and for its first ${first.size} entries to "rootInSecond", not to the root of the first note.`,
    ],
    first: seen(first),
    second: seen(second),
    rootInSecond: rootInSecond.toString('base64'),
    proof: proof.map((hash) => hash.toString('base64')),
  }
  return `${JSON.stringify(alarm, null, 2)}\n`
}

const seen = ({ size, root, note }: SeenCheckpoint) => ({ size, root: root.toString('base64'), note })
