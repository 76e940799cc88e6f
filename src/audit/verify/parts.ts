import { tileWidth } from '../../log/right-edge.ts'
import { compiledRules } from './compiled.ts'
import type { Crew } from './crew.ts'
import { everything, FilesUnderAudit } from './files-under-audit.ts'
import { Findings } from './finding.ts'
import { Handover, type HandoverMeans, tileFinding } from './handover.ts'
import type { Spill } from './spill.ts'
import { Tally } from './tally.ts'
import type { Task } from './task.ts'
import { Timeline } from './timeline.ts'
import { TreeCheck } from './tree-check.ts'
import { VisitCheck } from './visit-check.ts'
import { Walk } from './walk.ts'
import type { Work } from './work-file.ts'

/** What a verification consists of. */
export interface Parts {
  readonly findings: Findings
  readonly tally: Tally
  readonly tree: TreeCheck
  readonly visit: VisitCheck
  readonly handover: Handover
  readonly walk: Walk
}

/** The parts as they are before the first entry, or as an earlier run left them. */
export function partsOf(
  { source, options, part, withIndex, lastVisit }: Task,
  crew: Crew,
  spill: Spill,
  work: Work | undefined,
): Parts {
  const { operator, log } = options
  const entries = part ?? everything
  const findings = new Findings(work?.findings)
  const tally = new Tally(work)
  const files = new FilesUnderAudit(source, entries, withIndex)
  const found = findings.add.bind(findings)
  const visit = new VisitCheck(lastVisit?.checkpoint, found, work?.visitChecked)
  const tree = new TreeCheck(tileAsk(files, findings), found, {
    size: (work?.bundles ?? 0) * tileWidth,
    levels: (work?.levels ?? []).map((level) => Buffer.from(level, 'base64')),
  })
  const blob = (digest: string) => source.blob(digest)
  const rules = { origin: log.name, operator, compile: compiledRules, blob }
  const timeline: HandoverMeans['timeline'] = (foundHere, typesHere) => {
    const typesUsed = async () => {
      await walk.settle(0)
      return new Set([...tally.types.keys(), ...typesHere()])
    }
    return new Timeline({ ...rules, typesUsed, found: foundHere })
  }
  const handover = new Handover({ files, crew, withRules: entries.from === 0, timeline })
  const walk = new Walk({ files, handover, depth: crew.depth, tree, visit, tally, spill, findings }, work?.bundles ?? 0)
  return { findings, tally, tree, visit, handover, walk }
}

function tileAsk(files: FilesUnderAudit, findings: Findings) {
  return async (level: number, n: number, width: number): Promise<Buffer | undefined> => {
    const tile = await files.tile(level, n, width)
    const finding = tileFinding(level, n, width, tile)
    if (finding === undefined && typeof tile !== 'string') return tile
    if (finding !== undefined) findings.add(finding)
    return undefined
  }
}
