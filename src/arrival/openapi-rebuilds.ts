import { parkedCauses } from '../domain/record.ts'
import type { JsonObject } from '../domain/text.ts'
import { maxExamples, rebuildStates } from '../replay/rebuild.ts'
import { act, newest } from './openapi-acts.ts'
import { closed, count, index, moment, orNull, schemaRef, text } from './openapi-forms.ts'
import { answer, inPath, json, type OperationSpec } from './openapi-operation.ts'

const sourced = (description: string): JsonObject => ({
  description,
  ...closed({ value: { description: 'absent where there is none, or where it is personal' }, index }, ['value', 'index']),
})
const parkedOf = orNull(closed({ index, cause: { enum: [...parkedCauses] }, events: count }))

/** What rebuilds look like, by name. */
export const rebuildSchemas: JsonObject = {
  ViewDifference: {
    description: 'a subject of which the live view and the rebuilt one differ',
    ...closed(
      {
        kind: text('of the subject'),
        subject: text('its code'),
        what: {
          enum: ['different', 'missing', 'extra', 'parked'],
          description:
            'parked: other events are parked; of the rest, missing: only in the rebuilt one; extra: only in the live one',
        },
        takesRecord: { const: true, description: 'the live view has a record of it, and the rebuilt one has none' },
        fields: {
          type: 'array',
          items: closed(
            {
              field: text('a column of the record, or a field of its data'),
              personal: { const: true, description: 'particulars of a person: the values are left out' },
              live: sourced('in the live view, and from which event'),
              rebuilt: sourced('in the rebuilt one'),
            },
            ['personal'],
          ),
        },
        parked: orNull(closed({ live: parkedOf, rebuilt: parkedOf })),
      },
      ['takesRecord'],
    ),
  },
  Rebuild: closed({
    id: { ...index, description: 'of the operation entry that asked for it' },
    bureau: text('whose view'),
    dryRun: { type: 'boolean', description: 'it only compares' },
    state: { enum: [...rebuildStates] },
    progress: orNull(
      closed({
        subjects: { ...count, description: 'folded so far' },
        events: { ...count, description: 'of them' },
        of: { ...count, description: 'subjects that the log had at the beginning' },
        folded: { type: 'boolean', description: 'through, and kept up with the log' },
      }),
    ),
    result: orNull(
      closed(
        {
          subjects: { ...count, description: 'compared' },
          different: count,
          missing: count,
          extra: { ...count, description: 'only in the live one, with the same events parked' },
          parked: { ...count, description: 'with other events parked, whatever else differs' },
          recordsTaken: {
            ...count,
            description:
              'records that the swap takes away, whatever else differs: the rebuilt view has none of these subjects; absent in what an older version compared',
          },
          behind: { ...count, description: 'not compared: the live view had not come as far' },
          examples: { type: 'array', maxItems: maxExamples, items: schemaRef('ViewDifference') },
        },
        ['recordsTaken'],
      ),
    ),
    note: orNull(text('why it waits, began anew or ended')),
    party: text('who asked'),
    reason: text('why'),
    createdAt: moment('when it was asked for'),
    updatedAt: moment('when it last moved'),
  }),
}

/** The operations on rebuilds, as the handlers behave. */
export const rebuildOperations: readonly OperationSpec[] = [
  act(
    '/v1/operations/rebuilds',
    'rebuildView',
    'action rebuild-view, with bureau and dryRun: folds the whole log into a second view beside the live one, and compares them',
  ),
  newest('rebuilds', 'listRebuilds', 'Rebuild'),
  {
    method: 'get',
    path: '/v1/operations/rebuilds/{id}',
    operationId: 'getRebuild',
    summary: 'one rebuild: how far it is, and in what the two views differ, for operators',
    secured: true,
    parameters: [inPath('id', index)],
    answers: { '200': answer('the rebuild', json(schemaRef('Rebuild'))) },
    problems: ['invalid-request', 'not-yours', 'not-found'],
  },
  act(
    '/v1/operations/rebuilds/{id}',
    'changeRebuild',
    'action swap-view (of one that is ready) or cancel-rebuild, each with rebuild',
    [inPath('id', index)],
  ),
]
