import { readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { lockByProcess, type ProcessLock } from '../../database/process-lock.ts'
import { isJsonObject } from '../../domain/text.ts'
import { type Checkpoint, openCheckpoint } from '../../log/checkpoint.ts'
import type { NoteVerifier } from '../../log/note.ts'
import type { AuditReport } from './report.ts'

const format = 'lianban-audit-state@1'

/** What an auditor keeps between two visits. */
export interface LastVisit {
  readonly checkpoint: Checkpoint
  /** the signed checkpoint */
  readonly note: string
  readonly verifiedAt: string
}

/** The state file can't be used; nothing was checked. */
export class StateInvalid extends Error {
  override readonly name = 'StateInvalid'
}

/** Everything was checked, and only the state file could not be written: the next visit has nothing newer to compare with. */
export class StateUnkept extends Error {
  override readonly name = 'StateUnkept'
  readonly report: AuditReport

  constructor(file: string, report: AuditReport, cause: unknown) {
    super(`this visit could not be kept in the state file ${file}: ${cause instanceof Error ? cause.message : String(cause)}`)
    this.report = report
  }
}

/**
 * Keeps another run away from a state file and the work beside it.
 *
 * @throws {StateInvalid} when another run is at it, or the folder takes no files
 */
export async function lockState(file: string): Promise<ProcessLock> {
  const lock = await lockByProcess(dirname(file), `${basename(file)}.lock.`).catch((error: Error) => {
    throw new StateInvalid(`the state file ${file} can't be locked: ${error.message}`)
  })
  if (!('heldBy' in lock)) return lock
  throw new StateInvalid(
    `another verification, the process ${lock.heldBy}, is working with the state file ${file}: wait for it, or take a state file of your own`,
  )
}

/**
 * @returns undefined when there is no file yet: the first visit
 * @throws {StateInvalid} when it is of another log, or was changed
 */
export async function readState(file: string, log: NoteVerifier): Promise<LastVisit | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new StateInvalid(`the state file ${file} can't be read: ${error.message}`)
  })
  if (text === undefined) return undefined
  const { note, verifiedAt } = keptIn(text, file)
  try {
    return { checkpoint: openCheckpoint(note, log), note, verifiedAt }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    throw new StateInvalid(`the state file ${file} is of no visit to this log: ${fault}; give each log a state file of its own`)
  }
}

function keptIn(text: string, file: string): { readonly note: string; readonly verifiedAt: string } {
  const state = jsonIn(text)
  if (isJsonObject(state) && state.format === format) {
    const { checkpoint: note, verifiedAt } = state
    if (typeof note === 'string' && typeof verifiedAt === 'string') return { note, verifiedAt }
  }
  throw new StateInvalid(
    `the state file ${file} is no good: ${text.trim() === '' ? 'it is empty' : `it is no ${format}`}; put it back from a copy, or remove it and begin with a first visit, which has nothing to compare with`,
  )
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the same as JSON of another kind
  }
}

/** Whole or not at all, also when the machine stops in between. */
export async function writeState(file: string, note: string, verifiedAt: string): Promise<void> {
  const next = `${file}.new`
  await writeFile(next, `${JSON.stringify({ format, verifiedAt, checkpoint: note }, null, 2)}\n`)
  await rename(next, file)
}
