import { tableText } from './table.ts'

/** Counts what became of the events of one run. */
export class PostSummary {
  readonly #startedAt = performance.now()
  #accepted = 0
  #alreadyThere = 0
  #notSent = 0
  readonly #refused = new Map<string, number>()

  count(outcome: 'accepted' | 'already-there' | 'not-sent'): void {
    if (outcome === 'accepted') this.#accepted++
    else if (outcome === 'already-there') this.#alreadyThere++
    else this.#notSent++
  }

  countRefused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1)
  }

  get refused(): number {
    return [...this.#refused.values()].reduce((sum, count) => sum + count, 0)
  }

  get notSent(): number {
    return this.#notSent
  }

  /** @param unread there is more in the files that nobody has looked at */
  text({ rejectsFile, unread }: { rejectsFile: string; unread: boolean }): string {
    const seconds = (performance.now() - this.#startedAt) / 1000
    const all = this.#accepted + this.#alreadyThere + this.refused
    const rows = [
      ['accepted', String(this.#accepted)],
      ['already there', String(this.#alreadyThere)],
      ['refused', `${this.refused}${this.refused === 0 ? '' : `  (see ${rejectsFile})`}`],
      ...[...this.#refused].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, count]) => [`  ${code}`, String(count)]),
      ...(this.#notSent > 0 || unread
        ? [['not sent', `${this.#notSent}${unread ? ' and the rest of the files' : ''}; run it again`]]
        : []),
      ['rate', `${(all / Math.max(seconds, 0.001)).toFixed(0)} events/s in ${seconds.toFixed(1)} s`],
    ]
    return tableText(rows)
  }
}
