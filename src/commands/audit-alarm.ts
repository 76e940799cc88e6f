import { join } from 'node:path'
import { alarmName } from '../audit/export/alarm.ts'
import { alarmIn } from '../audit/export/proven-fork.ts'
import type { NoteVerifier } from '../log/note.ts'
import { CommandFailed } from './command.ts'

/**
 * Nothing is added to the copy of a log that was forked. An `ALARM` that proves no fork keeps nobody from it: `audit verify` finds nothing
 * in such a folder either.
 *
 * @param advice what becomes of the copy, or what to do
 * @throws {CommandFailed} exit code 1
 */
export async function expectNoAlarm(folder: string, log: NoteVerifier, advice: string): Promise<void> {
  const file = join(folder, alarmName)
  const says = await alarmIn(folder, log)
  if (says === 'fork') throw new CommandFailed(`${file} proves that this log was forked; ${advice}`, 1)
  if (says === 'nothing')
    process.stderr.write(
      `lianban: ${file} proves no fork of this log, as far as it can be read, and is passed over; find out what it is before you remove it\n`,
    )
}
