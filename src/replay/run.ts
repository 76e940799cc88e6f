import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import { type Judging, refusedRow } from '../view/apply-events.ts'
import { lockPositions, type Partition } from '../view/positions.ts'
import { type Head, nextHeads } from './heads.ts'
import { type Released, releaseOneByOne, releaseSubjects } from './release.ts'
import { type Replay, withFailure } from './replay.ts'
import { lockReplay, saveReplay } from './store.ts'

/** Subjects that share a transaction, which holds up the bureau's consumer for so long. */
export const maxSubjects = 500
/** A replay with a rate works this often a second, so that its transactions are short. */
const stepsPerSecond = 10

export interface ReplayMeans {
  /** its search_path is the view's schema */
  readonly sql: RawSql
  readonly judging: () => Judging
  readonly partitionOf: (subject: { readonly kind: string; readonly subject: string }) => Partition
  readonly clock: () => Date
}

/** What one step has done. */
export interface Step {
  readonly state: Replay['state']
  /** events tried: applied, or failed again */
  readonly events: number
  readonly rate: number | null
}

/**
 * Takes the next subjects of a running replay: their records, what stays parked, and the replay's own row change in one
 * transaction, so that a process that dies leaves it where it was.
 *
 * @throws when the machine failed; nothing has happened then
 */
export async function runStep(means: ReplayMeans, id: number): Promise<Step> {
  try {
    return await inTransaction(means.sql, (tx) => step(tx, means, id, releaseSubjects))
  } catch (error) {
    if (refusedRow(error) === undefined) throw error
    return await inTransaction(means.sql, (tx) => step(tx, means, id, releaseOneByOne))
  }
}

async function step(tx: Transaction, means: ReplayMeans, id: number, release: typeof releaseOneByOne): Promise<Step> {
  const replay = await lockReplay(tx, id)
  if (replay?.state !== 'running') return { state: replay?.state ?? 'cancelled', events: 0, rate: null }
  const now = means.clock()
  const heads = await nextHeads(tx, replay, subjectsAtOnce(replay))
  if (heads.length === 0) {
    await saveReplay(tx, { ...replay, state: 'done', note: null }, now)
    return { state: 'done', events: 0, rate: replay.rate }
  }
  await lockPositions(tx, partitionsOf(heads, means))
  const released = await release(tx, heads, { judging: means.judging(), now, replay: id })
  const next = afterStep(replay, heads, released)
  await saveReplay(tx, next, now)
  return { state: next.state, events: triedIn(released), rate: replay.rate }
}

function subjectsAtOnce({ rate, allowance }: Replay): number {
  const paced = rate === null ? maxSubjects : Math.max(1, Math.min(maxSubjects, Math.floor(rate / stepsPerSecond)))
  return Math.min(paced, allowance ?? paced)
}

function partitionsOf(heads: readonly Head[], { partitionOf }: ReplayMeans): readonly Partition[] {
  const named = heads.map((head) => {
    const { topic, partition } = partitionOf(head)
    return [`${topic}\n${partition}`, { topic, partition }] as const
  })
  return [...new Map(named).values()]
}

function afterStep(replay: Replay, heads: readonly Head[], released: readonly Released[]): Replay {
  const failed = released.flatMap(({ subject, failed }) => (failed === undefined ? [] : [{ subject, ...failed }]))
  let { failures } = replay
  for (const { cause, type, ...example } of failed) failures = withFailure(failures, { cause, type, example })
  const allowance = replay.allowance === null ? null : replay.allowance - heads.length
  const failedSinceResume = replay.failedSinceResume + failed.length
  const after: Replay = {
    ...replay,
    after: heads.at(-1)?.index ?? replay.after,
    allowance,
    subjectsDone: replay.subjectsDone + heads.length,
    eventsApplied: replay.eventsApplied + released.reduce((sum, { applied }) => sum + applied, 0),
    subjectsFailed: replay.subjectsFailed + failed.length,
    failedSinceResume,
    failures,
  }
  if (failedSinceResume >= replay.pauseAfter)
    return { ...after, state: 'paused', note: `paused by itself: ${failedSinceResume} subjects failed again` }
  if (allowance !== null && allowance <= 0) return { ...after, state: 'paused', note: 'the canary is through' }
  return after
}

export function triedIn(released: readonly Released[]): number {
  return released.reduce((sum, { applied, failed }) => sum + applied + (failed === undefined ? 0 : 1), 0)
}
