import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { slowness } from './bounded-pattern.ts'
import { type Catalogue, type EventType, type Kind, partiesNamed } from './catalogue.ts'
import { layerFaults, orderFaults, repeated } from './order-faults.ts'

/**
 * Everything in a catalogue that leads nowhere or leads to two places: parties, groups, kinds, layers, states, fields.
 *
 * @param schemas the schema files that could be read, by name
 * @param codes names of the code checks there are
 */
export function nameFaults(
  catalogue: Catalogue,
  schemas: ReadonlyMap<string, JsonObject>,
  codes: readonly string[],
): readonly string[] {
  const kinds = new Map(catalogue.kinds.map((kind) => [kind.id, kind]))
  return [
    ...partyFaults(catalogue),
    ...repeated(catalogue.kinds.map(({ id }) => id)).map((id) => `kind ${id} stands more than once`),
    ...repeated(catalogue.kinds.map(({ topic }) => topic)).map((topic) => `the topic ${topic} belongs to more than one kind`),
    ...catalogue.kinds.flatMap((kind) => kindFaults(kind, catalogue, codes)),
    ...repeated(catalogue.types.map(({ type }) => type)).map((type) => `type ${type} stands more than once`),
    ...catalogue.types.flatMap((type) => typeFaults(type, kinds.get(type.kind), catalogue, schemas.get(type.schema))),
    ...catalogue.kinds.flatMap(({ id }) => placeFaults(id, catalogue, schemas)),
  ]
}

function partyFaults({ parties }: Catalogue): readonly string[] {
  return [
    ...repeated(parties.map(({ id }) => id)).map((id) => `party ${id} stands more than once`),
    // two bureaus can't share one schema of the database, where '-' becomes '_'
    ...repeated(parties.filter(({ role }) => role === 'bureau').map(({ id }) => `view_${id.replaceAll('-', '_')}`)).map(
      (schema) => `two bureaus would share the view ${schema}`,
    ),
    ...(['bureau', 'operator'] as const)
      .filter((role) => !parties.some((party) => party.role === role))
      .map((role) => `there is no ${role} among the parties`),
    ...parties
      .filter(({ role, view }) => view && role !== 'bureau')
      .map(({ id }) => `party ${id} has rules for a view, but is no bureau`),
  ]
}

/** What earlier versions let into a log: patterns of personal places were not looked at. */
export function slowMasks({ kinds }: Catalogue): readonly string[] {
  return kinds.flatMap((kind) => slowPatterns(kind, kind.personal))
}

function slowPatterns({ id }: Kind, places: readonly { readonly pattern?: string }[]): readonly string[] {
  return places.flatMap(({ pattern }) => {
    const fault = pattern === undefined ? undefined : slowness(pattern)
    return fault === undefined ? [] : [`kind ${id}: ${fault}`]
  })
}

function kindFaults(kind: Kind, catalogue: Catalogue, codes: readonly string[]): readonly string[] {
  const { id, subject, restricted } = kind
  return [
    ...layerFaults(kind),
    ...slowPatterns(kind, [subject, ...restricted]),
    ...(subject.code === undefined && subject.pattern === undefined ? [`kind ${id}: its subject needs a code or a pattern`] : []),
    ...(subject.code === undefined || codes.includes(subject.code)
      ? []
      : [`kind ${id}: there is no code check ${subject.code}; there are ${codes.join(', ')}`]),
    ...unknownNames(
      restricted.flatMap(({ to }) => to),
      catalogue,
    ).map((name) => `kind ${id}, restricted: there is no ${name}`),
  ]
}

function typeFaults(
  type: EventType,
  kind: Kind | undefined,
  catalogue: Catalogue,
  schema: JsonObject | undefined,
): readonly string[] {
  const fields = fieldsOf(schema)
  const receivers = type.receivers.map(({ to }) => to)
  const named = type.receivers.flatMap((receiver) => receiver.fields ?? [])
  const faults = [
    ...(kind ? neededFields(kind, schema) : [`there is no kind ${type.kind}`]),
    ...unknownNames(type.senders, catalogue).map((name) => `its senders name ${name}, which does not exist`),
    ...noBureaus(type.senders, catalogue).map((id) => `its sender ${id} is no bureau`),
    ...unknownNames(receivers, catalogue).map((name) => `its receivers name ${name}, which does not exist`),
    ...noBureaus(receivers, catalogue).map((id) => `its receiver ${id} is no bureau`),
    ...named
      .filter((field) => fields && !fields.has(field))
      .map((field) => `a receiver gets ${field}, which its schema does not have`),
  ]
  return [...[...new Set(faults)].map((fault) => `type ${type.type}: ${fault}`), ...(kind ? orderFaults(type, kind, fields) : [])]
}

/** The engine reads an event's subject and date, so no schema may leave them out. */
function neededFields({ subject, dateField }: Kind, schema: JsonObject | undefined): readonly string[] {
  if (fieldsOf(schema) === undefined) return []
  const required: Json = schema?.required ?? []
  return [subject.field, dateField]
    .filter((field) => !Array.isArray(required) || !required.includes(field))
    .map((field) => `its schema must require ${field}`)
}

/** Where one bureau's data lie under a path of the record, no other type may put a field of that name. */
function placeFaults(kind: string, { types }: Catalogue, schemas: ReadonlyMap<string, JsonObject>): readonly string[] {
  const own = types.filter((type) => type.kind === kind)
  const heads = new Set(own.flatMap(({ data }) => (data === '' ? [] : [data.split('.')[0] ?? ''])))
  const tops = own.filter(({ data }) => data === '')
  return tops.flatMap(({ type, schema }) =>
    [...(fieldsOf(schemas.get(schema)) ?? [])]
      .filter((field) => heads.has(field))
      .map((field) => `type ${type}: its field ${field} is also where other types put their data`),
  )
}

function fieldsOf(schema: JsonObject | undefined): ReadonlySet<string> | undefined {
  return isJsonObject(schema?.properties) ? new Set(Object.keys(schema.properties)) : undefined
}

function unknownNames(names: readonly string[], catalogue: Catalogue): readonly string[] {
  return [...new Set(names)].filter((name) => partiesNamed(catalogue, [name]).size === 0)
}

function noBureaus(names: readonly string[], catalogue: Catalogue): readonly string[] {
  const named = partiesNamed(catalogue, names)
  return catalogue.parties.filter(({ id, role }) => named.has(id) && role !== 'bureau').map(({ id }) => id)
}
