import { compileRules } from '../../catalogue/compile.ts'
import { catalogueDigests } from '../../catalogue/load.ts'
import type { Rules } from '../../catalogue/rules.ts'

/** A catalogue that comes into force again costs no second compilation; nor does one that two on this thread ask for. */
const maxKept = 4
const kept = new Map<string, Rules>()

/** @throws {CatalogueInvalid} */
export function compiledRules(files: ReadonlyMap<string, string>): Rules {
  const name = JSON.stringify(catalogueDigests(files))
  const before = kept.get(name)
  if (before !== undefined) return before
  const rules = compileRules(files)
  kept.set(name, rules)
  const [oldest] = kept.keys()
  if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
  return rules
}
