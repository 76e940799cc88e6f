import type { KindOrder, TypeOrder } from '../domain/order.ts'
import type { Text } from '../domain/text.ts'

/**
 * The rules in force, as `schemas/catalogue.json` says them; its own JSON Schema is `schemas/catalogue.schema.json`.
 * File names in it are relative to it.
 */
export interface Catalogue {
  readonly $schema?: string
  /** for people: a date or a name of this version */
  readonly version: string
  /** version of the code rules (src/catalogue/keywords.ts) that the schemas speak of */
  readonly rules: '1'
  /** `required`: event JWS must carry `aud` = the log's origin */
  readonly audience: 'optional' | 'required'
  /** acts of operators that wait for a second person's approval; absent: none */
  readonly twoPersons?: readonly string[]
  readonly time: { readonly maxAheadSeconds: number; readonly maxAgeSeconds: number }
  /** JSON Schema of the CloudEvents envelope */
  readonly envelope: string
  readonly parties: readonly Party[]
  readonly kinds: readonly Kind[]
  readonly types: readonly EventType[]
}

export interface Party {
  /** `[a-z][a-z0-9-]{0,30}` */
  readonly id: string
  readonly role: 'bureau' | 'auditor' | 'operator'
  readonly name: Text
  /** bureaus of one group can be named together as `group:<name>` */
  readonly group?: string
  /** a bureau's own rules for its view */
  readonly view?: ViewRules
}

export interface ViewRules {
  /** which of its offices answers for which division: file of {"<division>": "<office>"} */
  readonly assignment?: { readonly field: string; readonly table: string }
  /** JSON Schema file that each of its records' `data` must satisfy */
  readonly recordSchema?: string
}

export interface Kind extends KindOrder {
  readonly id: string
  readonly name: Text
  /** topic on the bus is `<prefix>.<topic>` */
  readonly topic: string
  readonly partitions: number
  /** `subject` equals this field of `data`, and satisfies the named code check or the pattern */
  readonly subject: { readonly field: string; readonly code?: string; readonly pattern?: string }
  /** fields that become a record's `name` and `jurisdiction` */
  readonly nameField?: string
  readonly jurisdictionField?: string
  /** places of `data` that only some bureaus, and always the sender, may see */
  readonly restricted: readonly RestrictedField[]
  /** places of `data` that an operator sees masked */
  readonly personal: readonly PersonalField[]
}

export interface RestrictedField {
  // JSON Pointer inside `data`, `*` for every element: `/shareholders/*/idNumber`
  readonly path: string
  /** parties or `group:<name>`; the sender of the event is always among them */
  readonly to: readonly string[]
  /** only values that match are restricted */
  readonly pattern?: string
  /** not restricted where the sibling member `name` is one of `in` */
  readonly unless?: { readonly name: string; readonly in: readonly string[] }
}

export interface PersonalField {
  readonly path: string
  /** `name` 王**, `number` 2102********1234, `text` all of it */
  readonly mask: 'name' | 'number' | 'text'
  /** masked only where the value matches */
  readonly pattern?: string
}

export interface EventType {
  /** with version suffix: `registration.established.v1` */
  readonly type: string
  readonly kind: string
  readonly name: Text
  /** parties or `group:<name>` */
  readonly senders: readonly string[]
  readonly receivers: readonly Receiver[]
  /** a receiver that sent the event itself does not receive it (its own view shows it all the same) */
  readonly excludeSender?: true
  /** JSON Schema file of `data` */
  readonly schema: string
  /** where data go in a record: `""` the top, `tax.{sender}` under that path */
  readonly data: string
  readonly order: TypeOrder
}

/** A bureau or group; with `fields` it receives these top-level fields of `data` only. */
export interface Receiver {
  readonly to: string
  readonly fields?: readonly string[]
}

/** The parties that a list of ids and `group:<name>` names. */
export function partiesNamed(catalogue: Catalogue, names: readonly string[]): ReadonlySet<string> {
  const found = catalogue.parties.filter(
    ({ id, group }) => names.includes(id) || (group !== undefined && names.includes(`group:${group}`)),
  )
  return new Set(found.map(({ id }) => id))
}
