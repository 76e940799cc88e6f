import { foldDismissed, foldRecord, type Parked, type ViewRecord } from '../domain/record.ts'
import type { Judging } from './apply-events.ts'
import type { HistoryEvent, SubjectKey } from './histories.ts'

/** One subject's history, folded into a view event by event: what a view that follows the log comes to in the end. */
export class HistoryFold implements SubjectKey {
  readonly kind: string
  readonly subject: string
  record: ViewRecord | undefined
  /** the first event that can't be applied; later ones wait behind it */
  head: (Parked & { readonly index: number }) | undefined
  /** how many are parked, the first included */
  parked = 0

  constructor({ kind, subject }: SubjectKey) {
    this.kind = kind
    this.subject = subject
  }

  /** @returns why the event is parked; undefined when it is not */
  take({ event, dismissal }: HistoryEvent, judging: Judging): Parked | undefined {
    if (this.head !== undefined) {
      // what was dismissed waits too, but nobody has to apply it
      if (dismissal !== undefined) return undefined
      this.parked += 1
      return { cause: 'behind', detail: `waits for the event at index ${this.head.index}` }
    }
    const [rules, law] = [judging.rulesOf(event.kind), judging.lawOf(event)]
    if (dismissal !== undefined) {
      this.record = foldDismissed(this.record, event, rules, dismissal, law)
      return undefined
    }
    const folded = foldRecord(this.record, event, rules, law)
    if ('parked' in folded) return this.park(event.index, folded.parked)
    this.record = folded.record
    return undefined
  }

  /** Parks the first event that can't be applied. */
  park(index: number, why: Parked): Parked {
    this.head = { ...why, index }
    this.parked += 1
    return why
  }
}
