import { partyPattern } from '../domain/party-id.ts'
import type { JsonObject } from '../domain/text.ts'
import { closed, compactJws, orEmpty, schemaRef, text } from './openapi-forms.ts'
import { answer, inQuery, json, type OperationSpec } from './openapi-operation.ts'

const body = json(closed({ request: { ...compactJws, description: 'operation+jws by an operator’s key' } }))
const answers: JsonObject = {
  '201': answer('on record and carried out', json(schemaRef('ActDone'))),
  '200': answer('so already', json({ anyOf: [schemaRef('ActNeedless'), schemaRef('ActDone')] })),
}
const problems = [
  'request-timeout',
  'too-large',
  'unsupported-media-type',
  'malformed',
  'signature-invalid',
  'not-yours',
  'invalid-request',
  'too-many-requests',
] as const

/** An operator's act: what it is asked with, and what is answered. */
export const act = (path: string, operationId: string, summary: string, parameters?: readonly JsonObject[]): OperationSpec => ({
  method: 'post',
  path,
  operationId,
  summary,
  ...(parameters === undefined ? {} : { parameters }),
  body,
  answers,
  problems,
})

/** The newest hundred of what operators have asked for, of one bureau's view or of all. */
export const newest = (name: string, operationId: string, schema: string): OperationSpec => ({
  method: 'get',
  path: `/v1/operations/${name}`,
  operationId,
  summary: `the newest hundred ${name}, for operators`,
  secured: true,
  parameters: [inQuery('bureau', orEmpty(text('only of its view', { pattern: partyPattern })))],
  answers: {
    '200': answer('newest first', json(closed({ [name]: { type: 'array', maxItems: 100, items: schemaRef(schema) } }))),
  },
  problems: ['not-yours', 'invalid-request'],
})
