import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import { type Judging, refusedRow } from '../view/apply-events.ts'
import { distinctPlaces, lockPositions, type Partition } from '../view/positions.ts'
import { type Head, nextHeads } from './heads.ts'
import { inLanes } from './lanes.ts'
import { type Released, releaseOneByOne, releaseSubjects } from './release.ts'
import { type Replay, withFailure } from './replay.ts'
import { lockReplay, readReplay, saveReplay } from './store.ts'

/** Subjects that share a transaction, which holds up their partitions' consumer for so long. */
const maxSubjects = 500
/** A replay with a rate works this often a second, so that its transactions are short. */
const stepsPerSecond = 10

export interface ReplayMeans {
  /** its search_path is the view's schema; two connections of it work at once */
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
 * Takes the next subjects of a running replay. A process that dies anywhere in it leaves nothing half done: what a subject
 * has come to is durable with its own mark, and only then the replay moves on.
 *
 * @throws when the machine failed; the step can be made again
 */
export async function runStep(means: ReplayMeans, id: number): Promise<Step> {
  const replay = await readReplay(means.sql, id)
  if (replay?.state !== 'running') return { state: replay?.state ?? 'cancelled', events: 0, rate: null }
  const heads = await nextHeads(means.sql, replay, subjectsAtOnce(replay))
  const tried = await Promise.all(inLanes(heads, means.partitionOf).map((lane) => release(means, id, lane)))
  const state = await inTransaction(means.sql, (tx) => moveOn(tx, means, id, heads))
  return { state, events: tried.reduce((sum, events) => sum + events, 0), rate: replay.rate }
}

function subjectsAtOnce({ rate, allowance }: Replay): number {
  const paced = rate === null ? 2 * maxSubjects : Math.max(1, Math.min(maxSubjects, Math.floor(rate / stepsPerSecond)))
  return Math.min(paced, allowance ?? paced)
}

async function release(means: ReplayMeans, id: number, heads: readonly Head[]): Promise<number> {
  try {
    return await inTransaction(means.sql, (tx) => releaseIn(tx, means, id, heads, releaseSubjects))
  } catch (error) {
    if (refusedRow(error) === undefined) throw error
    return await inTransaction(means.sql, (tx) => releaseIn(tx, means, id, heads, releaseOneByOne))
  }
}

async function releaseIn(
  tx: Transaction,
  { judging, partitionOf, clock }: ReplayMeans,
  id: number,
  heads: readonly Head[],
  release: typeof releaseOneByOne,
): Promise<number> {
  await lockPositions(tx, distinctPlaces(heads.map((head) => partitionOf(head))))
  const now = clock()
  const released = await release(tx, heads, { judging: judging(), now, replay: id })
  const replay = await lockReplay(tx, id)
  if (replay !== undefined) await saveReplay(tx, counted(replay, released), now)
  return triedIn(released)
}

function counted(replay: Replay, released: readonly Released[]): Replay {
  const failed = released.flatMap(({ subject, failed }) => (failed === undefined ? [] : [{ subject, ...failed }]))
  let { failures } = replay
  for (const { cause, type, ...example } of failed) failures = withFailure(failures, { cause, type, example })
  return {
    ...replay,
    allowance: replay.allowance === null ? null : Math.max(0, replay.allowance - released.length),
    subjectsDone: replay.subjectsDone + released.length,
    eventsApplied: replay.eventsApplied + released.reduce((sum, { applied }) => sum + applied, 0),
    subjectsFailed: replay.subjectsFailed + failed.length,
    failedSinceResume: replay.failedSinceResume + failed.length,
    failures,
  }
}

/** After its lanes: what was taken lies behind the replay, and it may have come to a halt. */
async function moveOn(tx: Transaction, { clock }: ReplayMeans, id: number, heads: readonly Head[]): Promise<Replay['state']> {
  const replay = await lockReplay(tx, id)
  if (replay === undefined) return 'cancelled'
  const moved = { ...replay, after: heads.at(-1)?.index ?? replay.after }
  const next = replay.state === 'running' ? halted(moved, heads.length === 0) : moved
  // what would only be resumed to find nothing is through
  if (replay.state === 'running' && next.state === 'paused' && (await nextHeads(tx, moved, 1)).length === 0) {
    await saveReplay(tx, { ...moved, state: 'done', note: null }, clock())
    return 'done'
  }
  await saveReplay(tx, next, clock())
  return next.state
}

function halted(replay: Replay, through: boolean): Replay {
  const { failedSinceResume, pauseAfter, allowance } = replay
  if (through) return { ...replay, state: 'done', note: null }
  if (failedSinceResume >= pauseAfter)
    return { ...replay, state: 'paused', note: `paused by itself: ${failedSinceResume} subjects failed again` }
  return allowance === 0 ? { ...replay, state: 'paused', note: 'the canary is through' } : replay
}

function triedIn(released: readonly Released[]): number {
  return released.reduce((sum, { applied, failed }) => sum + applied + (failed === undefined ? 0 : 1), 0)
}
