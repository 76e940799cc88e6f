import type { Notices } from './alarm/notices.ts'
import { Leases } from './bus/leases.ts'
import { startChecks } from './completeness/checker.ts'
import type { RawSql } from './database/connect.ts'
import type { RulesKeeper } from './log/rules-in-force.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Workers } from './open-operations.ts'
import { judgingOf } from './view/judging.ts'
import { placeOf } from './view/place.ts'

export interface CheckWorkerMeans {
  readonly sql: RawSql
  readonly keeper: RulesKeeper
  /** connections whose search_path is the schema of a bureau's view */
  readonly viewOf: (bureau: string) => RawSql | undefined
  readonly everyMs: number
  readonly logger: Logger
  readonly metrics: Metrics
  readonly notices: Notices
}

/** Checks the views of the bureaus that this process consumes for, again and again, for events that they lack. */
export function checkWorkers({ sql, keeper, viewOf, everyMs, logger, metrics, notices }: CheckWorkerMeans): Workers {
  const leases = new Leases(sql, logger)
  const stops: (() => Promise<void>)[] = []
  return {
    follow(bureau) {
      const view = viewOf(bureau)
      if (view === undefined) throw new Error(`the view of ${bureau} was not opened`)
      // shown from the beginning, so that its first rise is one
      metrics.holes.inc({ bureau }, 0)
      const stop = startChecks({
        bureau,
        sql: view,
        everyMs,
        judging: () => judgingOf(bureau, keeper.inForce.rules, keeper.inForce.catalogues),
        partitionOf: (subject) => placeOf(keeper.inForce.rules, subject),
        clock: () => new Date(),
        refreshRules: () => keeper.refresh(sql),
        leases,
        logger,
        onHealed({ subjects, events }) {
          metrics.holes.inc({ bureau }, events)
          notices.notice('hole', { about: bureau, details: { bureau, subjects, events } })
        },
      })
      stops.push(stop)
    },
    async close() {
      await Promise.all(stops.map((stop) => stop()))
      await leases.close()
    },
  }
}
