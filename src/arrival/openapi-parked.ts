import { parkedCauses } from '../domain/record.ts'
import type { JsonObject } from '../domain/text.ts'
import { maxPage } from '../view/queries.ts'
import { closed, count, index, moment, orEmpty, orNull, schemaRef, storable, text } from './openapi-forms.ts'
import { answer, inPath, inQuery, json, type OperationSpec } from './openapi-operation.ts'
import { cursor, limit } from './openapi-page.ts'
import { maxParkedFilterCharacters } from './parked-filter.ts'

const cause: JsonObject = { enum: [...parkedCauses] }
const name = orNull(text('what the subject is called, where a record or an event says it'))
const kind = text('kind of subject')
const subject = text('the subject’s code')
const tries: JsonObject = { type: 'integer', minimum: 1 }

/** What is parked, as operators see it, by name. */
export const parkedSchemas: JsonObject = {
  ParkedEvent: closed({
    bureau: text('in whose view'),
    index,
    kind,
    subject,
    name,
    type: text('event type'),
    cause,
    detail: text('what went wrong'),
    parkedAt: moment('when it was parked'),
    tries: { ...tries, description: 'how often it was tried' },
  }),
  ParkedGroup: {
    description: 'events of one bureau, cause and type that are parked now',
    ...closed({
      bureau: text('in whose view'),
      cause,
      type: text('event type'),
      events: count,
      subjects: count,
      firstParkedAt: moment('when the first of them was parked'),
      lastParkedAt: moment('when the last of them was parked'),
      trend: closed({
        lastHour: { ...count, description: 'of them, parked in the last hour' },
        hourBefore: { ...count, description: 'and in the hour before' },
      }),
      example: closed({ index, kind, subject, name, detail: text('what went wrong') }),
      meaning: text('what the cause means'),
      cure: text('what usually cures it'),
      runbook: text('where the runbook is'),
    }),
  },
  Change: closed({
    field: text('as in the record’s provenance'),
    before: { description: 'null: nothing; particulars of persons are masked' },
    after: { description: 'null: nothing; particulars of persons are masked' },
  }),
  EventInHistory: closed(
    {
      index,
      type: text('event type'),
      sender: text('the sending bureau'),
      time: moment('the sender’s'),
      received: moment('when the log took it'),
      fate: schemaRef('Fate'),
      parkedAt: moment('when it was parked'),
      tries,
      changes: {
        type: 'array',
        description: 'what it changed in the record, or would change were it and those before it applied',
        items: schemaRef('Change'),
      },
      states: { type: 'array', description: 'the same of its states', items: schemaRef('Change') },
    },
    ['parkedAt', 'tries'],
  ),
}

const filterText = (description: string): JsonObject =>
  text(description, { maxLength: maxParkedFilterCharacters, pattern: storable })
const filters: readonly JsonObject[] = [
  inQuery('bureau', orEmpty(schemaRef('BureauId'))),
  inQuery('cause', orEmpty(cause)),
  inQuery('type', filterText('event type')),
  inQuery('kind', filterText('kind of subject')),
  inQuery('subject', filterText('its code; for registrations the USCC')),
  inQuery('name', filterText('a part of the subject’s name, in any case')),
  inQuery('from', orEmpty(moment('parked at or after it'))),
  inQuery('to', orEmpty(moment('parked before it'))),
]
const next = text('cursor of the page after this one')
const listOf = (schema: string, more: JsonObject = {}): JsonObject => ({ type: 'array', items: schemaRef(schema), ...more })

export const parkedOperations: readonly OperationSpec[] = [
  {
    method: 'get',
    path: '/v1/operations/parked',
    operationId: 'listParked',
    summary: 'events that could not be applied to a view, in order of bureau and index, for operators',
    secured: true,
    parameters: [...filters, cursor('cursor'), limit],
    answers: {
      '200': answer('one page', json(closed({ events: listOf('ParkedEvent', { maxItems: maxPage }), next }, ['next']))),
    },
    problems: ['not-yours', 'invalid-request'],
  },
  {
    method: 'get',
    path: '/v1/operations/parked/groups',
    operationId: 'groupParked',
    summary: 'the same by bureau, cause and type, largest first and what waits behind others last, for operators',
    secured: true,
    parameters: filters,
    answers: { '200': answer('every group', json(closed({ groups: listOf('ParkedGroup') }))) },
    problems: ['not-yours', 'invalid-request'],
  },
  {
    method: 'get',
    path: '/v1/operations/parked/{bureau}/{kind}/{subject}',
    operationId: 'getSubjectHistory',
    summary: 'every event about a subject as a bureau’s view met it, and what each changes, for operators',
    secured: true,
    parameters: [inPath('bureau', schemaRef('BureauId')), inPath('kind', kind), inPath('subject', subject), cursor('cursor')],
    answers: {
      '200': answer(
        'one page, in order of index',
        json(
          closed(
            { bureau: text('whose view'), kind, subject, name, events: listOf('EventInHistory', { maxItems: maxPage }), next },
            ['next'],
          ),
        ),
      ),
    },
    problems: ['not-yours', 'invalid-request', 'not-found'],
  },
]
