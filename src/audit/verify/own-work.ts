import { StateInvalid } from './state-file.ts'
import { vkeyIn } from './task.ts'
import { WorkFolder } from './work-file.ts'

/** Where a verification works that is gone on with by its state file. */
export const workBeside = (stateFile: string) => new WorkFolder(`${stateFile}.work`)

/**
 * Keeps the work of another log's verification that was stopped: it is gone on with where it lies.
 *
 * @throws {StateInvalid}
 */
export async function expectOwnWork(stateFile: string, vkey: string): Promise<void> {
  const folder = workBeside(stateFile)
  const task = await folder.task()
  const of = task === undefined ? undefined : vkeyIn(task)
  if (of === undefined || of === vkey) return
  throw new StateInvalid(
    `beside the state file ${stateFile} lies the work of a verification of another log that was stopped: take a state file of your own, or remove ${folder.path} if nobody goes on with it`,
  )
}
