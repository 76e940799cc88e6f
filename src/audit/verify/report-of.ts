import type { Checkpoint } from '../../log/checkpoint.ts'
import type { Cosignature } from '../../log/cosignature.ts'
import type { Findings } from './finding.ts'
import type { VerifyOptions } from './options.ts'
import type { Part } from './part.ts'
import type { AuditReport } from './report.ts'
import type { LastVisit } from './state-file.ts'
import type { Tally } from './tally.ts'
import type { Timeline } from './timeline.ts'

/** What looking at a log came to. */
export interface Looked {
  readonly findings: Findings
  readonly timeline: Pick<Timeline, 'operator' | 'keyCount' | 'catalogues'>
  readonly tally: Tally
  readonly doubtful: AuditReport['doubtful']
  readonly resumed: boolean
  /** by earlier runs */
  readonly spentMs: number
}

export interface Visit {
  /** name of the source */
  readonly source: string
  readonly options: VerifyOptions
  readonly lastVisit: LastVisit | undefined
  /** as `performance.now()` says */
  readonly began: number
  /** undefined when it was no good */
  readonly checkpoint: Checkpoint | undefined
  /** entries that were read; undefined for all of them */
  readonly part: Part | undefined
  readonly cosignatures: readonly Cosignature[]
}

/** The report of a visit, as data. */
export function reportOf(
  { source, options, lastVisit, began, checkpoint, part, cosignatures }: Visit,
  looked: Looked,
): AuditReport {
  const { log, vkey, operator, witnesses = [] } = options
  const { findings, timeline, tally, doubtful, resumed, spentMs } = looked
  const cosigned = cosignatures.map(({ name, time }) => ({ name, time: time.toISOString() }))
  return {
    source,
    origin: log.name,
    vkey,
    verifiedAt: new Date().toISOString(),
    tookMs: Math.round(spentMs + performance.now() - began),
    checkpoint: checkpoint && shown(checkpoint),
    ...(witnesses.length === 0 ? {} : { witnesses: { named: witnesses.length, cosigned } }),
    lastVisit: lastVisit && { ...shown(lastVisit.checkpoint), verifiedAt: lastVisit.verifiedAt },
    operator: { thumbprint: timeline.operator, pinned: operator !== undefined, given: operator },
    keys: timeline.keyCount,
    catalogues: timeline.catalogues.length,
    kinds: tally.kinds,
    types: Object.fromEntries([...tally.types].sort()),
    days: Object.fromEntries([...tally.days].sort()),
    findings: findings.snapshot(),
    doubtful,
    resumed,
    only: onlyOf(part, checkpoint?.size ?? 0),
  }
}

function onlyOf(part: Part | undefined, size: number): AuditReport['only'] {
  if (part === undefined || (part.from === 0 && part.to >= size)) return undefined
  const { from, to, endToldBy } = part
  return { from, to: Math.min(to, size), withRules: from === 0, endToldBy }
}

const shown = ({ size, root }: Checkpoint) => ({ size, root: root.toString('base64') })
