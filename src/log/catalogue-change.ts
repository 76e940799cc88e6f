import type { Kind } from '../catalogue/catalogue.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { KeysInForce } from '../identity/keys-in-force.ts'

/** The types whose events would be without rules under a next catalogue: gone, or moved to another kind. */
export function typesLost(before: Rules, next: Rules): readonly string[] {
  return [...before.types.values()]
    .filter(({ type, kind }) => next.types.get(type.type)?.kind.id !== kind.id)
    .map(({ type }) => type.type)
}

/**
 * What a running exchange can't follow, each in a sentence.
 *
 * @param used those of {@link typesLost} that the log has events of
 */
export function changeFaults(before: Rules, next: Rules, used: readonly string[], keys: KeysInForce): readonly string[] {
  const lost = used.map(
    (type) => `${type} is missing or of another kind, but the log has events of it; keep it, and give new events a new type`,
  )
  const kinds = [...before.kinds.values()].flatMap((kind) => kindFaults(kind, next.kinds.get(kind.id)))
  return [...lost, ...kinds, ...operatorFaults(next, keys)]
}

/** A kind may go when none of its types is lost; while it is there, its place on the bus stays. */
function kindFaults(before: Kind, next: Kind | undefined): readonly string[] {
  if (next === undefined) return []
  const fixed: readonly (readonly [string, string | number, string | number])[] = [
    ['topic', before.topic, next.topic],
    ['partitions', before.partitions, next.partitions],
    ['subject.field', before.subject.field, next.subject.field],
  ]
  return fixed
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => `kind ${before.id}: ${name} is ${was} for good and can't become ${is}; add a kind instead`)
}

function operatorFaults(next: Rules, keys: KeysInForce): readonly string[] {
  const operators = [...next.parties.values()].filter(({ role }) => role === 'operator')
  if (operators.some(({ id }) => keys.ofParty(id).length > 0)) return []
  return ['no operator of it has a key in force, so nobody could change anything again; keep an operator that has one']
}
