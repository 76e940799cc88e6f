import { inTransaction, type Transaction } from '../database/transaction.ts'
import { refusedRow } from '../view/apply-events.ts'
import { nextHeads } from './heads.ts'
import { type Released, releaseOneByOne, releaseSubjects } from './release.ts'
import { type PlanResult, type Replay, withFailure } from './replay.ts'
import { maxSubjects, type ReplayMeans } from './run.ts'
import { readReplay, saveReplay } from './store.ts'

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
  readonly plan: PlanResult
  readonly after: number
  readonly more: boolean
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
  const found = await tryOut(means, replay)
  const state = found.more ? 'planning' : 'planned'
  await inTransaction(means.sql, async (tx) => {
    const [still] = await tx`select 1 from operations.replays where id = ${id}::bigint and state = 'planning' for update`
    const after = found.more ? found.after : -1
    if (still !== undefined) await saveReplay(tx, { ...replay, state, plan: found.plan, after }, means.clock())
  })
  return found.more ? 'more' : 'done'
}

async function tryOut(means: ReplayMeans, replay: Replay): Promise<Found> {
  const dryRun = (release: typeof releaseOneByOne) =>
    inTransaction(means.sql, async (tx): Promise<Found> => {
      throw new TakenBack(await look(tx, means, replay, release))
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

async function look(tx: Transaction, means: ReplayMeans, replay: Replay, release: typeof releaseOneByOne): Promise<Found> {
  const before = replay.plan ?? nothingYet
  const heads = await nextHeads(tx, replay, maxSubjects)
  const [parked] = await tx<{ events: number }[]>`
    select count(*)::int as events from parked
    join unnest(${heads.map(({ kind }) => kind)}::text[], ${heads.map(({ subject }) => subject)}::text[]) as wanted (kind, subject)
      using (kind, subject)`
  const released =
    heads.length === 0 ? [] : await release(tx, heads, { judging: means.judging(), now: means.clock(), replay: undefined })
  return {
    plan: added(before, released, parked?.events ?? 0),
    after: heads.at(-1)?.index ?? replay.after,
    more: heads.length === maxSubjects,
  }
}

function added(before: PlanResult, released: readonly Released[], events: number): PlanResult {
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
