import type { Rules } from '../catalogue/rules.ts'
import { orderCodes, type ProblemCode, problems } from '../domain/problems.ts'
import type { JsonObject } from '../domain/text.ts'
import { maxPage } from '../view/queries.ts'
import { schemaRef, text } from './openapi-schemas.ts'

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
const plain: JsonObject = { 'text/plain': { schema: { type: 'string' } } }
const octets: JsonObject = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
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
const location: JsonObject = { Location: { required: true, schema: { type: 'string', pattern: '^/v1/events/[0-9]+$' } } }
const etag: JsonObject = { ETag: { required: true, schema: { type: 'string', pattern: '^"[^"]+"$' } } }

/** U+0000 stands in no text of the exchange. */
export const storable = '^[^\\u0000]*$'
const filter = (description: string): JsonObject => text(description, { maxLength: 200, pattern: storable })

const ofBody = ['request-timeout', 'too-large', 'unsupported-media-type', 'malformed'] as const
const ofAppend = ['too-many-requests', 'overloaded'] as const

/** Every operation of the exchange, as the handlers behave. */
export function operations(rules: Rules): readonly OperationSpec[] {
  const kind = inPath('kind', { type: 'string', enum: [...rules.kinds.keys()] })
  const bureau = inPath('bureau', schemaRef('BureauId'))
  return [
    ...eventOperations,
    {
      method: 'get',
      path: '/v1/bureaus/{bureau}/records/{kind}',
      operationId: 'searchRecords',
      summary: 'records of a view in order of subject: for its bureau, auditors, and masked for operators',
      secured: true,
      parameters: [
        bureau,
        kind,
        inQuery('name', filter('a part of the name, in any case')),
        inQuery('status', filter('state of the main layer')),
        inQuery('jurisdiction', filter('division, GB/T 2260')),
        inQuery('cursor', text('`next` of the page before', { pattern: '^[A-Za-z0-9_-]*$', maxLength: 1000 })),
        inQuery('limit', { type: 'integer', minimum: 1, maximum: maxPage, default: maxPage }),
      ],
      answers: { '200': answer('one page', json(schemaRef('RecordPage'))) },
      problems: ['invalid-request', 'not-yours', 'not-found'],
    },
    {
      method: 'get',
      path: '/v1/bureaus/{bureau}/records/{kind}/{subject}',
      operationId: 'getRecord',
      summary: 'what a bureau knows of a subject: for the bureau, auditors, and masked for operators',
      secured: true,
      parameters: [
        bureau,
        kind,
        inPath('subject', text('the subject’s code', { minLength: 1, maxLength: 64 })),
        { name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } },
      ],
      answers: {
        '200': answer('the record', json(schemaRef('Record')), etag),
        '304': { description: 'the record is the one of If-None-Match', headers: etag },
      },
      problems: ['not-yours', 'not-found'],
    },
    ...keyOperations,
    ...logOperations,
    ...ownOperations,
  ]
}

const eventAnswer = answer(
  'as much of it as the reader may see',
  json({ anyOf: ['EventForSender', 'EntryForAuditor', 'EventForReceiver', 'EventForOperator'].map(schemaRef) }),
)

const eventOperations: readonly OperationSpec[] = [
  {
    method: 'post',
    path: '/v1/events',
    operationId: 'postEvent',
    summary: 'send an event: a JWS (typ event+jws) around an Event, at most 48 KiB as compact JWS',
    body: {
      'application/jose': { schema: schemaRef('CompactJws') },
      'application/jose+json': { schema: schemaRef('FlattenedJws') },
    },
    answers: {
      '200': answer('accepted before: the first index, proved anew', json(schemaRef('Acceptance')), location),
      '201': answer('accepted and durable', json(schemaRef('Acceptance')), location),
    },
    problems: [
      ...ofBody,
      'signature-invalid',
      'sender-not-allowed',
      'invalid-event',
      'unknown-type',
      'duplicate-id',
      ...orderCodes,
      ...ofAppend,
    ],
  },
  {
    method: 'get',
    path: '/v1/events',
    operationId: 'getEventById',
    summary: 'an accepted event by its id, for the sender who lost the answer',
    secured: true,
    parameters: [inQuery('id', text('the event’s id', { minLength: 1, maxLength: 128, pattern: '^[^\\u0000]+$' }), true)],
    answers: { '200': eventAnswer },
    problems: ['invalid-request', 'not-found'],
  },
  {
    method: 'get',
    path: '/v1/events/{index}',
    operationId: 'getEvent',
    summary: 'what became of an event; an auditor’s reading is put on record',
    secured: true,
    parameters: [inPath('index', { type: 'integer', minimum: 0, maximum: 999_999_999_999_999 })],
    answers: { '200': eventAnswer },
    problems: ['not-found', ...ofAppend],
  },
]

