import { partitionOf } from '../bus/partition.ts'
import type { RawSql } from '../database/connect.ts'
import type { LogReader } from '../log/read.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Metrics } from '../metrics.ts'
import { lagEvents } from '../view/lag.ts'
import type { Views } from '../view/views.ts'

export interface Measured {
  readonly sql: RawSql
  readonly log: LogReader
  readonly keeper: RulesKeeper
  readonly views: Views
  /** items in front of the commit */
  waiting(): number
}

/** Brings the gauges up to date that are read from the database. */
export async function readGauges(metrics: Metrics, { sql, log, keeper, views, waiting }: Measured): Promise<void> {
  metrics.waiting.set(waiting())
  metrics.logSize.set(await log.size())
  metrics.parked.reset()
  for (const [bureau, view] of views.all()) {
    metrics.lag.set({ bureau }, await lagEvents(sql, keeper.inForce.rules, await view.positions(), partitionOf))
    const parked = new Map<string, number>()
    for (const { cause, events } of await view.parkedCounts()) parked.set(cause, (parked.get(cause) ?? 0) + events)
    for (const [cause, events] of parked) metrics.parked.set({ bureau, cause }, events)
  }
}
