import { join } from 'node:path'
import type { Contradiction, SeenCheckpoint } from '../contradiction.ts'
import { readBounded } from '../source-folder.ts'
import { WrittenAside } from './written-aside.ts'

/** Name of the file that keeps the proof of a fork. */
export const alarmName = 'ALARM'

/** Two notes of at most 64 KiB each, in JSON, and a proof. */
const maxAlarmBytes = 1_048_576

/** Keeps what proves that the log contradicted itself: everybody with the log's public key can check it. */
export async function writeAlarm(folder: string, contradiction: Contradiction, source: string, now: Date): Promise<void> {
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
  await new WrittenAside(folder).write(alarmName, `${JSON.stringify(alarm, null, 2)}\n`)
}

export async function hasAlarm(folder: string): Promise<boolean> {
  return (await readBounded(join(folder, alarmName), maxAlarmBytes)) !== undefined
}

const seen = ({ size, root, note }: SeenCheckpoint) => ({ size, root: root.toString('base64'), note })
