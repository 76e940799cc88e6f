import { inTransaction, type Transaction } from '../database/transaction.ts'
import { refusedRow } from '../view/apply-events.ts'
import { type Head, nextHeads } from './heads.ts'
import { inLanes } from './lanes.ts'
import { type Released, releaseOneByOne, releaseSubjects } from './release.ts'
import { type PlanResult, withFailure } from './replay.ts'
import type { ReplayMeans } from './run.ts'
import { lockReplay, readReplay, saveReplay } from './store.ts'

/** Subjects tried between two looks at whether the plan is still wanted. */
const subjectsAtOnce = 1_000

const nothingYet: PlanResult = { subjects: 0, events: 0, applied: 0, failed: 0, failures: [] }

/** Carries what a dry run found out of the transaction that takes it back. */
class TakenBack extends Error {
  override readonly name = 'TakenBack'
  readonly found: Found

  constructor(found: Found) {
    super('a dry run is taken back')
    this.found = found
  }
}

interface Found {
  readonly released: readonly Released[]
  /** parked of these subjects */
  readonly events: number
}

/**
 * Tries the next subjects of a plan and takes it back: all that stays is what it found. Nobody is held up, since it locks no
 * position; the records it writes for the while are of subjects for which nothing but a replay writes.
 *
 * @throws when the machine failed; the step can be made again
 */
export async function planStep(means: ReplayMeans, id: number): Promise<'more' | 'done'> {
  const replay = await readReplay(means.sql, id)
  if (replay?.state !== 'planning') return 'done'
  const heads = await nextHeads(means.sql, replay, subjectsAtOnce)
  const found = await Promise.all(inLanes(heads, means.partitionOf).map((lane) => tryOut(means, lane)))
  const more = heads.length === subjectsAtOnce
  const plan = found.reduce(added, replay.plan ?? nothingYet)
  await inTransaction(means.sql, async (tx) => {
    // it may have been cancelled meanwhile
    if ((await lockReplay(tx, id))?.state !== 'planning') return
    const after = more ? (heads.at(-1)?.index ?? replay.after) : -1
    await saveReplay(tx, { ...replay, state: more ? 'planning' : 'planned', plan, after }, means.clock())
  })
  return more ? 'more' : 'done'
}

async function tryOut(means: ReplayMeans, heads: readonly Head[]): Promise<Found> {
  const dryRun = (release: typeof releaseOneByOne) =>
    inTransaction(means.sql, async (tx): Promise<Found> => {
      throw new TakenBack(await look(tx, means, heads, release))
    })
  try {
    return await foundBy(dryRun(releaseSubjects))
  } catch (error) {
    if (refusedRow(error) === undefined) throw error
    return await foundBy(dryRun(releaseOneByOne))
  }
}

function foundBy(dryRun: Promise<Found>): Promise<Found> {
  return dryRun.catch((error: unknown) => {
    if (error instanceof TakenBack) return error.found
    throw error
  })
}

async function look(
  tx: Transaction,
  means: ReplayMeans,
  heads: readonly Head[],
  release: typeof releaseOneByOne,
): Promise<Found> {
  const [parked] = await tx<{ events: number }[]>`
    select count(*)::int as events from parked
    join unnest(${heads.map(({ kind }) => kind)}::text[], ${heads.map(({ subject }) => subject)}::text[]) as wanted (kind, subject)
      using (kind, subject)`
  const released = await release(tx, heads, { judging: means.judging(), now: means.clock(), replay: undefined })
  return { released, events: parked?.events ?? 0 }
}

function added(before: PlanResult, { released, events }: Found): PlanResult {
  let { applied, failed, failures } = before
  for (const one of released) {
    applied += one.applied
    if (one.failed === undefined) continue
    failed += 1
    const { cause, type, index, detail } = one.failed
    failures = withFailure(failures, { cause, type, example: { index, subject: one.subject, detail } })
  }
  return { subjects: before.subjects + released.length, events: before.events + events, applied, failed, failures }
}
