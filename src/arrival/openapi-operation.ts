import type { ProblemCode } from '../domain/problems.ts'
import type { JsonObject } from '../domain/text.ts'

/** One operation of the document; what every route can answer is added by openapi.ts. */
export interface OperationSpec {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly operationId: string
  readonly summary: string
  /** needs an access token */
  readonly secured?: true
  readonly parameters?: readonly JsonObject[]
  /** request body by media type */
  readonly body?: JsonObject
  /** answers that are no problems, by status */
  readonly answers: JsonObject
  readonly problems: readonly ProblemCode[]
}

export const json = (schema: JsonObject): JsonObject => ({ 'application/json': { schema } })
export const plain: JsonObject = { 'text/plain': { schema: { type: 'string' } } }
export const octets: JsonObject = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
export const answer = (description: string, content: JsonObject, headers?: JsonObject): JsonObject => ({
  description,
  ...(headers === undefined ? {} : { headers }),
  content,
})

export const inPath = (name: string, schema: JsonObject): JsonObject => ({ name, in: 'path', required: true, schema })
export const inQuery = (name: string, schema: JsonObject, required = false): JsonObject => ({
  name,
  in: 'query',
  required,
  schema,
})

/** Problems of whatever takes a body, appends an entry, or puts a reading on record. */
export const ofBody = ['request-timeout', 'too-large', 'unsupported-media-type', 'malformed'] as const
export const ofAppend = ['too-many-requests', 'overloaded'] as const
export const ofReading: readonly ProblemCode[] = ['not-yours', 'not-found', ...ofAppend]
