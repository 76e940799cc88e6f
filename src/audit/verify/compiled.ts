import { compileRules, loadRules } from '../../catalogue/compile.ts'
import { catalogueDigests } from '../../catalogue/load.ts'
import type { Rules } from '../../catalogue/rules.ts'

/** A catalogue that comes into force again costs no second compilation; nor does one that two on this thread ask for. */
const maxKept = 4
const kept = new Map<string, { readonly rules: Rules; readonly looked: boolean }>()

/** @throws {CatalogueInvalid} for every fault, those of schemas too */
export function compiledRules(files: ReadonlyMap<string, string>): Rules {
  return keptRules(files, true)
}

/** For files that went through {@link compiledRules} before, on whatever thread or in an earlier run. */
export function rulesAgain(files: ReadonlyMap<string, string>): Rules {
  return keptRules(files, false)
}

function keptRules(files: ReadonlyMap<string, string>, looked: boolean): Rules {
  const name = JSON.stringify(catalogueDigests(files))
  const before = kept.get(name)
  if (before !== undefined && (before.looked || !looked)) return before.rules
  const rules = looked ? compileRules(files) : loadRules(files)
  kept.set(name, { rules, looked })
  const [oldest] = kept.keys()
  if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
  return rules
}
