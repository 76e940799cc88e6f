import { orderCodes } from '../domain/problems.ts'
import { parkedCauses } from '../domain/record.ts'
import type { JsonObject } from '../domain/text.ts'
import { base64, closed, compactJws, index, jwsPart, moment, receipt, schemaRef, text } from './openapi-forms.ts'
import { answer, inPath, inQuery, json, type OperationSpec, ofAppend, ofBody } from './openapi-operation.ts'
import { findings } from './openapi-problems.ts'

const whole = {
  index,
  received: moment('when the log took it'),
  entry: text('the bytes that the leaf hash is made of'),
  leafHash: base64('RFC 6962 leaf hash of the entry'),
  receipt,
}

/** What events and the answers to them look like, by name. */
export const eventSchemas: JsonObject = {
  CompactJws: { ...compactJws, description: 'RFC 7515 section 7.1, in strict base64url' },
  FlattenedJws: {
    ...closed({
      protected: jwsPart('protected header'),
      payload: jwsPart('a UTF-8 JSON object, see Event'),
      signature: jwsPart('signature'),
    }),
    description: 'RFC 7515 section 7.2.2, without an unprotected header',
  },
  Acceptance: closed({
    index,
    received: moment('when the log took it'),
    leafHash: base64('RFC 6962 leaf hash of the entry'),
    receipt,
    warnings: findings('what is merely odd about the event'),
  }),
  Fate: {
    oneOf: [
      closed({ state: { enum: ['applied', 'pending', 'not-a-receiver'] } }),
      closed({
        state: { const: 'dismissed' },
        reason: text('why an operator took it out of this view'),
        operation: { ...index, description: 'of the operator’s request' },
      }),
      closed(
        {
          state: { const: 'parked' },
          cause: { enum: [...parkedCauses] },
          detail: text('why it could not be applied'),
          behind: { ...index, description: 'of the event of the same subject that must be applied first' },
        },
        ['behind'],
      ),
    ],
  },
  EventForSender: {
    ...closed({ ...whole, type: text('event type'), fate: schemaRef('Fates') }),
    description: 'an event, for its sender and for auditors, proved by a fresh receipt',
  },
  EntryForAuditor: {
    ...closed(whole),
    description: 'an entry that is no event: for auditors, and a refusal for its sender',
  },
  EventForReceiver: {
    ...closed({ index, type: text('event type'), fate: schemaRef('Fates') }),
    description: 'an event, for a bureau that receives it: its fate in that bureau’s own view',
  },
  EventForOperator: {
    ...closed({
      index,
      received: moment('when the log took it'),
      event: closed({
        id: text('the event’s id'),
        source: text('the sending bureau, /bureaus/<id>'),
        type: text('event type'),
        subject: text('the subject’s code'),
        time: moment('when the sender made it'),
        data: { type: 'object', description: 'particulars of persons are masked' },
      }),
      fate: schemaRef('Fates'),
    }),
    description: 'an event, for an operator',
  },
}

const location: JsonObject = { Location: { required: true, schema: { type: 'string', pattern: '^/v1/events/[0-9]+$' } } }
const eventAnswer = answer(
  'as much of it as the reader may see',
  json({ anyOf: ['EventForSender', 'EntryForAuditor', 'EventForReceiver', 'EventForOperator'].map(schemaRef) }),
)

/** The operations on events, as the handlers behave. */
export const eventOperations: readonly OperationSpec[] = [
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
    problems: ['invalid-request', 'not-found', ...ofAppend],
  },
]
