import type { Rules } from '../catalogue/rules.ts'
import type { JsonObject } from '../domain/text.ts'
import { closed, index, moment, schemaRef, storable, text } from './openapi-forms.ts'
import { answer, inPath, inQuery, json, type OperationSpec } from './openapi-operation.ts'
import { cursor, limit } from './openapi-page.ts'
import { maxRecordFilterCharacters } from './records.ts'

const record = closed(
  {
    bureau: schemaRef('BureauId'),
    kind: text('kind of the subject'),
    subject: text('the subject’s code'),
    status: text('state of the kind’s main layer'),
    layers: {
      type: 'object',
      description: 'states of the other layers, such as {"tax": {"state-tax": "normal"}}',
      additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
    },
    name: { type: ['string', 'null'] },
    jurisdiction: { type: ['string', 'null'] },
    office: { type: ['string', 'null'], description: 'only for a bureau with an assignment table' },
    data: { type: 'object', description: 'fields that the bureau may see; an operator sees those of persons masked' },
    provenance: {
      type: 'object',
      description: 'by field: the event it came with',
      additionalProperties: closed(
        {
          index,
          source: text('the sending bureau'),
          time: moment('of the event'),
          dismissed: closed({
            index: { ...index, description: 'of an event that would have changed the value, had an operator not dismissed it' },
            operation: { ...index, description: 'of the operator’s request' },
            reason: text('why'),
          }),
        },
        ['dismissed'],
      ),
    },
    firstIndex: index,
    lastIndex: index,
    updatedAt: moment('when the view took in the last event'),
  },
  ['office'],
)

/** What the records of a view look like, by name. */
export const recordSchemas: JsonObject = {
  Record: record,
  RecordPage: closed(
    { records: { type: 'array', maxItems: 100, items: schemaRef('Record') }, next: text('cursor of the page after this one') },
    ['next'],
  ),
}

const etag: JsonObject = { ETag: { required: true, schema: { type: 'string', pattern: '^"[^"]+"$' } } }
const filter = (description: string): JsonObject => text(description, { maxLength: maxRecordFilterCharacters, pattern: storable })

/** The operations on records, as the handlers behave. */
export function recordOperations(rules: Rules): readonly OperationSpec[] {
  const kind = inPath('kind', { type: 'string', enum: [...rules.kinds.keys()] })
  const bureau = inPath('bureau', schemaRef('BureauId'))
  return [
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
        cursor('cursor'),
        limit,
      ],
      answers: { '200': answer('one page', json(schemaRef('RecordPage'))) },
      problems: ['invalid-request', 'not-yours', 'not-found', 'too-many-requests'],
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
      problems: ['invalid-request', 'not-yours', 'not-found'],
    },
  ]
}
