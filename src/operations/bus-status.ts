import type { Bus, PartitionEnds } from '../bus/bus.ts'
import { partitionOf } from '../bus/partition.ts'
import { type CheckState, readCheck } from '../completeness/store.ts'
import type { RawSql } from '../database/connect.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import { lagOf } from '../view/lag.ts'
import { type PartitionState, readPartitions } from '../view/partition-states.ts'
import { placeText, readPositions } from '../view/positions.ts'
import { viewFaultText } from '../view/view-fault.ts'

/** Republications in one answer: what is under way, and the last few. */
const maxListed = 20

/** How far the bus has brought what the log holds. */
export interface BusStatus {
  readonly bus: Bus['name']
  /** entries of the log */
  readonly logSize: number
  /** why the broker could not be asked; null when it could, or there is none */
  readonly brokerFault: string | null
  readonly topics: readonly TopicStatus[]
  /** of each bureau whose view can be read */
  readonly consumers: readonly ConsumerStatus[]
  readonly viewFaults: readonly ViewFault[]
  /** newest first */
  readonly republications: readonly RepublicationStatus[]
}

export interface TopicStatus {
  /** without prefix */
  readonly topic: string
  /** every event up to it was acknowledged by the broker; null without a broker, or before the publisher's first start */
  readonly publishedTo: number | null
  readonly heartbeatAt: Date | null
  readonly heartbeatSize: number | null
  readonly partitions: readonly {
    readonly partition: number
    /** the partition's last published event; -1 without one */
    readonly lastIndex: number | null
    readonly firstOffset: number | null
    readonly endOffset: number | null
  }[]
}

export interface ConsumerStatus {
  readonly bureau: string
  /** event entries that the view has not taken in; counts up to 10,000 */
  readonly lagEvents: number
  /** since when the oldest of them is in the log */
  readonly lagSince: Date | null
  readonly check: CheckState
  readonly partitions: readonly (PartitionState & { readonly lagEvents: number })[]
}

/** A view that can't be read, and why. */
export interface ViewFault {
  readonly bureau: string
  readonly fault: string
}

export interface RepublicationStatus {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly sentTo: number
  readonly events: number
  readonly party: string
  readonly reason: string
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

export interface BusStatusMeans {
  readonly sql: RawSql
  readonly keeper: RulesKeeper
  /** connections whose search_path is the schema of a bureau's view, by bureau */
  readonly views: () => readonly (readonly [string, RawSql])[]
  readonly bus: Pick<Bus, 'name' | 'ends'>
  /** of topics; undefined without a broker */
  readonly topicPrefix: string | undefined
}

export async function readBusStatus(means: BusStatusMeans): Promise<BusStatus> {
  const { sql, bus } = means
  const [head] = await sql<{ size: number }[]>`select coalesce(max(index), -1) + 1 as size from log.entries`
  const { ends, fault } = await askBroker(means)
  return {
    bus: bus.name,
    logSize: head?.size ?? 0,
    brokerFault: fault,
    topics: await readTopics(means, ends),
    ...(await readConsumers(means)),
    republications: await sql<RepublicationStatus[]>`
      select id, from_index as "from", to_index as "to", sent_to as "sentTo", events, party, reason,
        created_at as "createdAt", finished_at as "finishedAt"
      from log.republications order by finished_at is not null, id desc limit ${maxListed}`,
  }
}

type Ends = ReadonlyMap<string, readonly PartitionEnds[]>

async function askBroker({ keeper, bus }: BusStatusMeans): Promise<{ readonly ends: Ends; readonly fault: string | null }> {
  const topics = [...keeper.inForce.rules.kinds.values()].map(({ topic }) => topic)
  try {
    return { ends: await bus.ends(topics), fault: null }
  } catch (error) {
    return { ends: new Map(), fault: error instanceof Error ? error.message : String(error) }
  }
}

async function readTopics({ sql, keeper, topicPrefix }: BusStatusMeans, ends: Ends): Promise<readonly TopicStatus[]> {
  const rows = await sql<Published[]>`
    select topic, index, last_indexes as "lastIndexes", heartbeat_at as "heartbeatAt", heartbeat_size as "heartbeatSize"
    from log.published`
  return [...keeper.inForce.rules.kinds.values()].map(({ topic, partitions }) => {
    const published = rows.find((row) => topicPrefix !== undefined && row.topic === `${topicPrefix}.${topic}`)
    return {
      topic,
      publishedTo: published?.index ?? null,
      heartbeatAt: published?.heartbeatAt ?? null,
      heartbeatSize: published?.heartbeatSize ?? null,
      partitions: Array.from({ length: partitions }, (_, partition) => {
        const end = ends.get(topic)?.find((one) => one.partition === partition)
        const lastIndex = published?.lastIndexes[partition] ?? null
        return { partition, lastIndex, firstOffset: end?.low ?? null, endOffset: end?.high ?? null }
      }),
    }
  })
}

/** One view that can't be read takes nothing away from what is told of the others. */
async function readConsumers({ sql, keeper, views }: BusStatusMeans): Promise<Pick<BusStatus, 'consumers' | 'viewFaults'>> {
  const consumers: ConsumerStatus[] = []
  const viewFaults: ViewFault[] = []
  for (const [bureau, view] of views()) {
    try {
      consumers.push(await readConsumer(sql, keeper, bureau, view))
    } catch (error) {
      viewFaults.push({ bureau, fault: viewFaultText(error) })
    }
  }
  return { consumers, viewFaults }
}

async function readConsumer(sql: RawSql, keeper: RulesKeeper, bureau: string, view: RawSql): Promise<ConsumerStatus> {
  const [positions, partitions] = [await readPositions(view), await readPartitions(view)]
  const { events, since, byPartition } = await lagOf(sql, keeper.inForce.rules, positions, partitionOf, partitions)
  return {
    bureau,
    lagEvents: events,
    lagSince: since ?? null,
    check: await readCheck(view),
    partitions: partitions.map((one) => ({ ...one, lagEvents: byPartition.get(placeText(one)) ?? 0 })),
  }
}

interface Published {
  readonly topic: string
  readonly index: number
  readonly lastIndexes: readonly number[]
  readonly heartbeatAt: Date | null
  readonly heartbeatSize: number | null
}
