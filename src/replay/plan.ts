import { inTransaction, inTrial, type Transaction } from '../database/transaction.ts'
import type { Subject } from './fold-waiting.ts'
import { type Head, nextHeads } from './heads.ts'
import { inLanes } from './lanes.ts'
import { type Released, tryOutSubjects } from './release.ts'
import { type PlanResult, withFailure } from './replay.ts'
import type { ReplayMeans } from './run.ts'
import { lockReplay, readReplay, saveReplay } from './store.ts'

/** Subjects tried between two looks at whether the plan is still wanted: half a second's work, about 20 MB of records. */
const subjectsAtOnce = 4_000

const nothingYet: PlanResult = { subjects: 0, events: 0, applied: 0, failed: 0, failures: [] }

interface Found {
  readonly released: readonly Released[]
  /** parked of these subjects */
  readonly events: number
}

/**
 * Tries the next subjects of a plan: all that stays is what it found, and nobody is held up.
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
    // what a crash of the database takes back is tried again
    await tx`set local synchronous_commit = off`
    // it may have been cancelled meanwhile
    if ((await lockReplay(tx, id))?.state !== 'planning') return
    const after = more ? (heads.at(-1)?.index ?? replay.after) : -1
    await saveReplay(tx, { ...replay, state: more ? 'planning' : 'planned', plan, after }, means.clock())
  })
  return more ? 'more' : 'done'
}

async function tryOut({ sql, judging, clock }: ReplayMeans, heads: readonly Head[]): Promise<Found> {
  return inTrial(sql, async (tx) => {
    const released = await tryOutSubjects(tx, heads, judging(), clock())
    const applied = released.reduce((sum, one) => sum + (one.failed === undefined ? one.applied : 0), 0)
    // of a subject that goes through, all that was parked is applied
    const failed = released.filter((one) => one.failed !== undefined)
    return { released, events: applied + (failed.length === 0 ? 0 : await countParked(tx, failed)) }
  })
}

async function countParked(tx: Transaction, subjects: readonly Subject[]): Promise<number> {
  const [parked] = await tx<{ events: number }[]>`
    select count(*)::int as events from parked
    join unnest(${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ subject }) => subject)}::text[]) as wanted (kind, subject)
      using (kind, subject)`
  return parked?.events ?? 0
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
