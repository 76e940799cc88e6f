import { type Catalogue, partiesNamed } from '../../src/catalogue/catalogue.ts'
import type { CompiledViewRules, Rules } from '../../src/catalogue/rules.ts'
import { catalogue, kindOf } from '../domain/histories.ts'

/** The catalogue of the repository, with changes, made ready without its schemas: a view checks no event. */
export function rulesOf(changed: Partial<Catalogue> = {}, views: ReadonlyMap<string, CompiledViewRules> = new Map()): Rules {
  const used: Catalogue = { ...catalogue, ...changed }
  const idsNamed = (names: readonly string[]): ReadonlySet<string> => partiesNamed(used, names)
  return {
    catalogue: used,
    files: new Map(),
    parties: new Map(used.parties.map((party) => [party.id, party])),
    bureaus: used.parties.filter(({ role }) => role === 'bureau'),
    kinds: new Map(used.kinds.map((kind) => [kind.id, kind])),
    types: new Map(
      used.types.map((type) => [
        type.type,
        {
          type,
          kind: kindOf(type.kind),
          senders: idsNamed(type.senders),
          receivers: new Map(
            type.receivers.flatMap(({ to, fields }) => [...idsNamed([to])].map((id) => [id, fields && new Set(fields)] as const)),
          ),
          check: () => ({ errors: [], warnings: [] }),
        },
      ]),
    ),
    views,
  }
}

/** A bureau that receives establishments, all of them, and two fields of changes. */
export function withStatistics(): Rules {
  return rulesOf({
    parties: [...catalogue.parties, { id: 'statistics', role: 'bureau', name: { en: 'Statistics', zh: '统计局' } }],
    types: catalogue.types.map((type) => {
      if (type.type === 'registration.established.v1') return { ...type, receivers: [...type.receivers, { to: 'statistics' }] }
      if (type.type !== 'registration.changed.v1') return type
      return { ...type, receivers: [...type.receivers, { to: 'statistics', fields: ['enterpriseName', 'changes'] }] }
    }),
  })
}
