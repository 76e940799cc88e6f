import type { JsonObject } from '../domain/text.ts'

/** Where another part of the document finds a schema. */
export const schemaRef = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

/** An object with exactly these members; those named in `optional` may be left out. */
export function closed(properties: JsonObject, optional: readonly string[] = []): JsonObject {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', additionalProperties: false, required, properties }
}

export const count: JsonObject = { type: 'integer', minimum: 0 }
export const text = (description: string, more: JsonObject = {}): JsonObject => ({ type: 'string', description, ...more })
export const index: JsonObject = { type: 'integer', minimum: 0, maximum: 999_999_999_999_999, description: 'place in the log' }
export const moment = (description: string): JsonObject => ({ type: 'string', format: 'date-time', description })
export const orNull = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: 'null' }] })
/** A parameter that is empty is as one that is left out. */
export const orEmpty = ({ description = '', ...schema }: JsonObject): JsonObject => ({
  description,
  anyOf: [schema, { type: 'string', maxLength: 0 }],
})
export const base64 = (description: string): JsonObject => ({ type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$', description })

/** One spelling for each signature: the unused bits after the last byte are zero. */
const strictBase64url = '(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?'
export const compactJws: JsonObject = {
  type: 'string',
  pattern: `^${strictBase64url}\\.${strictBase64url}\\.${strictBase64url}$`,
}
export const jwsPart = (description: string): JsonObject => ({ type: 'string', pattern: `^${strictBase64url}$`, description })
export const receipt = text('C2SP tlog-proof: proves that the entry is in the log', { pattern: '^c2sp\\.org/tlog-proof@v1\\n' })

/** U+0000 stands in no text of the exchange. */
export const storable = '^[^\\u0000]*$'
