import type { Crew } from './crew.ts'
import type { Findings } from './finding.ts'
import type { AuditReport } from './report.ts'
import type { SecondLookJob } from './second-look.ts'
import type { Spill } from './spill.ts'
import type { Timeline } from './timeline.ts'

const maxDoubtfulIndexes = 100

/**
 * Everything that needs the whole log: duplicates, repetitions, the legal order of each subject.
 *
 * @param spill with every trace written
 * @param partitions of each of its two families
 * @returns what keys that were perhaps in other hands have signed
 */
export async function lookAtWhole(
  crew: Crew,
  spill: Spill,
  partitions: number,
  { doubts, catalogues }: Timeline,
  findings: Findings,
): Promise<AuditReport['doubtful']> {
  const doubtful = doubts.map((doubt) => ({ ...doubt, events: 0, indexes: [] as number[] }))
  const jobs = Array.from({ length: 2 * partitions }, (_, place): SecondLookJob => {
    const file = spill.fileOf(place)
    return place < partitions ? { look: 'twice', file, doubts } : { look: 'order', file, catalogues }
  }).values()
  const take = async () => {
    for (const job of jobs) {
      const look = await crew.lookAgain(job)
      findings.addAll(look.findings)
      findings.addCounts(look.more)
      for (const [i, { count, indexes }] of look.doubtful.entries()) {
        const doubt = doubtful[i]
        if (doubt === undefined) continue
        doubt.events += count
        doubt.indexes = [...doubt.indexes, ...indexes].sort((a, b) => a - b).slice(0, maxDoubtfulIndexes)
      }
    }
  }
  await Promise.all(Array.from({ length: crew.depth }, take))
  return doubtful
}