const keyOperations: readonly OperationSpec[] = [
  {
    method: 'post',
    path: '/v1/keys',
    operationId: 'postKey',
    summary: 'register or revoke a key; the body is the proof, as `lianban keys register` and `revoke` make it',
    body: { 'application/jose': { schema: schemaRef('CompactJws') } },
    answers: { '201': answer('in force from this index on', json(schemaRef('KeyAcceptance'))) },
    problems: [...ofBody, 'signature-invalid', 'invalid-key', ...ofAppend],
  },
  {
    method: 'get',
    path: '/v1/keys',
    operationId: 'getKeys',
    summary: 'every key there ever was',
    secured: true,
    answers: { '200': answer('in order of registration', json(schemaRef('Keys'))) },
    problems: [],
  },
  {
    method: 'post',
    path: '/v1/operations/catalogue',
    operationId: 'postCatalogue',
    summary: 'put a catalogue in force; `lianban catalogue apply` makes the body',
    body: { 'application/json': { schema: schemaRef('CatalogueApplication') } },
    answers: {
      '200': answer('it is in force already', json(schemaRef('CatalogueInForce'))),
      '201': answer('in force from this index on', json(schemaRef('CatalogueApplied'))),
    },
    problems: [...ofBody, 'invalid-request', 'signature-invalid', 'not-yours', 'invalid-catalogue', ...ofAppend],
  },
]

const level = inPath('level', { type: 'integer', minimum: 0, maximum: 6 })
const tile = inPath(
  'tile',
  text('three digits; tiles from 1000 on have further segments before it: x001/234', { pattern: '^[0-9]{3}$' }),
)
const partial = inPath('tile', text('three digits and .p', { pattern: '^[0-9]{3}\\.p$' }))
const width = inPath('width', { type: 'integer', minimum: 1, maximum: 255 })
const hashes = { '200': answer('hashes of 32 bytes, one after another', octets) }
const bundle = { '200': answer('entries, each after its length as a big-endian 16-bit number', octets) }
export const ofReading: readonly ProblemCode[] = ['not-yours', 'not-found', ...ofAppend]

const logOperations: readonly OperationSpec[] = [
  {
    method: 'get',
    path: '/log/checkpoint',
    operationId: 'getCheckpoint',
    summary: 'size and root of the log, signed; C2SP tlog-checkpoint',
    answers: { '200': answer('a signed note', plain) },
    problems: [],
  },
  {
    method: 'get',
    path: '/log/vkey',
    operationId: 'getVkey',
    summary: 'the log’s public key, as C2SP signed-note verifier key',
    answers: { '200': answer('one line', plain) },
    problems: [],
  },
  {
    method: 'get',
    path: '/log/tile/{level}/{tile}',
    operationId: 'getTile',
    summary: 'a full tile; C2SP tlog-tiles',
    parameters: [level, tile],
    answers: hashes,
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/log/tile/{level}/{tile}/{width}',
    operationId: 'getPartialTile',
    summary: 'the first hashes of a tile',
    parameters: [level, partial, width],
    answers: hashes,
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/log/tile/entries/{tile}',
    operationId: 'getEntries',
    summary: 'a full bundle of entries, for auditors; the reading is put on record',
    secured: true,
    parameters: [tile],
    answers: bundle,
    problems: ofReading,
  },
  {
    method: 'get',
    path: '/log/tile/entries/{tile}/{width}',
    operationId: 'getPartialEntries',
    summary: 'the first entries of a bundle, for auditors; the reading is put on record',
    secured: true,
    parameters: [partial, width],
    answers: bundle,
    problems: ofReading,
  },
  {
    method: 'get',
    path: '/log/blob/{digest}',
    operationId: 'getBlob',
    summary: 'a file of a catalogue, for auditors; the reading is put on record',
    secured: true,
    parameters: [inPath('digest', text('SHA-256, hex', { pattern: '^[0-9a-f]{64}$' }))],
    answers: { '200': answer('the file', octets) },
    problems: ofReading,
  },
]

const ownOperations: readonly OperationSpec[] = [
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
