import { Alarms } from '../alarm/alarms.ts'
import { lastHeartbeat, publisherBehind } from '../alarm/conditions.ts'
import { partitionOf } from '../bus/partition.ts'
import type { RawSql } from '../database/connect.ts'
import type { LogReader } from '../log/read.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Metrics } from '../metrics.ts'
import { lagOf } from '../view/lag.ts'
import { oldestHeard } from '../view/partition-states.ts'
import type { View } from '../view/view.ts'
import { viewFaultText } from '../view/view-fault.ts'

type ReadView = Pick<View, 'positions' | 'partitions' | 'parkedCounts'>

export interface Measured {
  readonly sql: RawSql
  readonly log: LogReader
  readonly keeper: RulesKeeper
  readonly views: { all(): readonly (readonly [string, ReadView])[] }
  /** undefined: there is no broker */
  readonly topicPrefix: string | undefined
  /** items in front of the commit */
  waiting(): number
}

/**
 * Brings the gauges up to date that are read from the database.
 *
 * @throws {ViewsUnread} when a view can't be read, after the gauges of all others: its own are `NaN` then
 */
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
  const faults: string[] = []
  for (const [bureau, view] of views.all()) {
    try {
      await readViewGauges(metrics, sql, keeper, bureau, view)
    } catch (error) {
      // what it was before is no answer, and without one nobody would see which bureau it is
      for (const gauge of [metrics.lag, metrics.lagSeconds, metrics.viewHeartbeatAge]) gauge.set({ bureau }, Number.NaN)
      faults.push(`${bureau}: ${viewFaultText(error)}`)
    }
  }
  if (faults.length > 0) throw new ViewsUnread(faults)
}

/** Everything else was read. */
class ViewsUnread extends Error {
  override readonly name = 'ViewsUnread'

  constructor(faults: readonly string[]) {
    super(`the gauges of some views are not known; ${faults.join('; ')}`)
  }
}

async function readViewGauges(metrics: Metrics, sql: RawSql, keeper: RulesKeeper, bureau: string, view: ReadView): Promise<void> {
  const [positions, partitions] = [await view.positions(), await view.partitions()]
  const { events, since } = await lagOf(sql, keeper.inForce.rules, positions, partitionOf, partitions)
  const heard = oldestHeard(partitions)
  const parked = new Map<string, number>()
  for (const { cause, events } of await view.parkedCounts()) parked.set(cause, (parked.get(cause) ?? 0) + events)
  metrics.lag.set({ bureau }, events)
  metrics.lagSeconds.set({ bureau }, secondsSince(since))
  metrics.viewHeartbeatAge.set({ bureau }, secondsSince(heard))
  for (const [cause, events] of parked) metrics.parked.set({ bureau, cause }, events)
}

const secondsSince = (at: Date | undefined): number => (at === undefined ? 0 : Math.max(0, (Date.now() - at.getTime()) / 1000))
