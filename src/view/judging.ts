import type { Rules } from '../catalogue/rules.ts'
import type { Judging } from './apply-events.ts'
import { lawAt, type PastCatalogue } from './law.ts'
import { recordRules } from './record-rules.ts'

/**
 * What one bureau's events are folded by.
 *
 * @param rules those in force
 * @param catalogues every one so far, oldest first
 */
export function judgingOf(bureau: string, rules: Rules, catalogues: readonly PastCatalogue[]): Judging {
  return {
    rulesOf(kind) {
      const found = recordRules(rules, bureau, kind)
      if (!found) throw new Error(`the rules in force have no kind ${kind}`)
      return found
    },
    lawOf: (event) => lawAt(catalogues, event),
  }
}
