import type { Sql } from 'postgres'
import { partitionOf } from '../bus/partition.ts'
import type { RawSql } from '../database/connect.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import { lagOf } from '../view/lag.ts'
import { oldestHeard } from '../view/partition-states.ts'
import type { View } from '../view/view.ts'
import type { Finding } from './alarm.ts'
import { Growth } from './growth.ts'
import type { Condition, Look } from './look.ts'
import { viewBroken } from './view-broken.ts'

export type WatchedView = Pick<View, 'positions' | 'parkedCounts' | 'partitions'>

export interface Watched {
  readonly sql: RawSql
  readonly keeper: RulesKeeper
  readonly views: {
    all(): readonly (readonly [string, WatchedView])[]
    /** their search_path is the view's schema */
    connections(): readonly (readonly [string, RawSql])[]
  }
  /** of the broker's topics; undefined without one */
  readonly topicPrefix: string | undefined
  /** undefined: nobody cosigns the log */
  readonly witnesses: (() => Promise<{ readonly lagSeconds: number; readonly warning?: string }>) | undefined
  /** between two heartbeats of each partition */
  readonly heartbeatSeconds: number
  /** an event that waits longer for a view or the broker is an alarm */
  readonly behindSeconds: number
}

/** A heartbeat may be late by as many others. */
const missedHeartbeats = 3
/** Event entries counted at most. */
const maxCounted = 10_000

export function conditionsOf(watched: Watched): readonly Condition[] {
  const { sql, keeper, views, topicPrefix, witnesses, behindSeconds } = watched
  const growth = new Growth()
  const isLate = (since: Date | undefined): since is Date =>
    since !== undefined && Date.now() - since.getTime() > behindSeconds * 1000
  return [
    // first: whoever asks a view that was dropped as a whole for its positions makes it anew
    {
      kind: 'consumer-behind',
      async find(look) {
        const places = await look.eachView(views.all(), async (bureau, view) => {
          const positions = await view.positions()
          return [{ bureau, positions, partitions: await view.partitions() }]
        })
        const found: Finding[] = []
        // from the log: what fails here is no view's fault
        for (const { bureau, positions, partitions } of places) {
          const { events, since } = await lagOf(sql, keeper.inForce.rules, positions, partitionOf, partitions)
          if (isLate(since)) found.push({ about: bureau, details: { bureau, events, since: since.toISOString() } })
        }
        return found
      },
    },
    {
      kind: 'parked-group',
      find: (look) =>
        look.eachView(views.all(), async (bureau, view) =>
          (await view.parkedCounts())
            .filter(({ cause }) => cause !== 'behind')
            .map(({ cause, type, events, subjects }) => ({
              about: `${bureau} ${cause} ${type}`,
              details: { bureau, cause, type, events, subjects },
            })),
        ),
    },
    {
      kind: 'parked-growing',
      find: (look) =>
        look.eachView(views.all(), async (bureau, view) => {
          const events = (await view.parkedCounts()).reduce((sum, group) => sum + group.events, 0)
          const before = growth.observe(bureau, events, performance.now())
          return before === undefined ? [] : [{ about: bureau, details: { bureau, events, eventsBefore: before } }]
        }),
    },
    {
      kind: 'publisher-behind',
      async find() {
        if (topicPrefix === undefined) return []
        const { events, since } = await publisherBehind(sql, topicPrefix)
        return isLate(since) ? [{ about: topicPrefix, details: { events, since: since.toISOString() } }] : []
      },
    },
    { kind: 'no-heartbeat', find: (look) => silent(look, watched) },
    {
      kind: 'witnesses-behind',
      async find() {
        const health = await witnesses?.()
        return health?.warning === undefined ? [] : [{ about: 'quorum', details: { lagSeconds: health.lagSeconds } }]
      },
    },
    {
      kind: 'replay-paused',
      async find() {
        const rows = await sql<{ id: number; bureau: string; failed: number }[]>`
          select id, bureau, failed_since_resume as failed from operations.replays
          where state = 'paused' and failed_since_resume >= pause_after`
        return rows.map(({ id, bureau, failed }) => ({
          about: String(id),
          details: { replay: id, bureau, subjectsFailed: failed },
        }))
      },
    },
    viewBroken(views),
  ]
}

/** Topics that the publisher sends no heartbeats to, and views that take none. */
async function silent(look: Look, watched: Watched): Promise<readonly Finding[]> {
  const { sql, views, topicPrefix, behindSeconds, heartbeatSeconds } = watched
  const silentMs = Math.max(behindSeconds, missedHeartbeats * heartbeatSeconds) * 1000
  const finding = (about: string, at: Date): Finding => ({ about, details: { about, since: at.toISOString() } })
  const now = new Date()
  const published = topicPrefix === undefined ? now : await lastHeartbeat(sql, topicPrefix)
  // where the publisher is silent there is nothing to hear
  if (published === undefined) return []
  const isSilent = topicPrefix !== undefined && now.getTime() - published.getTime() > silentMs
  const found = await look.eachView(views.all(), async (bureau, view) => {
    const heard = oldestHeard(await view.partitions())
    return heard && published.getTime() - heard.getTime() > silentMs ? [finding(bureau, heard)] : []
  })
  return isSilent ? [finding(topicPrefix, published), ...found] : found
}

/** Events that the broker has not acknowledged, of the topic that is furthest behind; counted up to 10,000. */
export async function publisherBehind(sql: Sql | RawSql, prefix: string): Promise<{ events: number; since: Date | undefined }> {
  const [row] = await sql<{ events: number; since: Date | null }[]>`
    select count(*)::int as events, min(received) as since from (
      select received from log.entries
      where kind = 'event' and index > (select min(index) from log.published where starts_with(topic, ${`${prefix}.`}))
      order by index limit ${maxCounted}) as unsent`
  return { events: row?.events ?? 0, since: row?.since ?? undefined }
}

/** When the broker last took a heartbeat of every topic; undefined before the first. */
export async function lastHeartbeat(sql: Sql | RawSql, prefix: string): Promise<Date | undefined> {
  const [row] = await sql<{ at: Date | null }[]>`
    select min(heartbeat_at) as at from log.published where starts_with(topic, ${`${prefix}.`})`
  return row?.at ?? undefined
}
