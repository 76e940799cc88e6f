import { NotOfThisLog } from '../audit/authentic-tiles.ts'
import { Contradiction } from '../audit/contradiction.ts'
import { EvidenceNewer, EvidenceNotWritten } from '../audit/evidence/evidence.ts'
import { SourceBehind } from '../audit/export/copy-log.ts'
import { ExportUnusable } from '../audit/export/kept-export.ts'
import { SourceFailed } from '../audit/log-source.ts'
import { CommandFailed } from './command.ts'

/**
 * What an audit command ends with: 1 for what is wrong with the log, 2 for what kept it from finding out.
 *
 * @param hint what to do after a contradiction
 */
export function outcomeOf(error: unknown, hint = ''): unknown {
  if (error instanceof Contradiction) return new CommandFailed(`FORK: ${error.message}${hint}`, 1)
  if (error instanceof NotOfThisLog) return new CommandFailed(error.message, 1)
  if (
    error instanceof SourceFailed ||
    error instanceof SourceBehind ||
    error instanceof ExportUnusable ||
    error instanceof EvidenceNotWritten ||
    error instanceof EvidenceNewer
  )
    return new CommandFailed(error.message, 2)
  return error
}
