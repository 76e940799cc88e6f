import { join } from 'node:path'
import { isJsonObject, type Json } from '../../domain/text.ts'
import { fromBase64 } from '../../log/base64.ts'
import { openCheckpoint } from '../../log/checkpoint.ts'
import { verifyConsistency } from '../../log/merkle.ts'
import type { NoteVerifier } from '../../log/note.ts'
import { Contradiction, type SeenCheckpoint } from '../contradiction.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { readBounded } from '../source-folder.ts'
import { alarmName, maxAlarmBytes } from './alarm.ts'

/**
 * The contradiction that a copy keeps the proof of. Its file is believed no further than it proves.
 *
 * @returns undefined where there is no such file, or one that proves nothing
 * @throws {SourceFailed} `away`
 */
export async function provenFork({ beside }: LogSource, log: NoteVerifier): Promise<Contradiction | undefined> {
  try {
    return contradictionIn(await beside?.(alarmName, maxAlarmBytes), log)
  } catch (error) {
    if (error instanceof SourceFailed && error.code === 'away') throw error
    return undefined // neither a file that can't be read nor one that is no proof says anything about the log
  }
}

/**
 * What an `ALARM` in a folder that is to be added to says.
 *
 * @returns `nothing` for a file that proves no fork of this log; undefined where there is none
 * @throws {SourceFailed} when it can't be read: it may prove one
 */
export async function alarmIn(folder: string, log: NoteVerifier): Promise<'fork' | 'nothing' | undefined> {
  const bytes = await readBounded(join(folder, alarmName), maxAlarmBytes)
  if (bytes === undefined) return undefined
  try {
    return contradictionIn(bytes, log) === undefined ? 'nothing' : 'fork'
  } catch {
    return 'nothing' // it is no proof, whatever is wrong with it
  }
}

function contradictionIn(bytes: Buffer | undefined, log: NoteVerifier): Contradiction | undefined {
  if (bytes === undefined) return undefined
  const alarm: unknown = JSON.parse(bytes.toString('utf8'))
  if (!isJsonObject(alarm)) return undefined
  const [first, second] = [opened(alarm.first, log), opened(alarm.second, log)]
  const rootInSecond = hashIn(alarm.rootInSecond)
  const proof = Array.isArray(alarm.proof) ? alarm.proof.map(hashIn) : []
  const leads = first.size === second.size || verifyConsistency(first.size, second.size, rootInSecond, second.root, proof)
  const found = first.size === second.size ? second.root : rootInSecond
  return leads && !found.equals(first.root) ? new Contradiction(first, second, found, proof) : undefined
}

function opened(seen: Json | undefined, log: NoteVerifier): SeenCheckpoint {
  const note = isJsonObject(seen) ? seen.note : undefined
  if (typeof note !== 'string') throw new Error('it has no note')
  return { ...openCheckpoint(note, log), note }
}

function hashIn(value: Json | undefined): Buffer {
  const hash = typeof value === 'string' ? fromBase64(value) : undefined
  if (hash === undefined) throw new Error('it is no hash')
  return hash
}
