import { type Catalogue, type Kind, partiesNamed } from '../catalogue/catalogue.ts'
import type { Rules, TypeRules } from '../catalogue/rules.ts'
import type { RecordRules } from '../domain/record.ts'
import type { Concealed } from '../domain/visible.ts'

const compiled = new WeakMap<Rules, Map<string, RecordRules | undefined>>()

/** What the rules in force say of one bureau's view of one kind; undefined for a kind that they don't have. */
export function recordRules(rules: Rules, bureau: string, kind: string): RecordRules | undefined {
  const views = compiled.get(rules) ?? new Map<string, RecordRules | undefined>()
  compiled.set(rules, views)
  const key = `${bureau} ${kind}`
  if (!views.has(key)) views.set(key, compile(rules, bureau, kind))
  return views.get(key)
}

/** Does the bureau take this event's data into its view: as a receiver of the type or as the sender itself? */
export function takesIn(type: TypeRules, bureau: string, sender: string): boolean {
  return sender === bureau || type.receivers.has(bureau)
}

function compile(rules: Rules, bureau: string, kindId: string): RecordRules | undefined {
  const kind = rules.kinds.get(kindId)
  if (!kind) return undefined
  const types = [...rules.types.values()].filter((each) => each.kind.id === kindId)
  const known = types.filter(({ receivers, senders }) => receivers.has(bureau) || senders.has(bureau))
  const own = rules.views.get(bureau)
  return {
    bureau,
    kind,
    types: new Map(
      types.map(({ type, receivers }) => [
        type.type,
        { order: type.order, data: type.data, receives: receivers.has(bureau), fields: receivers.get(bureau) },
      ]),
    ),
    layers: new Set(known.map(({ type }) => type.order.layer)),
    concealed: concealedFrom(kind, rules.catalogue, bureau),
    assignment: own?.assignment,
    checkRecord: (data, today) => own?.checkRecord(data, today) ?? [],
  }
}

function concealedFrom(kind: Kind, catalogue: Catalogue, bureau: string): readonly Concealed[] {
  return kind.restricted.filter(({ to }) => !partiesNamed(catalogue, to).has(bureau))
}
