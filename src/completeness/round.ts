import { setTimeout as pause } from 'node:timers/promises'
import type { RawSql } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Subject } from '../replay/fold-waiting.ts'
import type { Judging } from '../view/apply-events.ts'
import { distinctPlaces, indexesByPlace, lockPositions, type Partition, placeText, readPositions } from '../view/positions.ts'
import { foldAnew, orOneByOne } from './fold-anew.ts'
import { type Expected, findHoles, type Hole } from './holes.ts'
import { type CheckState, lockCheck, readCheck, saveCheck } from './store.ts'

/** Entries of the log whose subjects are looked at in one step: some tens of milliseconds of the database. */
const pageEntries = 2_000
/** Subjects folded anew in one transaction, which holds up their partitions' consumer for so long. */
const healedAtOnce = 100
/** What was just logged is in a view that follows by then. */
const catchUpMs = 2_000

export interface CheckMeans {
  /** its search_path is the view's schema */
  readonly sql: RawSql
  readonly judging: () => Judging
  /** undefined: the rules in force have no such kind */
  readonly partitionOf: (subject: Subject) => Partition | undefined
  readonly clock: () => Date
}

/** What one step has done. */
export interface CheckStep {
  /** `startedAt` is null when the round is through */
  readonly check: CheckState
  /** what was missing, and is folded in now */
  readonly healed: readonly Hole[]
}

/** Takes the next stretch of the log in the round under way. A process that dies in it repeats the stretch. */
export async function checkStep(means: CheckMeans): Promise<CheckStep> {
  const { sql, clock } = means
  const before = await readCheck(sql)
  const { size, checkedTo, subjects } = await nextStretch(sql, before.checkedTo)
  const isLast = checkedTo + 1 === size
  const { reached, behind } = await expectedSoon(means, subjects, isLast ? catchUpMs : 0)
  const healed = await heal(means, await findHoles(sql, reached))
  const after = await inTransaction(sql, async (tx) => {
    const check = moved(await lockCheck(tx), before, { size, checkedTo, healed, behind, now: clock() })
    await saveCheck(tx, check)
    return check
  })
  return { check: after, healed }
}

interface Stretch {
  /** entries of the log now */
  readonly size: number
  /** every event entry up to here was in this stretch or before it */
  readonly checkedTo: number
  readonly subjects: readonly SubjectEvents[]
}

interface SubjectEvents extends Subject {
  /** in the stretch */
  readonly indexes: readonly number[]
}

async function nextStretch(sql: RawSql, after: number): Promise<Stretch> {
  const [head] = await sql<{ size: number }[]>`select coalesce(max(index), -1) + 1 as size from log.entries`
  const size = head?.size ?? 0
  const upTo = Math.min(after + pageEntries, size - 1)
  const subjects = await sql<SubjectEvents[]>`
    select subject_kind as kind, subject, array_agg(index) as indexes from log.entries
    where kind = 'event' and index > ${after}::bigint and index <= ${upTo}::bigint group by subject_kind, subject`
  return { size, checkedTo: upTo, subjects }
}

/** A view that follows the log has the newest events a moment later: it is no more behind for that than any other. */
async function expectedSoon(means: CheckMeans, subjects: readonly SubjectEvents[], waitMs: number): Promise<Reached> {
  const now = await expected(means, subjects)
  if (now.behind === 0 || waitMs === 0) return now
  await pause(waitMs)
  return expected(means, subjects)
}

interface Reached {
  readonly reached: readonly Expected[]
  /** events of the stretch that the view has not come to */
  readonly behind: number
}

/** How far the view is with each subject, and how many events of the stretch it has not come to. */
async function expected({ sql, partitionOf }: CheckMeans, subjects: readonly SubjectEvents[]): Promise<Reached> {
  const positions = indexesByPlace(await readPositions(sql))
  const reached: Expected[] = []
  let behind = 0
  for (const { kind, subject, indexes } of subjects) {
    const place = partitionOf({ kind, subject })
    const upTo = place && positions.get(placeText(place))
    if (upTo !== undefined) reached.push({ kind, subject, upTo })
    behind += indexes.filter((index) => index > (upTo ?? -1)).length
  }
  return { reached, behind }
}

async function heal(means: CheckMeans, found: readonly Hole[]): Promise<readonly Hole[]> {
  const healed: Hole[] = []
  for (let at = 0; at < found.length; at += healedAtOnce)
    healed.push(...(await healSome(means, found.slice(at, at + healedAtOnce))))
  return healed
}

function healSome({ sql, judging, partitionOf, clock }: CheckMeans, found: readonly Hole[]): Promise<readonly Hole[]> {
  const partitions = distinctPlaces(found.flatMap((one) => partitionOf(one) ?? []))
  return orOneByOne((apply) =>
    inTransaction(sql, async (tx) => {
      await lockPositions(tx, partitions)
      // nobody writes these subjects now: another process may have healed them
      const holes = await findHoles(tx, found)
      if (holes.length > 0) await foldAnew(tx, holes, judging(), clock(), apply)
      return holes
    }),
  )
}

/** A round that was asked for meanwhile has begun anew: it is left where it begins. */
function moved(check: CheckState, before: CheckState, step: Moved): CheckState {
  const { checkedTo, size, healed, behind, now } = step
  const events = healed.reduce((sum, { missing }) => sum + Math.abs(missing), 0)
  const counted = { ...check, healed: check.healed + events, healedAt: events > 0 ? now : check.healedAt }
  if (check.asked !== before.asked) return counted
  const isFirst = before.startedAt === null
  const behindInRound = (isFirst ? 0 : check.behindInRound) + behind
  const round = { ...counted, healedInRound: (isFirst ? 0 : check.healedInRound) + events, behindInRound }
  if (checkedTo + 1 < size) return { ...round, checkedTo, startedAt: before.startedAt ?? now }
  const completed = { completedAt: now, completedSize: size, completedBehind: behindInRound }
  return { ...round, ...completed, checkedTo: -1, startedAt: null, answered: check.asked }
}

interface Moved extends Omit<Stretch, 'subjects'> {
  readonly healed: readonly Hole[]
  /** events of the stretch that the view has not come to */
  readonly behind: number
  readonly now: Date
}
