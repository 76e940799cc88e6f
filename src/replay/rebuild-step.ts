import { setTimeout } from 'node:timers/promises'
import type { RawSql } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Judging } from '../view/apply-events.ts'
import type { SubjectKey } from '../view/histories.ts'
import type { Partition } from '../view/positions.ts'
import type { Rebuild, RebuildProgress } from './rebuild.ts'
import { compareViews } from './rebuild-compare.ts'
import { foldHistories } from './rebuild-fold.ts'
import { copyDismissed, followStep } from './rebuild-follow.ts'
import { lockAsSeen, openRebuild, readRebuild, saveRebuild } from './rebuild-store.ts'
import { trySwap } from './rebuild-swap.ts'
import { refuseOlder } from './rebuild-version.ts'
import type { Masking } from './record-difference.ts'

/** What a rebuild folds by. */
export interface RebuildRules {
  /** index of the catalogue in force */
  readonly catalogue: number
  readonly judging: Judging
  /** every partition of every kind */
  readonly partitions: readonly Partition[]
}

export interface RebuildMeans {
  readonly bureau: string
  /** its search_path is the rebuild's schema; three connections of it work at once */
  readonly sql: RawSql
  readonly live: string
  readonly schema: string
  readonly replaced: string
  /** those in force now, read anew */
  readonly refreshRules: () => Promise<RebuildRules>
  /** the last that were read */
  readonly rules: () => RebuildRules
  readonly partitionOf: (subject: SubjectKey) => Partition
  readonly maskOf: (kind: string) => Masking
  readonly clock: () => Date
  readonly goesOn: () => boolean
}

/** What happens next: another step at once, or after a while, or nothing. */
export type NextStep = 'more' | 'wait' | 'ended'

/**
 * One step of the bureau's rebuild. A process that dies in it leaves what the next one goes on from.
 *
 * @throws when the machine failed; the step can be made again
 */
export async function rebuildStep(means: RebuildMeans): Promise<NextStep> {
  const rebuild = await openRebuild(means.sql, means.bureau)
  if (rebuild === undefined) return 'ended'
  const rules = await means.refreshRules()
  const { progress } = rebuild
  if (progress === null || progress.catalogue !== rules.catalogue) {
    await begin(means, rebuild, rules)
    return 'more'
  }
  const following = { ...means, judging: rules.judging }
  if (!progress.folded) {
    const goesOn = () => means.goesOn() && means.rules().catalogue === rules.catalogue
    await foldHistories({ ...following, partitions: rules.partitions, goesOn }, rebuild, progress)
    return 'more'
  }
  const followed = await followStep(means.sql, following)
  if (followed === 'lost') {
    await change(means, rebuild, (now) => ({
      ...now,
      state: 'building',
      progress: null,
      note: 'its rows were lost: begun anew',
    }))
    return 'more'
  }
  if (followed === 'more') return 'more'
  if (rebuild.state === 'ready') return 'wait'
  if (rebuild.state === 'swapping') return (await trySwap(means.sql, following, rebuild)) === 'later' ? 'wait' : 'ended'
  await compare(means, rebuild)
  return 'more'
}

/** Makes the schema empty but for what was dismissed, which is input of the fold. */
async function begin(means: RebuildMeans, { id, progress }: Rebuild, rules: RebuildRules): Promise<void> {
  const { sql, live, clock } = means
  await inTransaction(sql, async (tx) => {
    const rebuild = await lockAsSeen(tx, id, progress)
    if (rebuild === undefined) return
    // the swap looks again; a fold takes hours, and a dry run swaps nothing
    if (!rebuild.dryRun && (await refuseOlder(tx, means, rebuild))) return
    await tx`truncate records, parked, positions, dismissed, completeness`
    await copyDismissed(tx, live)
    const [log] = await tx<{ upTo: number; of: number }[]>`
      select (select coalesce(max(index), -1) from log.entries) as "upTo", (select count(*)::int from log.subjects) as of`
    const begun: RebuildProgress = {
      catalogue: rules.catalogue,
      upTo: log?.upTo ?? -1,
      after: null,
      folded: false,
      subjects: 0,
      events: 0,
      of: log?.of ?? 0,
    }
    const note = progress === null ? rebuild.note : `the catalogue of entry ${rules.catalogue} came into force: begun anew`
    await saveRebuild(tx, { ...rebuild, state: 'building', progress: begun, result: null, note }, clock())
  })
}

/** How long an event may be on its way to the live view before a page is compared again. */
const onItsWayMs = 250

async function compare(means: RebuildMeans, seen: Rebuild): Promise<void> {
  const { id, dryRun } = seen
  const { sql, rules, goesOn } = means
  const { judging, catalogue } = rules()
  let wanted = true
  const result = await compareViews(sql, {
    ...means,
    goesOn: () => wanted && goesOn() && rules().catalogue === catalogue,
    async onPage() {
      // it may have been cancelled meanwhile
      wanted = (await readRebuild(sql, id))?.state === 'building'
    },
    async catchUp() {
      await setTimeout(onItsWayMs)
      while (goesOn() && (await followStep(sql, { ...means, judging })) === 'more');
    },
  })
  if (result === undefined) return
  await change(means, seen, (rebuild) =>
    rebuild.state === 'building' ? { ...rebuild, state: dryRun ? 'compared' : 'ready', result } : rebuild,
  )
}

async function change(
  { sql, clock }: RebuildMeans,
  { id, progress }: Rebuild,
  changed: (rebuild: Rebuild) => Rebuild,
): Promise<void> {
  await inTransaction(sql, async (tx) => {
    const rebuild = await lockAsSeen(tx, id, progress)
    if (rebuild !== undefined) await saveRebuild(tx, changed(rebuild), clock())
  })
}
