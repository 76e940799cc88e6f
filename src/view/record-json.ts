import type { Rules } from '../catalogue/rules.ts'
import { maskData } from '../domain/mask.ts'
import { type Origin, originsOf } from '../domain/provenance.ts'
import type { ViewRecord } from '../domain/record.ts'
import type { JsonObject } from '../domain/text.ts'

/** A record as it is answered. */
export interface RecordJson {
  readonly bureau: string
  readonly kind: string
  readonly subject: string
  readonly status: string
  readonly layers: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly name: string | null
  readonly jurisdiction: string | null
  /** only where the bureau has an assignment table */
  readonly office?: string | null
  readonly data: JsonObject
  readonly provenance: Readonly<Record<string, Origin>>
  readonly firstIndex: number
  readonly lastIndex: number
  /** RFC 3339 UTC */
  readonly updatedAt: string
}

export function recordJson(bureau: string, row: ViewRecord & { readonly updatedAt: Date }, hasOffices: boolean): RecordJson {
  const { kind, subject, status, layers, name, jurisdiction, office, data, provenance, firstIndex, lastIndex, updatedAt } = row
  return {
    bureau,
    kind,
    subject,
    status,
    layers,
    name,
    jurisdiction,
    ...(hasOffices ? { office } : {}),
    data,
    provenance: originsOf(provenance),
    firstIndex,
    lastIndex,
    updatedAt: updatedAt.toISOString(),
  }
}

/** The record as an operator sees it: its data masked; what stands beside them stays, an enterprise's name too. */
export function maskedForOperator(record: RecordJson, rules: Rules): RecordJson {
  return { ...record, data: operatorsMask(rules, record.kind)(record.data) }
}

/** What an operator sees of a record's data: particulars of persons masked, wherever the kind's types put data. */
export function operatorsMask(rules: Rules, kindId: string): (data: JsonObject) => JsonObject {
  const personal = rules.kinds.get(kindId)?.personal ?? []
  const places = [...rules.types.values()].filter(({ kind }) => kind.id === kindId).map(({ type }) => type.data)
  return (data) => maskData(data, personal, places)
}
