import type { Rules } from '../catalogue/rules.ts'
import { type ProblemCode, problemOf } from '../domain/problems.ts'
import type { Json, JsonObject } from '../domain/text.ts'
import { busOperations, busSchemas } from './openapi-bus.ts'
import { eventOperations, eventSchemas } from './openapi-events.ts'
import { keyOperations, keySchemas } from './openapi-keys.ts'
import { logOperations } from './openapi-log.ts'
import { logSearchOperations, logSearchSchemas } from './openapi-log-search.ts'
import type { OperationSpec } from './openapi-operation.ts'
import { operatorOperations, operatorSchemas } from './openapi-operators.ts'
import { parkedOperations, parkedSchemas } from './openapi-parked.ts'
import { problemSchemas, problemWith } from './openapi-problems.ts'
import { processOperations, processSchemas } from './openapi-process.ts'
import { rebuildOperations, rebuildSchemas } from './openapi-rebuilds.ts'
import { recordOperations, recordSchemas } from './openapi-records.ts'
import { catalogueSchemas } from './openapi-types.ts'

const documents = new WeakMap<Rules, JsonObject>()

/**
 * The OpenAPI 3.1 document: made of the catalogue's own schemas, the table of problems and the table of operations. A test
 * holds it against the routes and every real answer.
 */
export function openapiDocument(rules: Rules): JsonObject {
  const document = documents.get(rules) ?? makeDocument(rules)
  documents.set(rules, document)
  return document
}

function makeDocument(rules: Rules): JsonObject {
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of [
    ...eventOperations,
    ...recordOperations(rules),
    ...keyOperations,
    ...logOperations,
    ...processOperations,
    ...logSearchOperations,
    ...operatorOperations,
    ...parkedOperations,
    ...rebuildOperations,
    ...busOperations,
  ]) {
    const methods = paths[operation.path] ?? {}
    paths[operation.path] = methods
    methods[operation.method] = operationObject(operation)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'lianban 联办',
      version: '1',
      description:
        'Bureaus post signed registration events and get receipts of a verifiable log; each reads its own view. ' +
        'Errors are RFC 9457 problems, in English or by Accept-Language in Chinese. ' +
        'What is read under /v1 refuses parameters that are not listed here, and repeated ones.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: {
        ...catalogueSchemas(rules),
        ...problemSchemas,
        ...eventSchemas,
        ...recordSchemas,
        ...keySchemas,
        ...processSchemas,
        ...logSearchSchemas,
        ...operatorSchemas,
        ...parkedSchemas,
        ...rebuildSchemas,
        ...busSchemas,
      },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'typ access+jwt, aud the log’s origin, exp at most five minutes after iat, signed by a registered key',
        },
      },
    },
  }
}

/** What any route can answer: the wrong method, headers beyond their bounds, a failure of ours, a database that is away. */
const everywhere: readonly ProblemCode[] = [
  'method-not-allowed',
  'request-timeout',
  'expectation-failed',
  'headers-too-large',
  'internal',
  'overloaded',
]

function operationObject({ operationId, summary, secured, parameters, body, answers, problems }: OperationSpec): JsonObject {
  const codes = [...everywhere, ...problems, ...(secured ? (['token-invalid'] as const) : [])]
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of new Set(codes)) {
    const { status } = problemOf(code)
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const refusals = [...byStatus].map(([status, ofStatus]): [string, JsonObject] => [
    String(status),
    problemResponse(status, ofStatus),
  ])
  return {
    operationId,
    summary,
    ...(secured ? { security: [{ token: [] }] } : {}),
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: body } }),
    responses: { ...Object.fromEntries(refusals), ...answers },
  }
}

function problemResponse(status: number, codes: readonly ProblemCode[]): JsonObject {
  const header = (description: string) => ({ description, required: true, schema: { type: 'string' } })
  const headers = {
    'Content-Language': { description: 'language of title and detail', schema: { enum: ['en', 'zh'] } },
    ...(status === 405 ? { Allow: header('the methods of this address') } : {}),
    ...(status === 429 || status === 503 ? { 'Retry-After': header('seconds to wait') } : {}),
    ...(codes.includes('token-invalid') ? { 'WWW-Authenticate': header('Bearer') } : {}),
  }
  const description = codes.map((code) => `\`${code}\`: ${problemOf(code).title.en}`).join('; ')
  return { description, headers, content: { 'application/problem+json': { schema: problemWith(codes) } } }
}
