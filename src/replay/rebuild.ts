import type { SubjectKey } from '../view/histories.ts'
import type { SubjectDifference } from './subject-difference.ts'

/**
 * building → ready → swapping → swapped; a dry run: building → compared. Cancelled at any moment before the swap. A new catalogue
 * takes one that is not through back to building, since views are folded by the rules of today.
 */
export const rebuildStates = ['building', 'ready', 'swapping', 'swapped', 'compared', 'cancelled'] as const
export type RebuildState = (typeof rebuildStates)[number]

/** How far a rebuild is. */
export interface RebuildProgress {
  /** index of the catalogue that it folds by */
  readonly catalogue: number
  /** every subject is folded up to this index first; then what came since, in the log's order */
  readonly upTo: number
  /** the last subject that is through; null before the first */
  readonly after: SubjectKey | null
  /** every subject is through */
  readonly folded: boolean
  readonly subjects: number
  readonly events: number
  /** subjects that the log had at the beginning */
  readonly of: number
}

/** What differs between the live view and the rebuilt one, left and right. */
export interface RebuildResult {
  /** compared */
  readonly subjects: number
  readonly different: number
  /** only in the rebuilt one */
  readonly missing: number
  /** only in the live one */
  readonly extra: number
  /** one of the two holds back events that the other does not, or holds back others */
  readonly parked: number
  /** records of the live view that the rebuilt one lacks, whatever else differs; absent in what an older version compared */
  readonly recordsTaken?: number
  /** not compared: the live view has not come as far yet */
  readonly behind: number
  /** {@link maxExamples} at most, masked for operators; those whose record is taken away come first */
  readonly examples: readonly RebuildExample[]
}

export interface RebuildExample extends SubjectDifference {
  /** the live view has a record of it, and the rebuilt one has none */
  readonly takesRecord?: true
}

export const maxExamples = 20

/** One rebuild as its row holds it. */
export interface Rebuild {
  readonly id: number
  readonly bureau: string
  readonly dryRun: boolean
  readonly state: RebuildState
  readonly progress: RebuildProgress | null
  readonly result: RebuildResult | null
  /** why it waits, began anew or ended */
  readonly note: string | null
  readonly party: string
  readonly reason: string
  readonly createdAt: Date
  readonly updatedAt: Date
}
