import { nameOf } from '../export/subject-index.ts'
import { EntryMalformed, type FormedEntry, readFormedEntry } from './entry-form.ts'
import type { Finding } from './finding.ts'
import type { IndexCheck } from './index-check.ts'
import { type DigestTrace, type EventTrace, type StepTrace, sortedTraces, type TakenIdTrace } from './trace.ts'
import type { Verdict } from './verdict.ts'

/** Where a judge writes down what one bundle comes to. */
export class Sheet {
  unjudged = 0
  readonly #first: number
  readonly #index: IndexCheck | undefined
  readonly #findings: Finding[] = []
  readonly #days = new Map<string, number>()
  readonly #types = new Map<string, number>()
  readonly #traces = new Map<number, string>()
  #firstReceived: string | undefined
  #lastReceived: string | undefined

  /** @param index of subjects, where it is compared with the entries */
  constructor(first: number, index?: IndexCheck) {
    this.#first = first
    this.#index = index
  }

  add(finding: Finding): void {
    this.#findings.push(finding)
  }

  /**
   * Looks an entry up in the index.
   *
   * @param subject of a good event, which then is not read once more
   */
  seek(index: number, bytes: Buffer, subject?: string): void {
    if (this.#index === undefined) return
    const finding = this.#index.compare(index, subject === undefined ? nameOf(bytes) : `subject:${subject}`)
    if (finding !== undefined) this.add(finding)
  }

  read(index: number, bytes: Buffer): FormedEntry | undefined {
    try {
      const formed = readFormedEntry(bytes)
      this.#see(index, formed)
      return formed
    } catch (error) {
      if (!(error instanceof EntryMalformed)) throw error
      this.add({ code: 'entry', index, cause: error.message })
      return undefined
    }
  }

  #see(index: number, { kind, received }: FormedEntry): void {
    // one form, one length: texts compare as the times they say
    if (this.#lastReceived !== undefined && received < this.#lastReceived)
      this.add(backwards(index, this.#lastReceived, received))
    this.#firstReceived ??= received
    this.#lastReceived = received
    const day = `${received.slice(0, 10)} ${kind}`
    this.#days.set(day, (this.#days.get(day) ?? 0) + 1)
  }

  count(type: string): void {
    this.#types.set(type, (this.#types.get(type) ?? 0) + 1)
  }

  trace(place: number, trace: EventTrace | DigestTrace | TakenIdTrace | StepTrace): void {
    this.#traces.set(place, `${this.#traces.get(place) ?? ''}${JSON.stringify(trace)}\n`)
  }

  result(): Omit<Verdict, 'n' | 'leaves' | 'root'> {
    if (this.unjudged > 0) {
      const cause = `${this.unjudged} entries of this bundle can't be judged: no catalogue is in force`
      this.add({ code: 'unjudged', index: this.#first, cause })
    }
    return {
      findings: this.#findings,
      firstReceived: this.#firstReceived,
      lastReceived: this.#lastReceived,
      days: [...this.#days],
      types: [...this.#types],
      traces: sortedTraces(this.#traces),
      unjudged: this.unjudged,
    }
  }
}

export function backwards(index: number, before: string, received: string): Finding {
  return { code: 'received-order', index, cause: `it was received at ${received}, the entry in front of it at ${before}` }
}
