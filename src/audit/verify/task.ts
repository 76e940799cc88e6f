import { isJsonObject } from '../../domain/text.ts'
import type { LogSource } from '../log-source.ts'
import type { VerifyOptions } from './options.ts'
import type { Part } from './part.ts'
import type { LastVisit } from './state-file.ts'
import type { WorkFolder } from './work-file.ts'

/** One verification. */
export interface Task {
  readonly source: LogSource
  readonly options: VerifyOptions
  /** entries that are read; undefined for all of them */
  readonly part: Part | undefined
  /** whether the source's index of subjects is compared with the entries */
  readonly withIndex: boolean
  readonly lastVisit: LastVisit | undefined
  /** to work in; it is there */
  readonly folder: WorkFolder
  /** when it began, as `performance.now()` says */
  readonly began: number
}

/** A run may only go on with what an earlier one was asked, too. */
export function nameOfTask({ source, options: { vkey, operator, entries }, part, withIndex, lastVisit }: Task): string {
  // the end of a log that goes on is another at each try
  const copyEnd = part?.endToldBy === 'copy' ? part.to : undefined
  return JSON.stringify({ source: source.name, vkey, operator, entries, copyEnd, withIndex, lastVisit: lastVisit?.note })
}

/** The vkey of the log that a task is about. */
export function vkeyIn(taskName: string): string | undefined {
  const task: unknown = JSON.parse(taskName)
  return isJsonObject(task) && typeof task.vkey === 'string' ? task.vkey : undefined
}
