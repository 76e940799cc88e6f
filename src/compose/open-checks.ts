import type { Notices } from '../alarm/notices.ts'
import { startChecks } from '../completeness/checker.ts'
import type { Metrics } from '../metrics.ts'
import { type ViewWorkerMeans, viewAtWork, type Workers, workersOf } from './view-workers.ts'

export interface CheckWorkerMeans extends ViewWorkerMeans {
  readonly everyMs: number
  readonly metrics: Metrics
  readonly notices: Notices
}

/** Checks the views of the bureaus that this process consumes for, again and again, for events that they lack. */
export function checkWorkers(means: CheckWorkerMeans): Workers {
  const { sql, everyMs, logger, metrics, notices } = means
  return workersOf(sql, logger, (bureau, leases) => {
    // shown from the beginning, so that its first rise is one
    metrics.holes.inc({ bureau }, 0)
    return startChecks({
      ...viewAtWork(bureau, means),
      everyMs,
      leases,
      onHealed({ subjects, events }) {
        metrics.holes.inc({ bureau }, events)
        notices.notice('hole', { about: bureau, details: { bureau, subjects, events } })
      },
    })
  })
}
