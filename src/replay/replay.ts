import type { ParkedCause } from '../domain/record.ts'
import type { ReplayFilter } from './filter.ts'

/**
 * planning → planned → running ⇄ paused → done, or cancelled at any moment before that. A canary is a run with an allowance:
 * it pauses when that is used up.
 */
export const replayStates = ['planning', 'planned', 'running', 'paused', 'done', 'cancelled'] as const
export type ReplayState = (typeof replayStates)[number]

/** Subjects that would fail, or failed, in the same way. */
export interface ReplayFailure {
  readonly cause: ParkedCause
  readonly type: string
  readonly subjects: number
  /** the first of them */
  readonly example: { readonly index: number; readonly subject: string; readonly detail: string }
}

/** What a dry run found. */
export interface PlanResult {
  /** subjects looked at, and their parked events */
  readonly subjects: number
  readonly events: number
  /** events that would be applied */
  readonly applied: number
  /** subjects of which something would stay parked */
  readonly failed: number
  readonly failures: readonly ReplayFailure[]
}

/** One replay as its row holds it. */
export interface Replay {
  readonly id: number
  readonly bureau: string
  readonly filter: ReplayFilter
  readonly state: ReplayState
  readonly rate: number | null
  readonly pauseAfter: number
  readonly allowance: number | null
  readonly upTo: number
  readonly after: number
  readonly plan: PlanResult | null
  readonly subjectsDone: number
  readonly eventsApplied: number
  readonly subjectsFailed: number
  readonly failedSinceResume: number
  readonly failures: readonly ReplayFailure[]
  readonly note: string | null
  readonly party: string
  readonly reason: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly updatedAt: Date
}

/** Kinds of failure that are told apart in a replay; more are counted with the last. */
const maxFailureKinds = 50

/** Adds one subject's failure to those before it. */
export function withFailure(
  failures: readonly ReplayFailure[],
  failed: Omit<ReplayFailure, 'subjects'>,
): readonly ReplayFailure[] {
  const same = failures.findIndex(({ cause, type }) => cause === failed.cause && type === failed.type)
  const at = same === -1 && failures.length >= maxFailureKinds ? failures.length - 1 : same
  if (at === -1) return [...failures, { ...failed, subjects: 1 }]
  return failures.map((one, i) => (i === at ? { ...one, subjects: one.subjects + 1 } : one))
}
