import { parkedCauses } from '../domain/record.ts'
import type { JsonObject } from '../domain/text.ts'
import { defaultPauseAfter, defaultRate, maxRate } from '../operations/replay-acts.ts'
import { replayStates } from '../replay/replay.ts'
import { act, newest } from './openapi-acts.ts'
import { closed, count, index, moment, orNull, schemaRef, text } from './openapi-forms.ts'
import { answer, inPath, json, type OperationSpec } from './openapi-operation.ts'

/** What operators' answers look like, by name. */
export const operatorSchemas: JsonObject = {
  ActDone: {
    description: 'a request that is on record and carried out',
    ...closed(
      {
        action: text('what was asked'),
        index: { ...index, description: 'of its operation entry in the log' },
        received: moment('when the log took it'),
        receipt: text('proof of inclusion; absent where it was on record before'),
        waitsFor: { const: 'approval', description: 'the two-person rule: a second operator approves it' },
        replay: index,
        rebuild: index,
        state: text('of the replay or rebuild now'),
        republication: index,
        bureau: schemaRef('BureauId'),
        check: index,
      },
      ['receipt', 'waitsFor', 'replay', 'rebuild', 'state', 'republication', 'bureau', 'check'],
    ),
  },
  ActNeedless: {
    description: 'what was asked is so already: nothing is on record',
    type: 'object',
    required: ['action', 'carriedOut'],
    properties: { action: text('what was asked'), carriedOut: { const: false } },
  },
  ReplayFailure: closed({
    cause: { enum: [...parkedCauses] },
    type: text('event type'),
    subjects: count,
    example: closed({ index, subject: text('the first such subject'), detail: text('what went wrong') }),
  }),
  ReplayPlan: {
    description: 'what a dry run found',
    ...closed({
      subjects: count,
      events: { ...count, description: 'parked of them' },
      applied: { ...count, description: 'events that would be applied' },
      failed: { ...count, description: 'subjects of which something would stay parked' },
      failures: { type: 'array', items: schemaRef('ReplayFailure') },
    }),
  },
  Replay: closed({
    id: { ...index, description: 'of the operation entry that asked for the plan' },
    bureau: text('whose view'),
    filter: { type: 'object', description: 'whose parked events it takes' },
    state: { enum: [...replayStates] },
    rate: orNull({ type: 'integer', minimum: 1, maximum: maxRate, description: 'events a second; null: as fast as it goes' }),
    pauseAfter: { type: 'integer', minimum: 1, description: 'subjects that may fail again before it pauses by itself' },
    allowance: orNull({ ...count, description: 'of a canary: subjects left to try' }),
    plan: orNull(schemaRef('ReplayPlan')),
    subjectsDone: count,
    subjectsLeft: orNull(count),
    subjectsFailed: count,
    failedSinceResume: count,
    eventsApplied: count,
    failures: { type: 'array', items: schemaRef('ReplayFailure') },
    secondsLeft: orNull(count),
    note: orNull(text('why it paused or ended')),
    party: text('who asked'),
    reason: text('why'),
    createdAt: moment('when it was planned'),
    startedAt: orNull(moment('when it was started')),
    updatedAt: moment('when it last moved'),
  }),
}

/** The operations of operators, as the handlers behave. */
export const operatorOperations: readonly OperationSpec[] = [
  act(
    '/v1/operations/replays',
    'planReplay',
    'action plan-replay, with bureau and filter: what a replay of parked events would do',
  ),
  newest('replays', 'listReplays', 'Replay'),
  {
    method: 'get',
    path: '/v1/operations/replays/{id}',
    operationId: 'getReplay',
    summary: 'one replay: its plan and how far it is, for operators',
    secured: true,
    parameters: [inPath('id', index)],
    answers: { '200': answer('the replay', json(schemaRef('Replay'))) },
    problems: ['invalid-request', 'not-yours', 'not-found'],
  },
  act(
    '/v1/operations/replays/{id}',
    'changeReplay',
    `action canary-replay (subjects), start-replay (rate, ${defaultRate} by default, null for none; pauseAfter, ${defaultPauseAfter} by default), pause-replay, resume-replay or cancel-replay, each with replay`,
    [inPath('id', index)],
  ),
  act(
    '/v1/operations/dismissals',
    'dismissEvents',
    'action dismiss, with bureau and indexes: takes parked events out of one view',
  ),
  {
    method: 'get',
    path: '/v1/operations/proposals',
    operationId: 'listProposals',
    summary: 'acts that wait for a second person, for operators',
    secured: true,
    answers: {
      '200': answer(
        'oldest first',
        json(
          closed({
            proposals: {
              type: 'array',
              maxItems: 100,
              items: closed({
                id: index,
                action: text('what was asked'),
                party: text('who asked'),
                kid: text('with which key'),
                reason: text('why'),
                details: { type: 'object', description: 'what the request names: whose view, which events' },
                recordsTaken: orNull({
                  ...count,
                  description: 'of swap-view: records of the live view that the swap takes away; null of any other act',
                }),
                createdAt: moment('when'),
              }),
            },
          }),
        ),
      ),
    },
    problems: ['invalid-request', 'not-yours'],
  },
  act('/v1/operations/proposals', 'approveProposal', 'action approve, with operation: the second person’s word'),
]
