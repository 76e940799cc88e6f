import { Alarms } from '../alarm/alarms.ts'
import { lastHeartbeat, publisherBehind } from '../alarm/conditions.ts'
import { partitionOf } from '../bus/partition.ts'
import type { RawSql } from '../database/connect.ts'
import type { LogReader } from '../log/read.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Metrics } from '../metrics.ts'
import { lagOf } from '../view/lag.ts'
import { oldestHeard } from '../view/partition-states.ts'
import type { Views } from '../view/views.ts'

export interface Measured {
  readonly sql: RawSql
  readonly log: LogReader
  readonly keeper: RulesKeeper
  readonly views: Views
  /** undefined: there is no broker */
  readonly topicPrefix: string | undefined
  /** items in front of the commit */
  waiting(): number
}

/** Brings the gauges up to date that are read from the database. */
export async function readGauges(metrics: Metrics, { sql, log, keeper, views, topicPrefix, waiting }: Measured): Promise<void> {
  metrics.waiting.set(waiting())
  metrics.logSize.set(await log.size())
  metrics.alarms.reset()
  for (const { kind, count } of await new Alarms(sql).raisedCounts()) metrics.alarms.set({ kind }, count)
  if (topicPrefix !== undefined) {
    const behind = await publisherBehind(sql, topicPrefix)
    metrics.publisherBehind.set(behind.events)
    metrics.publisherBehindSeconds.set(secondsSince(behind.since))
    metrics.heartbeatAge.set(secondsSince(await lastHeartbeat(sql, topicPrefix)))
  }
  metrics.parked.reset()
  for (const [bureau, view] of views.all()) {
    const { events, since } = await lagOf(sql, keeper.inForce.rules, await view.positions(), partitionOf)
    metrics.lag.set({ bureau }, events)
    metrics.lagSeconds.set({ bureau }, secondsSince(since))
    metrics.viewHeartbeatAge.set({ bureau }, secondsSince(oldestHeard(await view.partitions())))
    const parked = new Map<string, number>()
    for (const { cause, events } of await view.parkedCounts()) parked.set(cause, (parked.get(cause) ?? 0) + events)
    for (const [cause, events] of parked) metrics.parked.set({ bureau, cause }, events)
  }
}

const secondsSince = (at: Date | undefined): number => (at === undefined ? 0 : Math.max(0, (Date.now() - at.getTime()) / 1000))
