import type { Finding } from './finding.ts'
import { backwards } from './sheet.ts'
import type { Verdict } from './verdict.ts'
import type { Work } from './work-file.ts'

/** Days that are counted each for itself, in case times were made up; later ones are counted together. */
const maxDays = 20_000

/** How many entries there are of what, and when the last of them was received. */
export class Tally {
  readonly #days: Map<string, number>
  readonly #types: Map<string, number>
  #lastReceived: string | undefined

  constructor(work?: Pick<Work, 'days' | 'types' | 'lastReceived'>) {
    this.#days = new Map(Object.entries(work?.days ?? {}))
    this.#types = new Map(Object.entries(work?.types ?? {}))
    this.#lastReceived = work?.lastReceived
  }

  /**
   * @param first index of the bundle
   * @returns what is wrong between it and the bundle before
   */
  add(first: number, { firstReceived, lastReceived, days, types }: Verdict): Finding | undefined {
    const before = this.#lastReceived
    this.#lastReceived = lastReceived ?? before
    for (const [day, count] of days) {
      const known = this.#days.has(day) || this.#days.size < maxDays ? day : `later ${kindOf(day)}`
      this.#days.set(known, (this.#days.get(known) ?? 0) + count)
    }
    for (const [type, count] of types) this.#types.set(type, (this.#types.get(type) ?? 0) + count)
    const isBackwards = firstReceived !== undefined && before !== undefined && firstReceived < before
    return isBackwards ? backwards(first, before, firstReceived) : undefined
  }

  /** Good events by type. */
  get types(): ReadonlyMap<string, number> {
    return this.#types
  }

  /** Entries by `<day> <kind>`. */
  get days(): ReadonlyMap<string, number> {
    return this.#days
  }

  get kinds(): Readonly<Record<string, number>> {
    const kinds: Record<string, number> = {}
    for (const [day, count] of this.#days) kinds[kindOf(day)] = (kinds[kindOf(day)] ?? 0) + count
    return kinds
  }

  get lastReceived(): string | undefined {
    return this.#lastReceived
  }
}

const kindOf = (day: string) => day.slice(day.indexOf(' ') + 1)
