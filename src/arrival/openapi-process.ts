import { problems } from '../domain/problems.ts'
import type { JsonObject } from '../domain/text.ts'
import { closed, schemaRef, text } from './openapi-forms.ts'
import { answer, inPath, json, type OperationSpec, plain } from './openapi-operation.ts'

/** What a process says of itself, by name. */
export const processSchemas: JsonObject = {
  Liveness: closed({ live: { const: true } }),
  Readiness: closed(
    {
      ready: { type: 'boolean' },
      reason: text('why not'),
      bus: { enum: ['embedded', 'kafka'] },
      publisher: { enum: ['starting', 'running', 'waiting', 'elsewhere'] },
      consumers: { type: 'object', additionalProperties: { enum: ['starting', 'running', 'waiting'] } },
      witnesses: closed(
        {
          cosignedSize: { type: 'integer', minimum: 0, description: 'entries that the quorum stands by' },
          lagSeconds: { type: 'integer', minimum: 0, description: 'how long the oldest entry without their word is in the log' },
          accepting: { type: 'boolean', description: 'false: no events are accepted until they cosign' },
          warning: text('what is wrong'),
        },
        ['warning'],
      ),
    },
    ['reason', 'witnesses'],
  ),
}

/** What a process says of itself and of its interface. */
export const processOperations: readonly OperationSpec[] = [
  {
    method: 'get',
    path: '/health/live',
    operationId: 'getLiveness',
    summary: 'whether the process runs',
    answers: { '200': answer('it does', json(schemaRef('Liveness'))) },
    problems: [],
  },
  {
    method: 'get',
    path: '/health/ready',
    operationId: 'getReadiness',
    summary: 'whether events can be accepted, and how each consumer is doing',
    answers: {
      '200': answer('they can', json(schemaRef('Readiness'))),
      '503': answer('they can’t', json(schemaRef('Readiness')), {
        'Retry-After': { required: true, schema: { type: 'string' } },
      }),
    },
    problems: [],
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'for Prometheus',
    answers: { '200': answer('Prometheus text', plain) },
    problems: [],
  },
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenapi',
    summary: 'this document',
    answers: {
      '200': answer('OpenAPI 3.1', json({ type: 'object', required: ['openapi'], properties: { openapi: { const: '3.1.0' } } })),
    },
    problems: [],
  },
  {
    method: 'get',
    path: '/problems/{code}',
    operationId: 'getProblem',
    summary: 'a page about a problem code, for people',
    parameters: [inPath('code', { type: 'string', enum: Object.keys(problems) })],
    answers: { '200': answer('a page', { 'text/html': { schema: { type: 'string' } } }) },
    problems: ['not-found'],
  },
]
