import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CosignedCheckpoint } from '../../log/cosignature.ts'
import { alarmName } from '../export/alarm.ts'
import { provenFork } from '../export/proven-fork.ts'
import type { LogSource } from '../log-source.ts'
import { openTrustedCheckpoint } from '../trusted-checkpoint.ts'
import { Findings } from './finding.ts'
import { hasIndex } from './index-under-audit.ts'
import type { VerifyOptions } from './options.ts'
import { expectOwnWork, workBeside } from './own-work.ts'
import { expectPart, manifestOf, partOf } from './part.ts'
import type { AuditReport } from './report.ts'
import { type Looked, reportOf } from './report-of.ts'
import { lockState, readState, StateUnkept, writeState } from './state-file.ts'
import { Tally } from './tally.ts'
import type { Task } from './task.ts'
import { verifyCheckpoint } from './verification.ts'
import { WorkFolder } from './work-file.ts'

/**
 * Checks everything a log says, by the log's public key alone.
 *
 * @throws {SourceFailed} the log could not be read to its end: nothing is known then; {StateInvalid}; {PartInvalid}; {VerifyStopped}; {StateUnkept} with the report
 */
export async function verifyLog(source: LogSource, options: VerifyOptions): Promise<AuditReport> {
  const { stateFile } = options
  if (stateFile === undefined) return verifySince(undefined, source, options)
  const lock = await lockState(stateFile)
  try {
    return await verifySince(stateFile, source, options)
  } finally {
    await lock.release()
  }
}

async function verifySince(stateFile: string | undefined, source: LogSource, options: VerifyOptions): Promise<AuditReport> {
  const lastVisit = stateFile === undefined ? undefined : await readState(stateFile, options.log)
  if (stateFile !== undefined) await expectOwnWork(stateFile, options.vkey)
  const note = await source.checkpoint()
  const began = performance.now()
  const visit = { source: source.name, options, lastVisit, began }
  const opened = opening(note, options)
  if ('fault' in opened)
    return reportOf({ ...visit, checkpoint: undefined, part: undefined, cosignatures: [] }, nothingBut(opened.fault))
  const { cosignatures, ...checkpoint } = opened
  const { entries: asked } = options
  const manifest = asked?.to === undefined ? await manifestOf(source) : undefined
  // a log that has become shorter is found whatever was asked for
  if (lastVisit === undefined || checkpoint.size >= lastVisit.checkpoint.size) expectPart(asked, checkpoint, manifest)
  const part = partOf(asked, checkpoint, manifest)
  const withIndex = part === undefined && (await hasIndex(source, manifest, checkpoint.size))
  const fork = await provenFork(source, options.log)
  const looked = await inFolder(stateFile, (folder) =>
    verifyCheckpoint(checkpoint, { source, options, part, withIndex, lastVisit, folder, began }),
  )
  if (fork !== undefined)
    looked.findings.add({ code: 'forked', index: null, cause: `${fork.message}; its file ${alarmName} proves it` })
  const report = reportOf({ ...visit, checkpoint, part, cosignatures }, looked)
  if (stateFile !== undefined && !contradicts(report))
    await writeState(stateFile, note, report.verifiedAt).catch((error) => {
      throw new StateUnkept(stateFile, report, error)
    })
  return report
}

function opening(note: string, options: VerifyOptions): CosignedCheckpoint | { readonly fault: string } {
  try {
    return openTrustedCheckpoint(note, options)
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) }
  }
}

/** A checkpoint that is no good promises nothing that could be looked at. */
function nothingBut(fault: string): Looked {
  const findings = new Findings()
  findings.add({ code: 'checkpoint', index: null, cause: fault })
  const timeline = { operator: undefined, keyCount: 0, catalogues: [] }
  return { findings, timeline, tally: new Tally(), doubtful: [], resumed: false, spentMs: 0 }
}

/** What is left in the folder is for the next run, where there is a state file to find it by. */
async function inFolder(stateFile: string | undefined, work: (folder: Task['folder']) => Promise<Looked>): Promise<Looked> {
  const folder = stateFile === undefined ? new WorkFolder(await mkdtemp(join(tmpdir(), 'lianban-audit-'))) : workBeside(stateFile)
  await folder.create()
  try {
    const looked = await work(folder)
    await folder.remove()
    return looked
  } catch (error) {
    if (stateFile === undefined) await folder.remove()
    throw error
  }
}

/** The last visit's checkpoint is kept as it is when the log has none that follows from it. */
function contradicts({ findings: { counts } }: AuditReport): boolean {
  return (['checkpoint', 'shrunk', 'fork', 'forked', 'root', 'missing'] as const).some((code) => (counts[code] ?? 0) > 0)
}
