import type { Rules } from '../catalogue/rules.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { schemaRef } from './openapi-forms.ts'

/** What the catalogue in force knows, by name: its bureaus, and every event type. */
export function catalogueSchemas(rules: Rules): JsonObject {
  const bureaus = rules.bureaus.map(({ id }) => id)
  return {
    BureauId: { type: 'string', enum: bureaus, description: 'a bureau of the catalogue in force' },
    Fates: {
      type: 'object',
      description: 'what became of the event, by bureau',
      propertyNames: { enum: bureaus },
      additionalProperties: schemaRef('Fate'),
    },
    Event: {
      description: 'the payload of an event’s JWS: a CloudEvents 1.0 event whose data fit its type',
      oneOf: [...rules.types.keys()].map(schemaRef),
    },
    ...eventSchemas(rules),
  }
}

/** Envelope and data of each type, as the checks have them; the `code` and `checks` in them are the exchange's own keywords. */
function eventSchemas({ catalogue, types, files }: Rules): JsonObject {
  const envelope = fileOf(files, catalogue.envelope)
  const members = isJsonObject(envelope.properties) ? envelope.properties : {}
  const schemas: Record<string, Json> = {}
  for (const [name, { type, senders }] of types) {
    const data = `${name}.data`
    schemas[name] = {
      ...envelope,
      title: type.name.en,
      description: `${type.name.en} · ${type.name.zh}`,
      properties: {
        ...members,
        source: { enum: [...senders].map((sender) => `/bureaus/${sender}`) },
        type: { const: name },
        data: schemaRef(data),
      },
    }
    schemas[data] = rebased(fileOf(files, type.schema), `#/components/schemas/${data}`)
  }
  return schemas
}

function fileOf(files: Rules['files'], name: string): JsonObject {
  const parsed: unknown = JSON.parse(files.get(name) ?? '{}')
  if (!isJsonObject(parsed)) return {}
  const { $schema, ...schema } = parsed
  return schema
}

/** A schema's references to itself, from where it stands in the document. */
function rebased(schema: JsonObject, at: string): JsonObject {
  const walk = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isJsonObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) =>
        name === '$ref' && typeof member === 'string' && member.startsWith('#')
          ? [name, `${at}${member.slice(1)}`]
          : [name, walk(member)],
      ),
    )
  }
  return Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, walk(member)]))
}
